// SPDX-License-Identifier: Apache-2.0
#include "columnar/numeric.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <utility>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/decimal_internal.h"

namespace braid {
namespace {

using decimal::digit_count;
using decimal::kPow10Max;
using decimal::kScaleMax;
using decimal::kUnscaledMax;
using decimal::magnitude;
using decimal::overflow;
using decimal::pow10;
using decimal::with_sign;
using Kind = Numeric::Kind;

/// PostgreSQL takes a wanted scale outside these bounds as the bound.
constexpr int kResultScaleMax = 2000;
constexpr int kDisplayScaleMax = 1000;
/// A quotient shows at least as many significant digits.
constexpr int kQuotientDigitsMin = 16;
/// PostgreSQL holds numerics in base 10,000, and its rule for quotients speaks of such digits.
constexpr int kBaseDigits = 4;

Numeric finite(int128 unscaled, int scale) {
    return {unscaled, static_cast<int16_t>(scale), Kind::kFinite};
}
Numeric infinity(bool negative) {
    return {0, 0, negative ? Kind::kNegativeInfinity : Kind::kInfinity};
}
Result<Numeric> checked(int128 unscaled, int scale) {
    if (magnitude(unscaled) > kUnscaledMax || scale > kScaleMax) return overflow();
    return finite(unscaled, scale);
}

bool is_infinite(const Numeric& value) {
    return value.kind == Kind::kInfinity || value.kind == Kind::kNegativeInfinity;
}
bool is_negative(const Numeric& value) {
    return value.kind == Kind::kNegativeInfinity || (value.is_finite() && value.unscaled < 0);
}
bool is_zero(const Numeric& value) { return value.is_finite() && value.unscaled == 0; }

/// value × 10^exponent; false if it has more than 38 digits.
bool scale_up(uint128& value, int exponent) {
    if (value == 0 || exponent == 0) return true;
    if (digit_count(value) + exponent > Numeric::kDigitsMax) return false;
    value *= pow10(exponent);
    return true;
}

int rank(Kind kind) {
    switch (kind) {
        case Kind::kNegativeInfinity:
            return 0;
        case Kind::kFinite:
            return 1;
        case Kind::kInfinity:
            return 2;
        case Kind::kNaN:
            return 3;
    }
    return 3;
}

std::strong_ordering order(int128 left, int128 right) {
    if (left == right) return std::strong_ordering::equal;
    return left < right ? std::strong_ordering::less : std::strong_ordering::greater;
}

Error division_by_zero() { return invalid_input("division by zero").with_sqlstate("22012"); }

/// The sum where aligning the scales leaves 128 bits on the way.
Result<Numeric> add_wide(const Numeric& left, const Numeric& right) {
    const int scale = std::max(left.scale, right.scale);
    WideInt sum;
    for (const Numeric* term : {&left, &right}) {
        WideInt aligned;
        aligned.add(term->unscaled);
        if (!aligned.multiply_pow10(scale - term->scale)) return overflow();
        sum.add(aligned);
    }
    if (!sum.fits_int128()) return overflow();
    return checked(sum.to_int128(), scale);
}

}  // namespace

std::strong_ordering compare(const Numeric& left, const Numeric& right) {
    if (left.kind != right.kind || !left.is_finite()) return rank(left.kind) <=> rank(right.kind);
    if (left.scale == right.scale) return order(left.unscaled, right.unscaled);
    const bool left_negative = left.unscaled < 0;
    if (left.unscaled == 0 || right.unscaled == 0 || left_negative != (right.unscaled < 0)) {
        return order(left.unscaled, right.unscaled);
    }
    uint128 left_digits = magnitude(left.unscaled);
    uint128 right_digits = magnitude(right.unscaled);
    const int left_count = digit_count(left_digits);
    const int right_count = digit_count(right_digits);
    std::strong_ordering by_magnitude = (left_count - left.scale) <=> (right_count - right.scale);
    if (by_magnitude == 0) {
        // The same power of ten leads both, so with equally many digits they compare as integers.
        if (left_count < right_count) left_digits *= pow10(right_count - left_count);
        if (right_count < left_count) right_digits *= pow10(left_count - right_count);
        by_magnitude = left_digits == right_digits  ? std::strong_ordering::equal
                       : left_digits < right_digits ? std::strong_ordering::less
                                                    : std::strong_ordering::greater;
    }
    return left_negative ? 0 <=> by_magnitude : by_magnitude;
}

Result<Numeric> add(const Numeric& left, const Numeric& right) {
    if (!left.is_finite() || !right.is_finite()) {
        if (left.kind == Kind::kNaN || right.kind == Kind::kNaN) return Numeric::nan();
        if (left.is_finite()) return right;
        if (right.is_finite() || left.kind == right.kind) return left;
        return Numeric::nan();
    }
    int128 sum;
    if (left.scale == right.scale && !__builtin_add_overflow(left.unscaled, right.unscaled, &sum)) {
        return checked(sum, left.scale);
    }
    const int scale = std::max(left.scale, right.scale);
    uint128 left_digits = magnitude(left.unscaled);
    uint128 right_digits = magnitude(right.unscaled);
    if (scale_up(left_digits, scale - left.scale) && scale_up(right_digits, scale - right.scale) &&
        !__builtin_add_overflow(with_sign(left_digits, left.unscaled < 0),
                                with_sign(right_digits, right.unscaled < 0), &sum)) {
        return checked(sum, scale);
    }
    return add_wide(left, right);
}

Result<Numeric> subtract(const Numeric& left, const Numeric& right) {
    return add(left, negate(right));
}

Result<Numeric> multiply(const Numeric& left, const Numeric& right) {
    if (!left.is_finite() || !right.is_finite()) {
        if (left.kind == Kind::kNaN || right.kind == Kind::kNaN || is_zero(left) ||
            is_zero(right)) {
            return Numeric::nan();
        }
        return infinity(is_negative(left) != is_negative(right));
    }
    int128 product;
    if (__builtin_mul_overflow(left.unscaled, right.unscaled, &product)) return overflow();
    const int scale = left.scale + right.scale;
    if (scale <= kScaleMax) return checked(product, scale);
    if (magnitude(product) > kUnscaledMax) return overflow();
    const int dropped = scale - kScaleMax;
    const uint128 kept =
        dropped > kPow10Max ? 0 : decimal::divide_rounded(magnitude(product), pow10(dropped));
    return finite(with_sign(kept, product < 0), kScaleMax);
}

namespace {

/// The most significant non-zero digit of a value in base 10,000, and its place.
struct LeadingDigit {
    int weight = 0;
    int digit = 0;
};

LeadingDigit leading_digit(const Numeric& value) {
    const uint128 digits = magnitude(value.unscaled);
    const int count = digit_count(digits);
    if (count == 0) return {};
    const int exponent = count - 1 - value.scale;
    const int weight =
        exponent >= 0 ? exponent / kBaseDigits : -((kBaseDigits - 1 - exponent) / kBaseDigits);
    const int taken = exponent - weight * kBaseDigits + 1;
    const uint128 digit =
        count >= taken ? digits / pow10(count - taken) : digits * pow10(taken - count);
    return {weight, static_cast<int>(digit)};
}

int quotient_scale(const Numeric& left, const Numeric& right) {
    const LeadingDigit above = leading_digit(left);
    const LeadingDigit below = leading_digit(right);
    const int weight = above.weight - below.weight - (above.digit <= below.digit ? 1 : 0);
    const int scale =
        std::max({kQuotientDigitsMin - weight * kBaseDigits, int{left.scale}, int{right.scale}, 0});
    return std::min(scale, kDisplayScaleMax);
}

Result<Numeric> divide_special(const Numeric& left, const Numeric& right) {
    if (left.kind == Kind::kNaN || right.kind == Kind::kNaN) return Numeric::nan();
    if (right.is_finite()) {
        if (right.unscaled == 0) return division_by_zero();
        return infinity(is_negative(left) != is_negative(right));
    }
    return left.is_finite() ? finite(0, 0) : Numeric::nan();
}

/// (dividend × 10^exponent) / divisor, rounded; false if it has more than 38 digits.
bool divide_scaled(uint128& value, int exponent, uint128 divisor) {
    if (value == 0) return true;
    const int count = digit_count(value);
    if (count + exponent - digit_count(divisor) > Numeric::kDigitsMax) return false;
    // Here the dividend has at most 76 digits.
    const int first = std::min(exponent, kPow10Max - count);
    const decimal::Uint256 dividend = decimal::multiply_full(value * pow10(std::max(first, 0)),
                                                             pow10(exponent - std::max(first, 0)));
    if (dividend.high >= divisor) return false;
    const auto [quotient, remainder] = decimal::divide_wide(dividend, divisor);
    value = quotient + (remainder >= divisor - remainder ? 1 : 0);
    return value <= kUnscaledMax && value >= quotient;
}

}  // namespace

Result<Numeric> divide(const Numeric& left, const Numeric& right) {
    if (!left.is_finite() || !right.is_finite()) return divide_special(left, right);
    if (right.unscaled == 0) return division_by_zero();
    const int scale = quotient_scale(left, right);
    uint128 quotient = magnitude(left.unscaled);
    int exponent = scale + right.scale - left.scale;
    uint128 divisor = magnitude(right.unscaled);
    // Only a left scale beyond the display limit of 1000 comes here with a negative exponent.
    for (; exponent < 0 && divisor <= kUnscaledMax / 10; exponent++) divisor *= 10;
    if (exponent < 0) return finite(0, scale);
    if (!divide_scaled(quotient, exponent, divisor)) return overflow();
    return finite(with_sign(quotient, (left.unscaled < 0) != (right.unscaled < 0)), scale);
}

namespace {

/// value × 10^exponent mod modulus, by doubling: twice a residue still fits 128 bits.
uint128 scaled_remainder(uint128 value, int exponent, uint128 modulus) {
    const auto sum = [modulus](uint128 left, uint128 right) {
        return left + right >= modulus ? left + right - modulus : left + right;
    };
    uint128 residue = value % modulus;
    for (; exponent > 0 && residue != 0; exponent--) {
        const uint128 twice = sum(residue, residue);
        const uint128 five_times = sum(sum(twice, twice), residue);
        residue = sum(five_times, five_times);
    }
    return residue;
}

}  // namespace

Result<Numeric> modulo(const Numeric& left, const Numeric& right) {
    if (!left.is_finite() || !right.is_finite()) {
        if (left.kind == Kind::kNaN || right.kind == Kind::kNaN) return Numeric::nan();
        if (is_zero(right)) return division_by_zero();
        return is_infinite(left) ? Numeric::nan() : left;
    }
    if (right.unscaled == 0) return division_by_zero();
    const int scale = std::max(left.scale, right.scale);
    const uint128 dividend = magnitude(left.unscaled);
    uint128 divisor = magnitude(right.unscaled);
    uint128 remainder = dividend;
    if (left.scale <= right.scale) {
        remainder = scaled_remainder(dividend, scale - left.scale, divisor);
    } else if (scale_up(divisor, scale - right.scale)) {
        remainder = dividend % divisor;
    }
    return finite(with_sign(remainder, left.unscaled < 0), scale);
}

Numeric negate(const Numeric& value) {
    switch (value.kind) {
        case Kind::kFinite:
            return finite(-value.unscaled, value.scale);
        case Kind::kNaN:
            return value;
        case Kind::kInfinity:
            return infinity(/* negative= */ true);
        case Kind::kNegativeInfinity:
            return infinity(/* negative= */ false);
    }
    return value;
}

Result<Numeric> round_to(const Numeric& value, int scale) {
    if (!value.is_finite()) return value;
    scale = std::clamp(scale, -kResultScaleMax, kResultScaleMax);
    uint128 digits = magnitude(value.unscaled);
    if (scale >= value.scale) {
        if (!scale_up(digits, scale - value.scale)) return overflow();
        return finite(with_sign(digits, value.unscaled < 0), scale);
    }
    const int dropped = value.scale - scale;
    digits = dropped > kPow10Max ? 0 : decimal::divide_rounded(digits, pow10(dropped));
    if (scale < 0 && !scale_up(digits, -scale)) return overflow();
    return finite(with_sign(digits, value.unscaled < 0), std::max(scale, 0));
}

Numeric trunc_to(const Numeric& value, int scale) {
    if (!value.is_finite()) return value;
    scale = std::clamp(scale, -kResultScaleMax, kResultScaleMax);
    uint128 digits = magnitude(value.unscaled);
    if (scale >= value.scale) {
        // Zeros that 38 digits cannot show are left away: the value is the same.
        if (digits != 0)
            scale = std::min(scale, value.scale + Numeric::kDigitsMax - digit_count(digits));
        (void)scale_up(digits, scale - value.scale);
        return finite(with_sign(digits, value.unscaled < 0), scale);
    }
    const int dropped = value.scale - scale;
    digits = dropped > kPow10Max ? 0 : digits / pow10(dropped);
    if (scale < 0) (void)scale_up(digits, -scale);
    return finite(with_sign(digits, value.unscaled < 0), std::max(scale, 0));
}

Result<Numeric> fit(const Numeric& value, int precision, int scale) {
    if (value.kind == Kind::kNaN) return value;
    const auto field_overflow = [&](std::string detail) {
        return invalid_input("numeric field overflow")
            .with_sqlstate("22003")
            .with_detail(
                fmt::format("A field with precision {}, scale {} {}", precision, scale, detail));
    };
    if (!value.is_finite()) return field_overflow("cannot hold an infinite value.");
    const Numeric rounded = TRY(round_to(value, scale));
    const int integer_digits = digit_count(magnitude(rounded.unscaled)) - rounded.scale;
    if (rounded.unscaled != 0 && integer_digits > precision - scale) {
        const int limit = precision - scale;
        return field_overflow(fmt::format("must round to an absolute value less than {}{}.",
                                          limit != 0 ? "10^" : "", limit != 0 ? limit : 1));
    }
    return rounded;
}

Result<int64_t> to_int8(const Numeric& value) {
    if (!value.is_finite()) {
        return unsupported("cannot convert {} to bigint",
                           value.kind == Kind::kNaN ? "NaN" : "infinity");
    }
    const Numeric rounded = TRY(round_to(value, 0));
    if (rounded.unscaled < INT64_MIN || rounded.unscaled > INT64_MAX) {
        return invalid_input("bigint out of range").with_sqlstate("22003");
    }
    return static_cast<int64_t>(rounded.unscaled);
}

}  // namespace braid
