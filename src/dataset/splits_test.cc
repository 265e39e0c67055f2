// SPDX-License-Identifier: Apache-2.0
#include "dataset/splits.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::dataset {
namespace {

/// Segments of one partition, one behind the other.
manifest::TableState dataset_of(const std::vector<uint64_t>& rows) {
    manifest::TableState state;
    state.origin = Positions::zero(1);
    Offset at{0};
    for (const uint64_t count : rows) {
        manifest::Segment segment;
        segment.file = fmt::format("{}", at.value);
        const Offset from = at;
        at.value += static_cast<int64_t>(std::max<uint64_t>(count, 1));  // or a hole
        segment.box = {{{{0}, from, at}}};
        segment.rows = count;
        state.segments.push_back(segment);
    }
    state.archive_end.at = {at};
    return state;
}

std::vector<Split> splits_of(const manifest::TableState& state, size_t count) {
    return splits_between(state, state.origin, state.archive_end, count).value();
}

uint64_t rows_of(const Split& split) {
    uint64_t rows = 0;
    for (const SplitPiece& piece : split) {
        rows += std::min(piece.rows.to, piece.segment.rows) - piece.rows.from;
    }
    return rows;
}

TEST(Splits, HoldEachRowGroupOnceInOrder) {
    const std::vector<uint64_t> sizes = {3, 1'000'000, 0, 131'072, 131'073, 7, 400'000};
    const manifest::TableState state = dataset_of(sizes);
    for (size_t count = 1; count < 40; ++count) {
        std::map<std::string, uint64_t> reached;
        for (const Split& split : splits_of(state, count)) {
            for (const SplitPiece& piece : split) {
                EXPECT_EQ(reached[piece.segment.file], piece.rows.from) << count;
                EXPECT_EQ(piece.rows.from % kRowGroupRows, 0U) << count;
                reached[piece.segment.file] = piece.rows.to;
            }
        }
        EXPECT_EQ(reached.size(), sizes.size()) << "a segment without rows is one too";
        for (const auto& [file, rows] : reached) EXPECT_EQ(rows, UINT64_MAX) << file;
    }
}

TEST(Splits, AreDividedIntoTheirRowGroups) {
    const manifest::TableState state = dataset_of({3, 1'000'000, 0, 131'072, 131'073, 7});
    for (const size_t count : {1U, 3U}) {
        std::map<std::string, uint64_t> reached;
        for (const Split& split : splits_of(state, count)) {
            for (const Split& part : divide(split)) {
                ASSERT_EQ(part.size(), 1U);
                EXPECT_LE(rows_of(part), kRowGroupRows);
                EXPECT_EQ(reached[part[0].segment.file], part[0].rows.from);
                reached[part[0].segment.file] = part[0].rows.to;
            }
        }
        EXPECT_EQ(reached.size(), 6U);
        for (const auto& [file, rows] : reached) EXPECT_EQ(rows, UINT64_MAX) << file;
    }
    EXPECT_TRUE(divide({}).empty());
}

TEST(Splits, AreAboutEqual) {
    const manifest::TableState state = dataset_of(std::vector<uint64_t>(10, 1'000'000));
    const auto splits = splits_of(state, 16);
    ASSERT_EQ(splits.size(), 16U);
    for (const Split& split : splits) {
        EXPECT_NEAR(static_cast<double>(rows_of(split)), 10e6 / 16, 2.0 * kRowGroupRows);
    }
}

TEST(Splits, MayBeMoreThanThereIsToSplit) {
    const auto splits = splits_of(dataset_of({5}), 3);
    ASSERT_EQ(splits.size(), 3U);
    EXPECT_EQ(rows_of(splits[0]), 5U);
    EXPECT_TRUE(splits[1].empty());
    EXPECT_TRUE(splits[2].empty());
    EXPECT_EQ(splits_of(dataset_of({}), 2).size(), 2U);
}

TEST(Splits, AreOfTheSegmentsBelowTheCutAlone) {
    const manifest::TableState state = dataset_of({10, 10, 10});
    const auto splits = splits_between(state, state.origin, Positions{{{15}}}, 2).value();
    EXPECT_EQ(rows_of(splits[0]) + rows_of(splits[1]), 20U);
    EXPECT_ERROR(splits_between(state, state.origin, Positions{{{31}}}, 2), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid::dataset
