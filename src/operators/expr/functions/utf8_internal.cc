// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/utf8_internal.h"

#include <cstring>

namespace braid::operators {

size_t find_part(std::string_view text, std::string_view part) {
    // The plain search is the faster one for what is commonly looked for.
    constexpr size_t kShortPart = 32;
    if (part.size() <= kShortPart) return text.find(part);
    const void* found = memmem(text.data(), text.size(), part.data(), part.size());
    if (found == nullptr) return std::string_view::npos;
    return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

uint32_t utf8_decode(std::string_view character) {
    const auto byte = [&](size_t i) { return uint32_t{static_cast<uint8_t>(character[i])}; };
    const auto tail = [&](size_t i) { return byte(i) & 0x3F; };
    switch (utf8_size(character[0])) {
        case 1:
            return byte(0);
        case 2:
            return (byte(0) & 0x1F) << 6 | tail(1);
        case 3:
            return (byte(0) & 0x0F) << 12 | tail(1) << 6 | tail(2);
        default:
            return (byte(0) & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
    }
}

void utf8_append(uint32_t code_point, std::string& out) {
    const auto tail = [&](int shift) {
        return static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
    };
    if (code_point < 0x80) {
        out += static_cast<char>(code_point);
    } else if (code_point < 0x800) {
        out += static_cast<char>(0xC0 | code_point >> 6);
        out += tail(0);
    } else if (code_point < 0x10000) {
        out += static_cast<char>(0xE0 | code_point >> 12);
        out += tail(6);
        out += tail(0);
    } else {
        out += static_cast<char>(0xF0 | code_point >> 18);
        out += tail(12);
        out += tail(6);
        out += tail(0);
    }
}

}  // namespace braid::operators
