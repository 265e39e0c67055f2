// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "operators/aggregate/exact_float_sum_internal.h"

namespace braid::operators {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Sum {
  public:
    Sum() = default;
    explicit Sum(std::initializer_list<double> values) {
        for (const double value : values) state_.add(value, side_);
    }
    void add(double value) { state_.add(value, side_); }
    void add(const Sum& other) { state_.add(other.state_, side_); }
    double value() const {
        bool overflowed = false;
        const double sum = state_.sum(overflowed);
        EXPECT_EQ(overflowed, std::isinf(sum));
        return sum;
    }
    double average() const { return state_.average(); }
    std::string bytes() const {
        std::string out;
        ByteWriter writer(out);
        state_.encode(writer);
        return out;
    }
    Result<void> merge(std::string_view bytes) {
        ByteReader in(bytes);
        return state_.merge_encoded(in, side_);
    }

  private:
    ExactFloatSum state_{};
    FullFloatSums side_;
};

TEST(ExactFloatSum, GivesBackASingleValueWhateverItIs) {
    Random random(1);
    for (int i = 0; i < 200'000; ++i) {
        const auto value = std::bit_cast<double>(random.next());
        if (!std::isfinite(value)) continue;
        ASSERT_EQ(std::bit_cast<uint64_t>(Sum({value}).value()), std::bit_cast<uint64_t>(value));
        ASSERT_EQ(Sum({value}).average(), value);
    }
}

TEST(ExactFloatSum, IsTheRoundedSumOfTwoValues) {
    Random random(2);
    for (int i = 0; i < 200'000; ++i) {
        const auto a = std::bit_cast<double>(random.next());
        if (!std::isfinite(a) || a == 0) continue;
        // Near enough that both matter.
        const auto b = std::ldexp(std::bit_cast<double>(random.next() >> 12 | 0x3FF0ULL << 48),
                                  std::ilogb(a) + static_cast<int>(random.below(120)) - 60);
        if (!std::isfinite(b) || std::isinf(a + b) || std::isinf(a - b)) continue;
        ASSERT_EQ(Sum({a, b}).value(), a + b);
        ASSERT_EQ(Sum({a, -b}).value(), a - b);
    }
}

TEST(ExactFloatSum, LosesNothingBetweenExtremes) {
    EXPECT_EQ(Sum({kMax, kTiny, -kMax}).value(), kTiny);
    EXPECT_EQ(Sum({kMax, kMax, -kMax}).value(), kMax);
    EXPECT_EQ(Sum({1e308, 1, -1e308, 1e-308, -1}).value(), 1e-308);
    EXPECT_EQ(Sum({1e16, 1, 1, 1, 1}).value(), 1e16 + 4);
    EXPECT_EQ(Sum({-kTiny, 2.5 * kTiny}).value(), kTiny);
}

TEST(ExactFloatSum, RoundsTiesToEvenOnce) {
    const double one = 1;
    const double half_step = std::ldexp(1, -53);
    EXPECT_EQ(Sum({one, half_step}).value(), one);
    EXPECT_EQ(Sum({one, half_step, kTiny}).value(), one + 2 * half_step);
    EXPECT_EQ(Sum({one, half_step, -kTiny}).value(), one);
    EXPECT_EQ(Sum({one + 2 * half_step, half_step}).value(), one + 4 * half_step);
    EXPECT_EQ(Sum({-one, -half_step}).value(), -one);
}

TEST(ExactFloatSum, OverflowIsInfinity) {
    EXPECT_EQ(Sum({kMax, kMax}).value(), kInfinity);
    EXPECT_EQ(Sum({-kMax, -kMax}).value(), -kInfinity);
    // Half a step above the maximum still rounds down, by ties to even it would not exist.
    EXPECT_EQ(Sum({kMax, std::ldexp(1, 969)}).value(), kMax);
    EXPECT_EQ(Sum({kMax, std::ldexp(1, 970)}).value(), kInfinity);
    EXPECT_EQ(Sum({kMax, kMax}).average(), kMax);
}

TEST(ExactFloatSum, KnowsSpecialValues) {
    bool overflowed = true;
    ExactFloatSum infinite{};
    FullFloatSums side;
    infinite.add(kInfinity, side);
    EXPECT_EQ(infinite.sum(overflowed), kInfinity);
    EXPECT_FALSE(overflowed);
    infinite.add(-kInfinity, side);
    EXPECT_TRUE(std::isnan(infinite.sum(overflowed)));
    EXPECT_TRUE(std::isnan(Sum({1, std::nan("")}).value()));
}

TEST(ExactFloatSum, IsNegativeZeroOnlyOfNegativeZeros) {
    EXPECT_TRUE(std::signbit(Sum({-0.0, -0.0}).value()));
    EXPECT_FALSE(std::signbit(Sum({-0.0, 0.0}).value()));
    EXPECT_FALSE(std::signbit(Sum({1, -1}).value()));
    EXPECT_FALSE(std::signbit(Sum({-0.0}).average()));
}

/// Averages whose exact value fits into 128 bits: integers × 2^-k.
TEST(ExactFloatSum, AverageIsRoundedOnce) {
    Random random(4);
    for (int i = 0; i < 100'000; ++i) {
        __int128 exact = 0;
        Sum sum;
        const uint64_t count = 1 + random.below(9);
        for (uint64_t n = 0; n < count; ++n) {
            const auto value = static_cast<int64_t>(random.next() >> random.below(64)) >> 11;
            exact += value;
            sum.add(static_cast<double>(value));
        }
        // Two candidates beside the quotient; the nearer one is right, the even one on a tie.
        const double guess = static_cast<double>(exact) / static_cast<double>(count);
        const auto distance = [&](double candidate) {
            // |candidate - exact/count| × count × 2^40, exact for these magnitudes.
            const auto scaled = static_cast<__int128>(std::ldexp(candidate, 40));
            const __int128 difference = scaled * static_cast<__int128>(count) - (exact << 40);
            return difference < 0 ? -difference : difference;
        };
        const double average = sum.average();
        // Below 2^12 the candidates have bits under 2^-40: not comparable this way.
        if (std::abs(guess) < 4096) continue;
        ASSERT_LE(distance(average), distance(guess));
        ASSERT_LE(distance(average), distance(std::nextafter(guess, kInfinity)));
        ASSERT_LE(distance(average), distance(std::nextafter(guess, -kInfinity)));
    }
    EXPECT_EQ(Sum({kTiny, 0.0}).average(), 0.0);
    EXPECT_EQ(Sum({kTiny, kTiny, 0.0}).average(), kTiny);
    EXPECT_TRUE(std::signbit(Sum({-kTiny, 0.0}).average()));
    EXPECT_EQ(Sum({1, 1, 1e-30}).average(), 2.0 / 3);
}

TEST(ExactFloatSum, BytesDependOnTheValuesOnly) {
    Random random(5);
    for (int round = 0; round < 300; ++round) {
        std::vector<double> values(1 + random.below(100));
        const int spread = round % 3 == 0 ? 2040 : 100;
        for (double& value : values) {
            const int exponent =
                static_cast<int>(random.below(static_cast<uint64_t>(spread))) - spread / 2;
            value =
                std::ldexp(1 + static_cast<double>(random.below(1 << 30)) / (1 << 30), exponent);
            if (random.below(2) == 0) value = -value;
        }
        Sum forward;
        for (const double value : values) forward.add(value);
        std::reverse(values.begin(), values.end());
        Sum halves[2];
        for (size_t i = 0; i < values.size(); ++i) halves[i % 2].add(values[i]);
        Sum decoded;
        ASSERT_OK(decoded.merge(halves[1].bytes()));
        halves[0].add(decoded);
        ASSERT_EQ(halves[0].bytes(), forward.bytes());
        ASSERT_EQ(std::bit_cast<uint64_t>(halves[0].value()),
                  std::bit_cast<uint64_t>(forward.value()));
    }
}

TEST(ExactFloatSum, AnOrdinarySumIsShort) {
    Sum sum;
    for (int i = 0; i < 1000; ++i) sum.add(i * 0.25);
    EXPECT_LE(sum.bytes().size(), 9U);
}

TEST(ExactFloatSum, RefusesForgedStates) {
    const std::string huge_count("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0", 13);
    const std::string bad_flags("\x01\x80\0\0", 4);
    const std::string too_high("\x01\0\x8f\x02\x01\x01", 6);
    for (const std::string& bytes : {huge_count, bad_flags, too_high}) {
        Sum sum;
        EXPECT_ERROR(sum.merge(bytes), ErrorCode::kCorrupt);
    }
}

}  // namespace
}  // namespace braid::operators
