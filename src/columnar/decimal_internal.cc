// SPDX-License-Identifier: Apache-2.0
#include "columnar/decimal_internal.h"

#include <bit>
#include <charconv>
#include <string>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid::decimal {
namespace {

constexpr uint64_t kPow10To19 = 10'000'000'000'000'000'000ULL;

int bit_width(uint128 value) {
    const auto high = static_cast<uint64_t>(value >> 64);
    if (high != 0) return 128 - std::countl_zero(high);
    return 64 - std::countl_zero(static_cast<uint64_t>(value));
}

}  // namespace

int digit_count(uint128 value) {
    if (value == 0) return 0;
    // 1233 / 4096 is log10(2) closely enough below 128 bits; the guess is right or one too small.
    const int guess = (bit_width(value) * 1233) >> 12;
    return guess + (guess <= kPow10Max && value >= pow10(guess) ? 1 : 0);
}

void append_digits(uint128 value, std::string& out) {
    std::array<char, 20> chunk;
    if (value >= kPow10To19) {
        append_digits(value / kPow10To19, out);
        const auto low = static_cast<uint64_t>(value % kPow10To19);
        const auto [end, error] = std::to_chars(chunk.data(), chunk.data() + chunk.size(), low);
        out.append(19 - static_cast<size_t>(end - chunk.data()), '0');
        out.append(chunk.data(), end);
        return;
    }
    const auto [end, error] =
        std::to_chars(chunk.data(), chunk.data() + chunk.size(), static_cast<uint64_t>(value));
    out.append(chunk.data(), end);
}

Uint256 multiply_full(uint128 left, uint128 right) {
    const auto left_low = static_cast<uint64_t>(left);
    const auto left_high = static_cast<uint64_t>(left >> 64);
    const auto right_low = static_cast<uint64_t>(right);
    const auto right_high = static_cast<uint64_t>(right >> 64);
    const uint128 low = uint128{left_low} * right_low;
    const uint128 cross_a = uint128{left_high} * right_low;
    const uint128 cross_b = uint128{left_low} * right_high;
    const uint128 middle =
        (low >> 64) + static_cast<uint64_t>(cross_a) + static_cast<uint64_t>(cross_b);
    return {(middle << 64) | static_cast<uint64_t>(low),
            uint128{left_high} * right_high + (cross_a >> 64) + (cross_b >> 64) + (middle >> 64)};
}

Quotient divide_wide(const Uint256& dividend, uint128 divisor) {
    CHECK(dividend.high < divisor);
    if (dividend.high == 0) return {dividend.low / divisor, dividend.low % divisor};
    // Schoolbook, a bit at a time; only quotients of long numerics come here.
    uint128 remainder = dividend.high;
    uint128 quotient = 0;
    for (int bit = 127; bit >= 0; bit--) {
        const bool carry = (remainder >> 127) != 0;
        remainder = (remainder << 1) | ((dividend.low >> bit) & 1);
        quotient <<= 1;
        if (carry || remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1;
        }
    }
    return {quotient, remainder};
}

uint128 divide_rounded(uint128 dividend, uint128 divisor) {
    const uint128 remainder = dividend % divisor;
    return dividend / divisor + (remainder >= divisor - remainder ? 1 : 0);
}

Error overflow() { return invalid_input("value overflows numeric format").with_sqlstate("22003"); }

}  // namespace braid::decimal
