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

TEST(Positions, ThatLackAPartitionStandAtItsOrigin) {
    EXPECT_TRUE(positions({3, 4}).dominates(positions({3})));
    EXPECT_FALSE(positions({2, 4}).dominates(positions({3})));
    EXPECT_FALSE(positions({3}).dominates(positions({3, 0}))) << "nobody said where it begins";
    EXPECT_TRUE(positions({3}).dominates(Positions()));
    EXPECT_FALSE(positions({3, 4}) == positions({3}));
    EXPECT_TRUE(positions({3, 4}).has(PartitionId{1}));
    EXPECT_FALSE(positions({3, 4}).has(PartitionId{2}));
}

TEST(Positions, GrowByThePartitionsThatTheyLack) {
    Positions grown = positions({3});
    grown.grow(positions({0, 4, 7}));
    EXPECT_EQ(grown, positions({3, 4, 7})) << "what it has stays";
    grown.grow(positions({9, 9}));
    EXPECT_EQ(grown, positions({3, 4, 7})) << "and it never shrinks";
    Positions none;
    none.grow(positions({5}));
    EXPECT_EQ(none, positions({5}));
}

TEST(Positions, AreRaisedWhereTheOtherIsHigher) {
    Positions both = positions({3, 9});
    both.raise(positions({5, 4, 2}));
    EXPECT_EQ(both, positions({5, 9, 2}));
    both.raise(positions({1}));
    EXPECT_EQ(both, positions({5, 9, 2}));
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

TEST(BoxDeathTest, LiesBetweenVectorsOfTheSamePartitions) {
    EXPECT_DEATH(static_cast<void>(Box::between(positions({3}), positions({5, 8}))),
                 "check failed");
    EXPECT_DEATH(static_cast<void>(Box::between(positions({3, 0}), positions({5}))),
                 "check failed");
}

TEST(Box, IsTheSameButOlderWhereItLacksWhatHoldsNothing) {
    const Box old{{interval(0, 3, 5)}};
    EXPECT_TRUE(is_same_but_older(old, old));
    EXPECT_TRUE(is_same_but_older(old, Box{{interval(0, 3, 5), interval(1, 7, 7)}}));
    EXPECT_TRUE(is_same_but_older(Box{}, Box{{interval(0, 3, 3)}}));
    EXPECT_FALSE(is_same_but_older(old, Box{{interval(0, 3, 5), interval(1, 7, 8)}}));
    EXPECT_FALSE(is_same_but_older(old, Box{{interval(0, 3, 6)}}));
    EXPECT_FALSE(is_same_but_older(old, Box{}));
    EXPECT_FALSE(is_same_but_older(Box{{interval(0, 3, 5), interval(1, 7, 7)}}, old))
        << "what nobody knows begins nowhere";
    EXPECT_FALSE(is_same_but_older(Box{{interval(0, 3, 5), interval(0, 3, 5)}}, old));
    EXPECT_FALSE(is_same_but_older(Box{{interval(1, 7, 8), interval(0, 3, 5)}},
                                   Box{{interval(0, 3, 5), interval(1, 7, 8)}}));
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

TEST(Join, GluesABoxToOneFromBeforeThePartitionCame) {
    const std::optional<Box> joined =
        join(Box{{interval(0, 0, 3)}}, Box{{interval(0, 3, 4), interval(1, 50, 52)}});
    ASSERT_TRUE(joined.has_value());
    EXPECT_EQ(joined->to_string(), "0:[0,4) 1:[50,52)");
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
