// SPDX-License-Identifier: Apache-2.0
#include "model/box.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

Positions positions(std::initializer_list<int64_t> values) {
    Positions result;
    for (const int64_t value : values) result.at.push_back(Offset{value});
    return result;
}

Interval interval(uint32_t partition, int64_t from, int64_t to) {
    return {PartitionId{partition}, Offset{from}, Offset{to}};
}

TEST(Positions, CompareInEveryPartition) {
    EXPECT_TRUE(positions({3, 4}).dominates(positions({3, 4})));
    EXPECT_TRUE(positions({3, 5}).dominates(positions({3, 4})));
    EXPECT_FALSE(positions({2, 9}).dominates(positions({3, 4})));
    EXPECT_EQ(Positions::zero(2), positions({0, 0}));
    EXPECT_EQ(positions({17, 4}).to_string(), "0:17,1:4");
    EXPECT_EQ(positions({17, 4}).of(PartitionId{1}), Offset{4});
}

TEST(PositionsDeathTest, OfDifferentLengthDoNotCompare) {
    EXPECT_DEATH(static_cast<void>(positions({1}).dominates(positions({1, 2}))), "check failed");
}

TEST(Box, LiesBetweenTwoPositions) {
    const Box box = Box::between(positions({3, 0}), positions({17, 4}));
    EXPECT_EQ(box.to_string(), "0:[3,17) 1:[0,4)");
    ASSERT_NE(box.find(PartitionId{1}), nullptr);
    EXPECT_EQ(*box.find(PartitionId{1}), interval(1, 0, 4));
    EXPECT_EQ(box.find(PartitionId{2}), nullptr);
    EXPECT_FALSE(box.is_empty());
    EXPECT_TRUE(Box::between(positions({3}), positions({3})).is_empty());
}

TEST(BoxDeathTest, CannotRunBackwards) {
    EXPECT_DEATH(static_cast<void>(Box::between(positions({3}), positions({2}))), "check failed");
}

TEST(Extend, MovesTheEndByABoxThatStartsThere) {
    Positions end = positions({3, 7});
    EXPECT_TRUE(extend(end, Box{{interval(0, 3, 5)}}));
    EXPECT_EQ(end, positions({5, 7}));
    EXPECT_TRUE(extend(end, Box{{interval(0, 5, 5), interval(1, 7, 9)}}));
    EXPECT_EQ(end, positions({5, 9}));
}

TEST(Extend, RefusesGapsOverlapsAndUnknownPartitionsAndChangesNothing) {
    const Positions before = positions({3, 7});
    for (const Box& box :
         {Box{{interval(0, 4, 5)}}, Box{{interval(0, 2, 5)}}, Box{{interval(0, 3, 2)}},
          Box{{interval(0, 3, 5), interval(1, 8, 9)}}, Box{{interval(2, 0, 1)}}}) {
        Positions end = before;
        EXPECT_FALSE(extend(end, box)) << box.to_string();
        EXPECT_EQ(end, before);
    }
}

TEST(Join, GluesBoxesThatMeet) {
    const Box first{{interval(0, 0, 3), interval(2, 5, 6)}};
    const Box second{{interval(0, 3, 4), interval(1, 0, 2)}};
    const std::optional<Box> joined = join(first, second);
    ASSERT_TRUE(joined.has_value());
    EXPECT_EQ(joined->to_string(), "0:[0,4) 1:[0,2) 2:[5,6)");
}

TEST(Join, RefusesAGapOrAnOverlap) {
    EXPECT_EQ(join(Box{{interval(0, 0, 3)}}, Box{{interval(0, 4, 5)}}), std::nullopt);
    EXPECT_EQ(join(Box{{interval(0, 0, 3)}}, Box{{interval(0, 2, 5)}}), std::nullopt);
}

TEST(Join, OfEmptyBoxesIsTheOther) {
    const Box box{{interval(0, 0, 3)}};
    EXPECT_EQ(join(box, Box{}), box);
    EXPECT_EQ(join(Box{}, box), box);
}

}  // namespace
}  // namespace braid
