// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "base/error.h"
#include "columnar/numeric.h"

/// Unsigned integers of 128 and 256 bits as decimals: what the numeric sources share.
namespace braid::decimal {

inline constexpr int kPow10Max = 38;
/// Largest scale of PostgreSQL's numeric on the wire and in memory.
inline constexpr int kScaleMax = 16'383;

inline constexpr std::array<uint128, kPow10Max + 1> kPow10 = [] {
    std::array<uint128, kPow10Max + 1> powers{};
    powers[0] = 1;
    for (size_t i = 1; i < powers.size(); i++) powers[i] = powers[i - 1] * 10;
    return powers;
}();

/// 10^exponent for 0 <= exponent <= 38.
constexpr uint128 pow10(int exponent) { return kPow10[static_cast<size_t>(exponent)]; }

/// Largest magnitude of a Numeric.
inline constexpr uint128 kUnscaledMax = kPow10[kPow10Max] - 1;

constexpr uint128 magnitude(int128 value) {
    return value < 0 ? -static_cast<uint128>(value) : static_cast<uint128>(value);
}
constexpr int128 with_sign(uint128 magnitude, bool negative) {
    return static_cast<int128>(negative ? -magnitude : magnitude);
}

/// Decimal digits without leading zeros; 0 for 0.
int digit_count(uint128 value);

/// Appends the decimal digits; "0" for 0.
void append_digits(uint128 value, std::string& out);

struct Uint256 {
    uint128 low = 0;
    uint128 high = 0;
};
Uint256 multiply_full(uint128 left, uint128 right);

struct Quotient {
    uint128 quotient;
    uint128 remainder;
};
/// Needs high < divisor, so that the quotient has at most 128 bits.
Quotient divide_wide(const Uint256& dividend, uint128 divisor);

/// Rounds half away from zero: dividend / divisor as a magnitude.
uint128 divide_rounded(uint128 dividend, uint128 divisor);

Error overflow();

}  // namespace braid::decimal
