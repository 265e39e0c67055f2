// SPDX-License-Identifier: Apache-2.0
#include "read/merge/point_rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/test_support.h"
#include "read/merge/pieces_test_support.h"
#include "read/merge/view_scan.h"

namespace braid::read::test {
namespace {

constexpr int64_t kKey = 512;
const ViewRows kAllColumns = {{0, 1, 2, 3, 4}, nullptr, {}};

/// Other keys, and n of each number in the range for this one.
Events spread(int64_t from, int64_t to) {
    Events events = {{kKey - 1, 1}, {kKey + 1, 1}};
    for (int64_t number = from; number < to; ++number) events.emplace_back(kKey, number);
    return events;
}

/// What runs and ticks hold about the key.
PointRows rows_of(const runs::Tiling& tiling) {
    PointRows rows(pieces_key(kKey));
    for (const auto& run : tiling.runs()) EXPECT_OK(rows.add_run(*run, 1));
    for (const runs::TickPtr& tick : tiling.ticks) {
        rows.add_tick(*tick->table_of(tiling.version(), rows.key()));
    }
    return rows;
}

std::string line_of(const Batch& row) {
    std::vector<std::string> lines;
    add_lines(row, lines);
    return lines.size() == 1 ? lines.front() : fmt::format("{} rows", lines.size());
}

std::string finished(const PointRows& rows, ViewFinisher& finisher) {
    const auto row = rows.finish(pieces_view(), finisher);
    EXPECT_OK(row);
    return line_of(*row);
}

std::string finished(const PointRows& rows) {
    auto finisher = ViewFinisher::create(pieces_view(), kAllColumns);
    EXPECT_OK(finisher);
    return finished(rows, *finisher);
}

std::string read(const runs::Tiling& tiling, const ViewRows& wanted = kAllColumns) {
    const auto row = read_point(pieces_view(), tiling, pieces_key(kKey), wanted);
    EXPECT_OK(row);
    return line_of(*row);
}

/// Rows of states: one for the group and one for each number. In one source: 16,384 are kept.
TEST(PointRows, AreKeptUpToTheirBound) {
    constexpr auto kMost = static_cast<int64_t>(PointRows::kRowsMax) - 1;
    for (const bool is_run : {true, false}) {
        for (const int64_t numbers : {kMost - 1, kMost, kMost + 1}) {
            PiecesTiling tiling(1 << 20);
            if (is_run) tiling.add_run(spread(0, numbers));
            if (!is_run) tiling.add_tick(spread(0, numbers));
            const PointRows rows = rows_of(tiling.tiling());
            EXPECT_FALSE(rows.is_empty());
            EXPECT_EQ(rows.is_too_much(), numbers > kMost) << numbers;
            const std::string expected =
                fmt::format("5|12|{}|{}|{}", numbers, numbers * (numbers - 1) / 2, numbers);
            EXPECT_EQ(read(tiling.tiling()), expected);
            if (!rows.is_too_much()) {
                EXPECT_EQ(finished(rows), expected);
            }
        }
    }
}

TEST(PointRows, TooManyOfAllSourcesTogetherAreReadInOrder) {
    PiecesTiling tiling(1 << 20);
    tiling.add_run(spread(0, 9'000));
    tiling.add_tick(spread(6'000, 15'000));
    tiling.add_tick(spread(14'000, 30'000));
    EXPECT_TRUE(rows_of(tiling.tiling()).is_too_much());
    const int64_t sum = 9'000LL * 8'999 / 2 + 9'000LL * 20'999 / 2 + 16'000LL * 43'999 / 2;
    EXPECT_EQ(read(tiling.tiling()), fmt::format("5|12|34000|{}|30000", sum));
}

/// Much or little, of one source or of two: nothing of one answer is in the next.
TEST(PointRows, OneFinisherFinishesManyAfterEachOther) {
    ASSERT_OK_AND_ASSIGN(auto finisher, ViewFinisher::create(pieces_view(), kAllColumns));
    for (const int64_t numbers : {3, 2, 9'000, 4, 4, 9'000, 9'000, 1}) {
        for (const bool is_parted : {false, true}) {
            PiecesTiling tiling(1 << 20);
            tiling.add_run(spread(0, numbers));
            if (is_parted) tiling.add_tick(spread(0, 1));
            const PointRows rows = rows_of(tiling.tiling());
            EXPECT_EQ(finished(rows, finisher),
                      fmt::format("5|12|{}|{}|{}", numbers + (is_parted ? 1 : 0),
                                  numbers * (numbers - 1) / 2, numbers));
        }
    }
}

TEST(PointRows, OfNoSuchKeyThereAreNone) {
    PiecesTiling tiling;
    tiling.add_run({{kKey - 1, 1}, {kKey + 1, 1}});
    tiling.add_tick({{kKey - 1, 1}, {kKey + 1, 1}});
    EXPECT_TRUE(rows_of(tiling.tiling()).is_empty());
    EXPECT_EQ(read(tiling.tiling()), "0 rows");
}

/// One group of which no cutting makes less.
TEST(ViewScanOfALargeGroup, TakesHardlyAnyOfTheStatementsMemory) {
    PiecesTiling tiling(1 << 20);
    tiling.add_run(spread(0, 60'000));
    tiling.add_run(spread(30'000, 90'000));
    tiling.add_tick(spread(80'000, 140'000));
    ViewRows wanted = kAllColumns;
    const SystemClock clock;
    constexpr uint64_t kMemory = 1 << 20;
    wanted.context.limits = StatementLimits(nullptr, clock, INT64_MAX, kMemory);
    ViewPiece piece;
    const auto merged = ViewScan::open(pieces_view(), tiling.tiling(), piece, wanted);
    EXPECT_ERROR(merged, ErrorCode::kExhausted, "");
    ASSERT_OK_AND_ASSIGN(const auto rows,
                         ViewScan::open(pieces_view(), tiling.tiling(), piece, wanted, kMemory));
    ASSERT_OK_AND_ASSIGN(const auto lines, lines_of(*rows));
    const int64_t sum = 60'000LL * 59'999 / 2 + 60'000LL * 119'999 / 2 + 60'000LL * 219'999 / 2;
    EXPECT_EQ(lines, (std::vector<std::string>{
                         "5|11|3|3|1", fmt::format("5|12|180000|{}|140000", sum), "5|13|3|3|1"}));
}

}  // namespace
}  // namespace braid::read::test
