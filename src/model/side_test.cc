// SPDX-License-Identifier: Apache-2.0
#include "model/side.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

using Ends = std::initializer_list<int64_t>;

Positions at(Ends values) {
    Positions result;
    for (const int64_t value : values) result.at.push_back(Offset{value});
    return result;
}

Box box(Ends from, Ends to) { return Box::between(at(from), at(to)); }

TEST(Side, TakesBoundsAsTheyAre) {
    const Positions cut = at({5, 3});
    EXPECT_EQ(side_of(box({0, 0}, {5, 3}), cut), Side::kBelow);
    EXPECT_EQ(side_of(box({5, 3}, {9, 9}), cut), Side::kAbove);
    EXPECT_EQ(side_of(box({0, 0}, {6, 3}), cut), Side::kAcross);
    EXPECT_EQ(side_of(box({0, 3}, {5, 4}), cut), Side::kAcross);
    EXPECT_EQ(side_of(box({5, 3}, {5, 3}), cut), Side::kBelow);
    EXPECT_EQ(side_of(box({0, 4}, {5, 4}), cut), Side::kAcross) << "an idle partition counts";
}

TEST(Side, OfABoxOfSomePartitionsAsksNoOthers) {
    const Box one{{{PartitionId{1}, Offset{0}, Offset{3}}}};
    EXPECT_EQ(side_of(one, at({5, 3})), Side::kBelow);
    EXPECT_EQ(side_of(one, at({5, 0})), Side::kAbove);
}

TEST(SideDeathTest, ACutHasAllPartitionsOfTheBox) {
    const Box one{{{PartitionId{1}, Offset{0}, Offset{3}}}};
    EXPECT_DEATH(static_cast<void>(side_of(one, at({5}))), "check failed");
}

}  // namespace
}  // namespace braid
