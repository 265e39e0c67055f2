// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/decimal_internal.h"
#include "columnar/numeric.h"

namespace braid {
namespace {

using decimal::digit_count;
using decimal::kScaleMax;
using decimal::kUnscaledMax;
using decimal::magnitude;
using decimal::overflow;
using decimal::pow10;
using decimal::with_sign;
using Kind = Numeric::Kind;

Error syntax_error(std::string_view text) {
    return invalid_input("invalid input syntax for type numeric: \"{}\"", text)
        .with_sqlstate("22P02");
}

bool parse_special(std::string_view text, Numeric& value) {
    const bool negative = text.starts_with('-');
    const bool has_sign = negative || text.starts_with('+');
    const std::string_view word = text.substr(has_sign ? 1 : 0);
    if (!has_sign && ascii::equals_ignoring_case(word, "nan")) {
        value = Numeric::nan();
        return true;
    }
    if (!ascii::equals_ignoring_case(word, "infinity") &&
        !ascii::equals_ignoring_case(word, "inf")) {
        return false;
    }
    value = {0, 0, negative ? Kind::kNegativeInfinity : Kind::kInfinity};
    return true;
}

/// Reads digits and at most one point. What does not fit 38 digits is only marked: a syntax error
/// behind it comes first.
struct DecimalReader {
    const char* at;
    const char* end;
    uint128 digits = 0;
    int digits_seen = 0;
    int scale = 0;
    bool too_long = false;

    void read() {
        bool after_point = false;
        uint64_t chunk = 0;
        int chunk_digits = 0;
        for (; at < end; at++) {
            if (*at == '.' && !after_point) {
                after_point = true;
                continue;
            }
            if (!ascii::is_digit(*at)) break;
            chunk = chunk * 10 + static_cast<uint64_t>(*at - '0');
            digits_seen++;
            scale += after_point ? 1 : 0;
            if (++chunk_digits == kChunkDigits) flush(chunk, chunk_digits);
        }
        flush(chunk, chunk_digits);
    }

  private:
    static constexpr int kChunkDigits = 18;

    void flush(uint64_t& chunk, int& chunk_digits) {
        const uint128 factor = pow10(chunk_digits);
        too_long = too_long || digits > (kUnscaledMax - chunk) / factor;
        if (!too_long) digits = digits * factor + chunk;
        chunk = 0;
        chunk_digits = 0;
    }
};

/// The exponent behind `e` and maybe blanks.
Result<int> parse_exponent(const char*& at, const char* end, std::string_view text) {
    constexpr int kBound = INT32_MAX / 2;
    while (at < end && ascii::is_space(*at)) at++;
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || !ascii::is_digit(*at)) return syntax_error(text);
    int64_t exponent = 0;
    for (; at < end && ascii::is_digit(*at); at++) {
        exponent = std::min<int64_t>(exponent * 10 + (*at - '0'), kBound);
    }
    if (exponent == kBound) return overflow();
    return static_cast<int>(negative ? -exponent : exponent);
}

}  // namespace

Result<Numeric> parse_numeric(std::string_view text) {
    const std::string_view body = ascii::trimmed(text);
    DecimalReader reader{body.data(), body.data() + body.size()};
    const bool negative = body.starts_with('-');
    if (negative || body.starts_with('+')) reader.at++;
    reader.read();
    if (reader.digits_seen == 0) {
        Numeric special;
        if (parse_special(body, special)) return special;
        return syntax_error(text);
    }
    int scale = reader.scale;
    if (reader.at < reader.end && (*reader.at == 'e' || *reader.at == 'E')) {
        reader.at++;
        scale -= TRY(parse_exponent(reader.at, reader.end, text));
    }
    if (reader.at != reader.end) return syntax_error(text);
    if (reader.too_long || scale > kScaleMax) return overflow();
    if (scale < 0 && reader.digits != 0) {
        if (digit_count(reader.digits) - scale > Numeric::kDigitsMax) return overflow();
        reader.digits *= pow10(-scale);
    }
    return Numeric{with_sign(reader.digits, negative), static_cast<int16_t>(std::max(scale, 0)),
                   Kind::kFinite};
}

void format_numeric(const Numeric& value, std::string& out) {
    switch (value.kind) {
        case Kind::kNaN:
            out += "NaN";
            return;
        case Kind::kInfinity:
            out += "Infinity";
            return;
        case Kind::kNegativeInfinity:
            out += "-Infinity";
            return;
        case Kind::kFinite:
            break;
    }
    if (value.unscaled < 0) out += '-';
    const size_t from = out.size();
    decimal::append_digits(magnitude(value.unscaled), out);
    if (value.scale == 0) return;
    const auto scale = static_cast<size_t>(value.scale);
    const size_t digits = out.size() - from;
    if (digits <= scale) out.insert(from, scale + 1 - digits, '0');
    out.insert(out.size() - scale, 1, '.');
}

Result<Numeric> numeric_from_double(double value) {
    if (std::isnan(value)) return Numeric::nan();
    if (std::isinf(value))
        return Numeric{0, 0, value < 0 ? Kind::kNegativeInfinity : Kind::kInfinity};
    constexpr int kDoubleDigits = 15;
    std::array<char, 32> text;
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value,
                                            std::chars_format::general, kDoubleDigits);
    return parse_numeric({text.data(), end});
}

double to_double(const Numeric& value) {
    // Both operands exact, so the quotient is rounded once.
    constexpr int kExactPow10Max = 22;
    constexpr int128 kExactMax = int128{1} << 53;
    static constexpr auto kPowers = [] {
        std::array<double, kExactPow10Max + 1> powers{1};
        for (size_t i = 1; i < powers.size(); i++) powers[i] = powers[i - 1] * 10;
        return powers;
    }();
    switch (value.kind) {
        case Kind::kNaN:
            return std::nan("");
        case Kind::kInfinity:
            return HUGE_VAL;
        case Kind::kNegativeInfinity:
            return -HUGE_VAL;
        case Kind::kFinite:
            break;
    }
    if (value.unscaled >= -kExactMax && value.unscaled <= kExactMax &&
        value.scale <= kExactPow10Max) {
        return static_cast<double>(static_cast<int64_t>(value.unscaled)) /
               kPowers[static_cast<size_t>(value.scale)];
    }
    std::string text;
    decimal::append_digits(magnitude(value.unscaled), text);
    text += "e-" + std::to_string(value.scale);
    double result = 0;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return value.unscaled < 0 ? -result : result;
}

namespace {

constexpr int kGroupDigits = 4;
constexpr uint16_t kSignPositive = 0x0000;
constexpr uint16_t kSignNegative = 0x4000;
constexpr uint16_t kSignNaN = 0xc000;
constexpr uint16_t kSignInfinity = 0xd000;
constexpr uint16_t kSignNegativeInfinity = 0xf000;
constexpr int kScaleOfInfinity = 0x20;  // what PostgreSQL sends, and ignores
constexpr size_t kHeaderBytes = 8;

void append_word(int value, std::string& out) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

uint16_t read_word(std::string_view bytes, size_t at) {
    return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 |
                                 static_cast<uint8_t>(bytes[at + 1]));
}

uint16_t sign_word(const Numeric& value) {
    switch (value.kind) {
        case Kind::kNaN:
            return kSignNaN;
        case Kind::kInfinity:
            return kSignInfinity;
        case Kind::kNegativeInfinity:
            return kSignNegativeInfinity;
        case Kind::kFinite:
            break;
    }
    return value.unscaled < 0 ? kSignNegative : kSignPositive;
}

/// Base 10,000 groups around the decimal point, without zero groups at either end. The first group
/// counts 10000^weight.
struct Groups {
    std::string digits;  // four for each group
    int weight = 0;

    explicit Groups(const Numeric& value) {
        if (value.unscaled == 0) return;
        decimal::append_digits(magnitude(value.unscaled), digits);
        const int padding = (kGroupDigits - value.scale % kGroupDigits) % kGroupDigits;
        digits.append(static_cast<size_t>(padding), '0');
        digits.insert(0, (kGroupDigits - digits.size() % kGroupDigits) % kGroupDigits, '0');
        weight = count() - 1 - (value.scale + padding) / kGroupDigits;
        while (digits.ends_with("0000")) digits.resize(digits.size() - kGroupDigits);
    }
    int count() const { return static_cast<int>(digits.size()) / kGroupDigits; }
    int group(int index) const {
        int value = 0;
        const char* at = digits.data() + index * kGroupDigits;
        for (int i = 0; i < kGroupDigits; i++) value = value * 10 + (at[i] - '0');
        return value;
    }
};

Error bad_binary(std::string_view what) {
    return invalid_input("invalid {} in external \"numeric\" value", what).with_sqlstate("22P03");
}

/// The groups as decimal digits up to 10^-scale; what lies below is cut off, as PostgreSQL does.
Result<Numeric> from_groups(std::string_view groups, int weight, bool negative, int scale) {
    uint128 digits = 0;
    int exponent = (weight + 1) * kGroupDigits;  // of ten, behind the digits read so far
    for (size_t at = 0; at < groups.size(); at += 2) {
        const uint16_t group = read_word(groups, at);
        if (group > 9999) return bad_binary("digit");
        for (int i = kGroupDigits - 1; i >= 0; i--) {
            if (--exponent < -scale) continue;
            if (digits > kUnscaledMax / 10) return overflow();
            digits =
                digits * 10 + static_cast<unsigned>(group) / static_cast<unsigned>(pow10(i)) % 10;
        }
    }
    const int missing = exponent + scale;
    if (digits != 0 && missing > 0) {
        if (digit_count(digits) + missing > Numeric::kDigitsMax) return overflow();
        digits *= pow10(missing);
    }
    return Numeric{with_sign(digits, negative), static_cast<int16_t>(scale), Kind::kFinite};
}

}  // namespace

void format_numeric_binary(const Numeric& value, std::string& out) {
    const Groups groups(value.is_finite() ? value : Numeric{});
    append_word(groups.count(), out);
    append_word(groups.weight, out);
    append_word(sign_word(value), out);
    append_word(value.is_finite()          ? value.scale
                : value.kind == Kind::kNaN ? 0
                                           : kScaleOfInfinity,
                out);
    for (int i = 0; i < groups.count(); i++) append_word(groups.group(i), out);
}

Result<Numeric> parse_numeric_binary(std::string_view bytes) {
    const auto bad_size = [] {
        return invalid_input("insufficient data left in message").with_sqlstate("08P01");
    };
    if (bytes.size() < kHeaderBytes) return bad_size();
    const uint16_t count = read_word(bytes, 0);
    const int weight = static_cast<int16_t>(read_word(bytes, 2));
    const uint16_t sign = read_word(bytes, 4);
    const uint16_t scale = read_word(bytes, 6);
    switch (sign) {
        case kSignNaN:
            return Numeric::nan();
        case kSignInfinity:
            return Numeric{0, 0, Kind::kInfinity};
        case kSignNegativeInfinity:
            return Numeric{0, 0, Kind::kNegativeInfinity};
        case kSignPositive:
        case kSignNegative:
            break;
        default:
            return bad_binary("sign");
    }
    if (scale > kScaleMax) return bad_binary("scale");
    if (bytes.size() != kHeaderBytes + size_t{count} * 2) return bad_size();
    return from_groups(bytes.substr(kHeaderBytes), weight, sign == kSignNegative, scale);
}

}  // namespace braid
