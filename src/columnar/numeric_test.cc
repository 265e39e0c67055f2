// SPDX-License-Identifier: Apache-2.0
#include "columnar/numeric.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"

namespace braid {
namespace {

Numeric number(std::string_view text) {
    const Result<Numeric> value = parse_numeric(text);
    EXPECT_OK(value);
    return value ? *value : Numeric::nan();
}

std::string text_of(const Numeric& value) {
    std::string text;
    format_numeric(value, text);
    return text;
}

std::string text_of(const Result<Numeric>& value) {
    return value ? text_of(*value) : std::string(value.error().sqlstate());
}

constexpr std::string_view kLargest = "99999999999999999999999999999999999999";

TEST(Numeric, ShowsTheScaleItWasGiven) {
    EXPECT_EQ(text_of(number("1.50")), "1.50");
    EXPECT_EQ(compare(number("1.5"), number("1.50")), std::strong_ordering::equal);
    EXPECT_EQ(text_of(number("-0.00")), "0.00");
    EXPECT_EQ(text_of(number("1e-40")), "0." + std::string(39, '0') + "1");
}

TEST(Numeric, EndsAtThirtyEightDigits) {
    EXPECT_EQ(text_of(number(kLargest)), kLargest);
    EXPECT_ERROR(parse_numeric(std::string(kLargest) + "0"), ErrorCode::kInvalidInput, "22003");
    EXPECT_ERROR(parse_numeric("1e38"), ErrorCode::kInvalidInput, "22003");
    EXPECT_EQ(text_of(add(number(kLargest), number("1"))), "22003");
    EXPECT_EQ(text_of(add(number(kLargest), number("-1"))),
              "99999999999999999999999999999999999998");
    EXPECT_EQ(text_of(multiply(number(kLargest), number("10"))), "22003");
    EXPECT_EQ(text_of(add(number("1e37"), number("0.01"))), "22003");
    EXPECT_EQ(text_of(divide(number("1e37"), number("0.1"))), "22003");
    EXPECT_EQ(text_of(divide(number("1e37"), number("3"))),
              "3333333333333333333333333333333333333");
}

TEST(Numeric, AddsWhereAlignedTermsLeave128Bits) {
    // Aligned, the first term is 1.8e38, above int128; the sum has 38 digits.
    const Numeric large = number("18000000000000000000000000000000000000");
    const Numeric small = number("-9000000000000000000000000000000000000.1");
    EXPECT_EQ(text_of(add(large, small)), "8999999999999999999999999999999999999.9");
    EXPECT_EQ(text_of(subtract(large, number("9000000000000000000000000000000000000.1"))),
              "8999999999999999999999999999999999999.9");
}

TEST(Numeric, ComparesAcrossScalesAndKinds) {
    const std::vector<std::string_view> ascending = {
        "-Infinity",  "-99999999999999999999999999999999999999",
        "-1.1",       "-1.0",
        "-1e-300",    "0",
        "1e-300",     "1e-299",
        "0.1",        "0.11",
        "1",          "1.0000000000000000000000000000000000001",
        "2",          "10",
        "9999999999", "1e37",
        "Infinity",   "NaN"};
    for (size_t i = 0; i < ascending.size(); i++) {
        for (size_t j = 0; j < ascending.size(); j++) {
            EXPECT_EQ(compare(number(ascending[i]), number(ascending[j])), i <=> j)
                << ascending[i] << " and " << ascending[j];
        }
    }
}

TEST(Numeric, RoundsHalfAwayFromZero) {
    EXPECT_EQ(text_of(round_to(number("2.5"), 0)), "3");
    EXPECT_EQ(text_of(round_to(number("-2.5"), 0)), "-3");
    EXPECT_EQ(text_of(round_to(number("1250"), -2)), "1300");
    EXPECT_EQ(text_of(round_to(number("1.5"), 3)), "1.500");
    EXPECT_EQ(text_of(round_to(number("50"), -3)), "0");
    EXPECT_EQ(text_of(round_to(number("500"), -3)), "1000");
    EXPECT_EQ(text_of(trunc_to(number("-2.59"), 1)), "-2.5");
    EXPECT_EQ(text_of(trunc_to(number("1999"), -3)), "1000");
    // Zeros beyond 38 digits are left away, since trunc cannot fail.
    EXPECT_EQ(text_of(trunc_to(number(kLargest), 2)), kLargest);
}

TEST(Numeric, FitsItsField) {
    EXPECT_EQ(text_of(fit(number("1.005"), 10, 2)), "1.01");
    EXPECT_EQ(text_of(fit(number("99.995"), 4, 2)), "22003");
    EXPECT_EQ(text_of(fit(number("0.00123"), 3, 5)), "0.00123");
    EXPECT_EQ(text_of(fit(number("1250"), 2, -2)), "1300");
    EXPECT_EQ(text_of(fit(Numeric::nan(), 4, 2)), "NaN");
    const Result<Numeric> wide = fit(number("1"), 2, 2);
    ASSERT_FALSE(wide);
    EXPECT_EQ(wide.error().detail(),
              "A field with precision 2, scale 2 must round to an absolute value less than 1.");
    const Result<Numeric> endless = fit(number("inf"), 4, 2);
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error().detail(),
              "A field with precision 4, scale 2 cannot hold an infinite value.");
}

TEST(Numeric, GivesTheNearestDouble) {
    EXPECT_EQ(to_double(number("0.1")), 0.1);
    EXPECT_EQ(to_double(number("-123456789.123456789123456789")), -123456789.123456789123456789);
    EXPECT_EQ(to_double(number("9007199254740993")), 9007199254740992.0);
    EXPECT_EQ(to_double(number("1e-300")), 1e-300);
    EXPECT_EQ(text_of(numeric_from_double(0.1)), "0.1");
    EXPECT_EQ(text_of(numeric_from_double(1.0 / 3)), "0.333333333333333");
    EXPECT_EQ(text_of(numeric_from_double(1e40)), "22003");
}

TEST(Numeric, RefusesDamagedBinaryForms) {
    std::string bytes;
    format_numeric_binary(number("-12345.678"), bytes);
    EXPECT_EQ(text_of(parse_numeric_binary(bytes)), "-12345.678");
    for (size_t size = 0; size < bytes.size(); size++) {
        EXPECT_FALSE(parse_numeric_binary(std::string_view(bytes).substr(0, size)));
    }
    EXPECT_FALSE(parse_numeric_binary(bytes + '\0'));
    for (size_t at = 0; at < bytes.size(); at++) {
        for (int bit = 0; bit < 8; bit++) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            const Result<Numeric> value = parse_numeric_binary(damaged);
            EXPECT_FALSE(text_of(value).empty());  // some value or an error, never a crash
        }
    }
}

WideInt wide(int128 value) {
    WideInt sum;
    sum.add(value);
    return sum;
}

WideInt random_wide(Random& random) {
    WideInt value;
    for (uint64_t& limb : value.limbs) limb = random.next();
    const uint64_t shorter = random.below(4);
    for (uint64_t i = 0; i < shorter; i++)
        value.limbs[3 - i] = (value.limbs[0] & 1) != 0 ? ~0ULL : 0;
    return value;
}

TEST(WideInt, AddsInAnyOrder) {
    Random random(11);
    for (int i = 0; i < 1000; i++) {
        const std::array<WideInt, 3> terms = {random_wide(random), random_wide(random),
                                              random_wide(random)};
        WideInt left = terms[0];
        left.add(terms[1]);
        left.add(terms[2]);
        WideInt inner = terms[2];
        inner.add(terms[1]);
        WideInt right = terms[0];
        right.add(inner);
        WideInt back = terms[2];
        back.add(terms[0]);
        back.add(terms[1]);
        EXPECT_EQ(left, right);
        EXPECT_EQ(left, back);
        left.add(WideInt{});
        EXPECT_EQ(left, right);
    }
}

TEST(WideInt, ComesBackToTheSameBytes) {
    WideInt sum;
    const int128 large = static_cast<int128>(~uint128{0} >> 1);
    for (int i = 0; i < 100; i++) sum.add(large);
    EXPECT_FALSE(sum.fits_int128());
    for (int i = 0; i < 100; i++) sum.add(-large);
    EXPECT_EQ(sum, WideInt{});
    EXPECT_TRUE(wide(-1).fits_int128());
    EXPECT_TRUE(wide(-5).to_int128() == -5);
    EXPECT_TRUE(wide(-large - 1).to_int128() == -large - 1);
}

TEST(WideInt, MultipliesUpToItsWidth) {
    WideInt value = wide(-7);
    ASSERT_TRUE(value.multiply_pow10(37));
    EXPECT_TRUE(value.fits_int128());
    ASSERT_TRUE(value.multiply_pow10(38));
    EXPECT_FALSE(value.fits_int128());
    WideInt kept = value;
    EXPECT_FALSE(value.multiply_pow10(2));
    EXPECT_EQ(value, kept);
    WideInt zero;
    EXPECT_TRUE(zero.multiply_pow10(1000));
    EXPECT_EQ(zero, WideInt{});
}

TEST(WideInt, DistributesOverSums) {
    Random random(12);
    for (int i = 0; i < 1000; i++) {
        const auto left = static_cast<int128>(random.next()) - (int128{1} << 63);
        const auto right = static_cast<int128>(random.next()) - (int128{1} << 63);
        const int exponent = static_cast<int>(random.below(40));
        WideInt sum = wide(left + right);
        ASSERT_TRUE(sum.multiply_pow10(exponent));
        WideInt parts = wide(left);
        WideInt other = wide(right);
        ASSERT_TRUE(parts.multiply_pow10(exponent));
        ASSERT_TRUE(other.multiply_pow10(exponent));
        parts.add(other);
        EXPECT_EQ(sum, parts);
    }
}

}  // namespace
}  // namespace braid
