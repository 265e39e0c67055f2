// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <array>

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(Random, RepeatsWithItsSeed) {
    Random first(7);
    Random second(7);
    for (int draw = 0; draw < 100; ++draw) EXPECT_EQ(first.next(), second.next());
    EXPECT_NE(Random(7).next(), Random(8).next());
}

TEST(Random, FollowsThePublishedSequence) { EXPECT_EQ(Random(0).next(), 0xE220A8397B1DCDAFu); }

TEST(Random, BelowStaysBelowAndReachesEverything) {
    Random random(1);
    std::array<int, 10> counts{};
    for (int draw = 0; draw < 10'000; ++draw) ++counts.at(random.below(counts.size()));
    for (const int count : counts) {
        EXPECT_GT(count, 800);
        EXPECT_LT(count, 1200);
    }
    EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, FromSystemDiffersEachTime) {
    EXPECT_NE(Random::from_system()->next(), Random::from_system()->next());
}

}  // namespace
}  // namespace braid
