// SPDX-License-Identifier: Apache-2.0
#include "manifest/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace braid::manifest {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

/// For each byte: 0 = as it is, 'u' = \u00XX, else the letter of the short escape.
constexpr std::array<char, 256> make_escapes() {
    std::array<char, 256> escapes{};
    for (size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
    escapes['\n'] = 'n';
    escapes['\r'] = 'r';
    escapes['\t'] = 't';
    escapes['\b'] = 'b';
    escapes['\f'] = 'f';
    escapes['"'] = '"';
    escapes['\\'] = '\\';
    escapes[0x7f] = 'u';  // legal, but nobody wants it on a terminal
    return escapes;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

template <typename T>
void append_number(std::string& out, T value) {
    std::array<char, 32> buffer;
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    CHECK(error == std::errc());
    out.append(buffer.data(), end);
}

}  // namespace

void JsonWriter::line_break() {
    out_ += '\n';
    out_.append(static_cast<size_t>(depth_), ' ');
}

void JsonWriter::before_value() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (!first_) out_ += ',';
    first_ = false;
    if (is_broken()) line_break();
}

bool JsonWriter::is_broken() const {
    return depth_ > 0 && depth_ <= broken_levels_ && short_depth_ == 0;
}

void JsonWriter::begin_short_array() {
    begin('[');
    if (short_depth_ == 0) short_depth_ = depth_;
}

void JsonWriter::begin(char bracket) {
    before_value();
    out_ += bracket;
    ++depth_;
    first_ = true;
}

void JsonWriter::end(char bracket) {
    CHECK(depth_ > 0 && !after_key_);
    const bool broken = is_broken() && !first_;
    if (short_depth_ == depth_) short_depth_ = 0;
    --depth_;
    if (broken) line_break();
    out_ += bracket;
    first_ = false;
}

void JsonWriter::key(std::string_view name) {
    CHECK(!after_key_);
    before_value();
    quoted(name);
    out_ += ':';
    after_key_ = true;
}

void JsonWriter::text(std::string_view value) {
    before_value();
    quoted(value);
}

void JsonWriter::quoted(std::string_view value) {
    out_ += '"';
    size_t from = 0;
    for (size_t at = 0; at < value.size(); ++at) {
        const auto byte = static_cast<uint8_t>(value[at]);
        const char escape = kEscapes[byte];
        if (escape == 0) continue;
        out_.append(value.substr(from, at - from));
        from = at + 1;
        out_ += '\\';
        out_ += escape;
        if (escape != 'u') continue;
        out_ += "00";
        out_ += kHexDigits[byte >> 4];
        out_ += kHexDigits[byte & 15];
    }
    out_.append(value.substr(from));
    out_ += '"';
}

void JsonWriter::hex(std::string_view bytes) {
    before_value();
    out_ += '"';
    size_t place = out_.size();
    out_.resize(place + 2 * bytes.size());
    for (const char each : bytes) {
        const auto byte = static_cast<uint8_t>(each);
        out_[place++] = kHexDigits[byte >> 4];
        out_[place++] = kHexDigits[byte & 15];
    }
    out_ += '"';
}

void JsonWriter::boolean(bool value) {
    before_value();
    out_ += value ? "true" : "false";
}

void JsonWriter::null() {
    before_value();
    out_ += "null";
}

void JsonWriter::number(double value) {
    if (!std::isfinite(value)) return null();
    before_value();
    append_number(out_, value);
}

void JsonWriter::signed_number(int64_t value) {
    before_value();
    append_number(out_, value);
}

void JsonWriter::unsigned_number(uint64_t value) {
    before_value();
    append_number(out_, value);
}

}  // namespace braid::manifest
