// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Characters of valid UTF-8. Texts are checked where they come in, so nothing here can fail.
namespace braid::operators {

inline size_t utf8_size(char lead) {
    const auto byte = static_cast<uint8_t>(lead);
    if (byte < 0x80) return 1;
    if (byte < 0xE0) return 2;
    return byte < 0xF0 ? 3 : 4;
}
inline bool is_utf8_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

/// Number of characters.
inline size_t utf8_length(std::string_view text) {
    size_t count = 0;
    for (const char byte : text) count += !is_utf8_continuation(byte);
    return count;
}

/// Bytes of the first `count` characters, or of all if there are fewer.
inline size_t utf8_offset(std::string_view text, size_t count) {
    size_t at = 0;
    for (; count > 0 && at < text.size(); --count) at += utf8_size(text[at]);
    return at < text.size() ? at : text.size();
}

inline std::string_view utf8_prefix(std::string_view text, int64_t count) {
    if (count <= 0) return {};
    return text.substr(0, utf8_offset(text, static_cast<size_t>(count)));
}
inline std::string_view utf8_suffix_from(std::string_view text, int64_t skipped) {
    if (skipped <= 0) return text;
    return text.substr(utf8_offset(text, static_cast<size_t>(skipped)));
}

/// The first character of a text that is not empty.
inline std::string_view utf8_first(std::string_view text) {
    return text.substr(0, utf8_size(text[0]));
}
/// The last character of a text that is not empty.
inline std::string_view utf8_last(std::string_view text) {
    size_t at = text.size() - 1;
    while (at > 0 && is_utf8_continuation(text[at])) --at;
    return text.substr(at);
}

/// Where a part begins, npos if nowhere, in time proportional to the text: std::string_view's own
/// search takes that times the part.
size_t find_part(std::string_view text, std::string_view part);

uint32_t utf8_decode(std::string_view character);
void utf8_append(uint32_t code_point, std::string& out);

}  // namespace braid::operators
