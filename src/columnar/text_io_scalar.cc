// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/text_io.h"
#include "columnar/text_io_internal.h"

namespace braid {
namespace text_io {

Error bad_syntax(std::string_view type_name, std::string_view text) {
    return invalid_input("invalid input syntax for type {}: \"{}\"", type_name, text)
        .with_sqlstate("22P02");
}

Result<bool> parse_bool(std::string_view text) {
    constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "1"};
    constexpr std::array<std::string_view, 4> kFalse = {"false", "no", "off", "0"};
    const std::string_view word = ascii::trimmed(text);
    const auto abbreviates = [word](std::string_view full) {
        // "o" alone would be on as well as off.
        const size_t least = full.starts_with('o') ? 2 : 1;
        return word.size() >= least && word.size() <= full.size() &&
               ascii::equals_ignoring_case(word, full.substr(0, word.size()));
    };
    if (std::ranges::any_of(kTrue, abbreviates)) return true;
    if (std::ranges::any_of(kFalse, abbreviates)) return false;
    return bad_syntax("boolean", text);
}

namespace {

Error integer_out_of_range(std::string_view text, std::string_view type_name) {
    return invalid_input("value \"{}\" is out of range for type {}", text, type_name)
        .with_sqlstate("22003");
}

enum class IntegerFault : uint8_t { kNone, kSyntax, kRange };

/// Blanks, a sign, digits, blanks. A number that is too large is out of range whatever follows it.
template <typename T>
IntegerFault read_integer(std::string_view text, T& value) {
    const char* at = text.data();
    const char* end = at + text.size();
    if (text.size() <= std::numeric_limits<T>::digits10 && !text.empty()) {
        // Digits alone, too few to overflow: what nearly every number is.
        T number = 0;
        for (; at < end && ascii::is_digit(*at); at++)
            number = number * 10 + static_cast<T>(*at - '0');
        if (at == end) {
            value = number;
            return IntegerFault::kNone;
        }
        at = text.data();
    }
    while (at < end && ascii::is_space(*at)) at++;
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || !ascii::is_digit(*at)) return IntegerFault::kSyntax;
    // Counted downwards: the lowest number has no positive twin.
    T sum = 0;
    for (; at < end && ascii::is_digit(*at); at++) {
        if (__builtin_mul_overflow(sum, T{10}, &sum) ||
            __builtin_sub_overflow(sum, static_cast<T>(*at - '0'), &sum)) {
            return IntegerFault::kRange;
        }
    }
    while (at < end && ascii::is_space(*at)) at++;
    if (at != end) return IntegerFault::kSyntax;
    if (!negative && sum == std::numeric_limits<T>::min()) return IntegerFault::kRange;
    value = negative ? sum : static_cast<T>(-sum);
    return IntegerFault::kNone;
}

/// An OID: unsigned, and a negative number stands for itself modulo 2^32.
Result<int64_t> parse_oid(std::string_view text, std::string_view type_name) {
    int64_t value = 0;
    const IntegerFault fault = read_integer(text, value);
    if (fault == IntegerFault::kSyntax) return bad_syntax(type_name, text);
    if (fault == IntegerFault::kRange || value < INT32_MIN || value > UINT32_MAX) {
        return integer_out_of_range(text, type_name);
    }
    return static_cast<int64_t>(static_cast<uint32_t>(value));
}

}  // namespace

Result<int32_t> parse_int4(std::string_view text, const Type& type) {
    const bool small = type.alias == TypeAlias::kInt2;
    int32_t value = 0;
    const IntegerFault fault = read_integer(text, value);
    if (fault == IntegerFault::kSyntax) return bad_syntax(small ? "smallint" : "integer", text);
    if (fault == IntegerFault::kRange || (small && (value < INT16_MIN || value > INT16_MAX))) {
        return integer_out_of_range(text, small ? "smallint" : "integer");
    }
    return value;
}

Result<int64_t> parse_int8(std::string_view text, const Type& type) {
    switch (type.alias) {
        case TypeAlias::kOid:
        case TypeAlias::kXid:
            return parse_oid(text, type.name());
        case TypeAlias::kRegclass:
        case TypeAlias::kRegtype:
        case TypeAlias::kRegproc:
            if (text == "-") return 0;
            if (!text.empty() && ascii::is_digit(text.front())) return parse_oid(text, "oid");
            return unsupported("a {} is only read as a number here: \"{}\"", type.name(), text);
        default:
            break;
    }
    int64_t value = 0;
    const IntegerFault fault = read_integer(text, value);
    if (fault == IntegerFault::kNone) return value;
    if (fault == IntegerFault::kSyntax) return bad_syntax("bigint", text);
    return integer_out_of_range(text, "bigint");
}

Result<double> parse_float8(std::string_view text) {
    const std::string_view trimmed = ascii::trimmed(text);
    std::string_view number = trimmed;
    const bool negative = number.starts_with('-');
    if (negative || number.starts_with('+')) number.remove_prefix(1);
    auto format = std::chars_format::general;
    if (number.size() > 2 && number[0] == '0' && ascii::to_lower(number[1]) == 'x') {
        format = std::chars_format::hex;
        number.remove_prefix(2);
    }
    double value = 0;
    const char* end = number.data() + number.size();
    const auto [at, error] = std::from_chars(number.data(), end, value, format);
    if (number.starts_with('-') || error == std::errc::invalid_argument) {
        return bad_syntax("double precision", text);
    }
    if (error == std::errc::result_out_of_range) {
        const std::string_view read(trimmed.data(), static_cast<size_t>(at - trimmed.data()));
        return invalid_input("\"{}\" is out of range for type double precision", read)
            .with_sqlstate("22003");
    }
    if (at != end) return bad_syntax("double precision", text);
    return negative ? -value : value;
}

namespace {

constexpr size_t kNameBytesMax = 63;

bool is_character_start(char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }

/// The first characters of a text; all of it if it has no more.
std::string_view first_characters(std::string_view text, size_t count) {
    size_t at = 0;
    for (; at < text.size(); at++) {
        if (is_character_start(text[at]) && count-- == 0) break;
    }
    return text.substr(0, at);
}

Result<std::string_view> fit_varchar(std::string_view text, const Type& type) {
    const auto limit = static_cast<size_t>(type.precision);
    if (text.size() <= limit) return text;
    const std::string_view kept = first_characters(text, limit);
    const bool only_blanks = text.find_first_not_of(' ', kept.size()) == std::string_view::npos;
    if (only_blanks) return kept;
    return invalid_input("value too long for type {}", type.name()).with_sqlstate("22001");
}

}  // namespace

Result<std::string_view> parse_string(std::string_view text, const Type& type) {
    if (!is_valid_utf8(text)) return bad_utf8(text);
    switch (type.alias) {
        case TypeAlias::kName: {
            if (text.size() <= kNameBytesMax) return text;
            size_t end = kNameBytesMax;
            while (!is_character_start(text[end])) end--;
            return text.substr(0, end);
        }
        case TypeAlias::kChar:
            return first_characters(text, 1);
        case TypeAlias::kVarchar:
            if (type.precision >= 0) return fit_varchar(text, type);
            return text;
        default:
            return text;
    }
}

void format_int(int64_t value, std::string& out) {
    std::array<char, 24> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out.append(digits.data(), end);
}

}  // namespace text_io

namespace {

/// The digits d.ddde±xx of a double.
struct ShortestDigits {
    std::array<char, 32> text;
    char* end = nullptr;
    const char* exponent_at = nullptr;
    int exponent = 0;

    explicit ShortestDigits(double value) {
        end = std::to_chars(text.data(), text.data() + text.size(), value,
                            std::chars_format::scientific)
                  .ptr;
        find_exponent();
        // Halfway between two doubles, digits read back by rounding to even only; PostgreSQL does
        // not rely on that and takes more digits then. Such decimals are whole numbers beyond 2^53.
        constexpr int kMidpointExponentMin = 15;
        for (int precision = 1; exponent >= kMidpointExponentMin && is_midpoint(); precision++) {
            retry(value, precision);
        }
    }

  private:
    void find_exponent() {
        exponent_at = std::find(text.data(), end, 'e');
        exponent = 0;
        std::from_chars(exponent_at + (exponent_at[1] == '+' ? 2 : 1), end, exponent);
    }

    void retry(double value, int precision) {
        double read_back = 0;
        end = std::to_chars(text.data(), text.data() + text.size(), value,
                            std::chars_format::scientific, precision)
                  .ptr;
        std::from_chars(text.data(), end, read_back);
        find_exponent();
        if (read_back != value) retry(value, precision + 1);
    }

    /// A midpoint has one significant bit more than a double. The value is odd × 2^n with odd made
    /// of the digits' odd part and powers of five.
    bool is_midpoint() const {
        constexpr int kMidpointBits = 54;
        uint64_t digits = 0;
        int fives = exponent;
        for (const char* at = text.data(); at < exponent_at; at++) {
            if (!ascii::is_digit(*at)) continue;
            digits = digits * 10 + static_cast<uint64_t>(*at - '0');
            fives -= at > text.data() + (text[0] == '-' ? 1 : 0) ? 1 : 0;
        }
        if (digits == 0 || fives < 0) return false;
        digits >>= std::countr_zero(digits);
        for (; fives > 0; fives--) {
            if (std::bit_width(digits) > kMidpointBits) return false;
            digits *= 5;
        }
        return std::bit_width(digits) == kMidpointBits;
    }
};

}  // namespace

void format_double(double value, std::string& out) {
    if (std::isnan(value)) {
        out += "NaN";
        return;
    }
    if (std::isinf(value)) {
        out += value < 0 ? "-Infinity" : "Infinity";
        return;
    }
    // PostgreSQL writes exponents from -4 to 14 as plain decimals.
    constexpr int kPlainExponentMin = -4;
    constexpr int kPlainExponentMax = 14;
    const ShortestDigits shortest(value);
    const int exponent = shortest.exponent;
    if (exponent < kPlainExponentMin || exponent > kPlainExponentMax) {
        out.append(shortest.text.data(), static_cast<size_t>(shortest.end - shortest.text.data()));
        return;
    }
    const char* at = shortest.text.data();
    if (*at == '-') out += *at++;
    std::array<char, 20> digits;
    size_t count = 0;
    for (; at < shortest.exponent_at; at++) {
        if (*at != '.') digits[count++] = *at;
    }
    if (exponent < 0) {
        out += "0.";
        out.append(static_cast<size_t>(-exponent - 1), '0');
        out.append(digits.data(), count);
        return;
    }
    const auto before_point = static_cast<size_t>(exponent) + 1;
    out.append(digits.data(), std::min(before_point, count));
    if (count <= before_point) {
        out.append(before_point - count, '0');
    } else {
        out += '.';
        out.append(digits.data() + before_point, count - before_point);
    }
}

}  // namespace braid
