// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error_makers.h"
#include "columnar/text_io.h"
#include "columnar/text_io_internal.h"

namespace braid {
namespace {

/// Bytes of the character at `at`, 0 if it is none: RFC 3629, and NUL is no character to
/// PostgreSQL.
size_t character_size(const uint8_t* at, const uint8_t* end) {
    const auto is_tail = [](uint8_t byte) { return (byte & 0xc0) == 0x80; };
    const uint8_t lead = *at;
    const auto left = static_cast<size_t>(end - at);
    if (lead < 0x80) return lead != 0 ? 1 : 0;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return left >= 2 && is_tail(at[1]) ? 2 : 0;
    if (lead < 0xf0) {
        if (left < 3 || !is_tail(at[1]) || !is_tail(at[2])) return 0;
        const bool overlong = lead == 0xe0 && at[1] < 0xa0;
        const bool surrogate = lead == 0xed && at[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead > 0xf4 || left < 4 || !is_tail(at[1]) || !is_tail(at[2]) || !is_tail(at[3])) return 0;
    const bool overlong = lead == 0xf0 && at[1] < 0x90;
    const bool beyond = lead == 0xf4 && at[1] >= 0x90;
    return overlong || beyond ? 0 : 4;
}

/// Steps over ASCII without NUL, eight bytes at a time and then singly.
const uint8_t* skip_ascii(const uint8_t* at, const uint8_t* end) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    constexpr uint64_t kHighBits = 0x8080808080808080;
    while (end - at >= 32) {
        uint64_t marks = 0;
        for (int i = 0; i < 4; i++) {
            uint64_t word;
            std::memcpy(&word, at + i * 8, sizeof word);
            // A zero byte borrows its high bit.
            marks |= (word - kOnes) | word;
        }
        if ((marks & kHighBits) != 0) break;
        at += 32;
    }
    while (end - at >= 8) {
        uint64_t word;
        std::memcpy(&word, at, sizeof word);
        if ((((word - kOnes) | word) & kHighBits) != 0) break;
        at += 8;
    }
    while (at < end && *at != 0 && *at < 0x80) at++;
    return at;
}

/// The first byte that begins no character, or the end.
const uint8_t* find_invalid(const uint8_t* at, const uint8_t* end) {
    for (;;) {
        at = skip_ascii(at, end);
        while (at < end && *at >= 0x80) {
            const size_t size = character_size(at, end);
            if (size == 0) return at;
            at += size;
        }
        if (at == end || *at == 0) return at;
    }
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
    const auto* at = reinterpret_cast<const uint8_t*>(text.data());
    return find_invalid(at, at + text.size()) == at + text.size();
}

Error text_io::bad_utf8(std::string_view text) {
    const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* end = begin + text.size();
    const uint8_t* at = find_invalid(begin, end);
    std::string bytes;
    if (at < end) {
        // As many bytes as the first one promises.
        const int promised = *at >= 0xf0 && *at < 0xf8   ? 4
                             : *at >= 0xe0 && *at < 0xf0 ? 3
                             : *at >= 0xc0 && *at < 0xe0 ? 2
                                                         : 1;
        for (int i = 0; i < promised && at + i < end; i++) bytes += fmt::format(" 0x{:02x}", at[i]);
    }
    return invalid_input("invalid byte sequence for encoding \"UTF8\":{}", bytes)
        .with_sqlstate("22021");
}

}  // namespace braid
