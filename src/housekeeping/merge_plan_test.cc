// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/merge_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "housekeeping/tiers.h"
#include "manifest/test_support.h"

namespace braid::housekeeping {
namespace {

constexpr const char* kToday = "2026-11-22";
constexpr const char* kYesterday = "2026-11-21";

/// A stream of one partition whose segments are merged as planned.
class MergePlanTest : public testing::Test {
  protected:
    void SetUp() override { table_ = history_.add_table("t"); }

    const manifest::TableState& of() const { return *history_.state.table(table_); }
    void archive(const std::string& day, int64_t rows = 10) {
        const int64_t from = of().archive_end.at[0].value;
        manifest::Segment segment = manifest::test_segment(0, from, from + rows);
        segment.raw_bytes = static_cast<uint64_t>(rows) * 100;
        segment.ingest_day = day;
        segment.newest_us = newest_us_;
        ASSERT_OK(history_.apply({manifest::Archive{table_, {segment}}}));
    }
    std::optional<MergePlan> plan() const {
        return plan_merge(history_.state, table_, kToday, limits_);
    }
    void merge(const MergePlan& plan) {
        manifest::Segment sum = plan.segments.front();
        manifest::ReplaceSegments change{table_, {}, {}};
        Box box;
        sum.rows = 0;
        sum.raw_bytes = 0;
        for (const manifest::Segment& each : plan.segments) {
            change.removed.push_back(each.file);
            box = *join(box, each.box);
            sum.rows += each.rows;
            sum.raw_bytes += each.raw_bytes;
            sum.level = std::max(sum.level, each.level);
            sum.newest_us = std::max(sum.newest_us, each.newest_us);
        }
        ++sum.level;
        sum.box = box;
        sum.file = fmt::format("m{}", ++merges_);
        change.added = {sum};
        rows_written_ += sum.rows;
        ASSERT_OK(history_.apply({change}));
    }
    void merge_all() {
        while (const auto next = plan()) merge(*next);
    }

    manifest::TestHistory history_;
    TableId table_;
    MergeLimits limits_;
    std::optional<int64_t> newest_us_;  // of what is archived
    uint64_t merges_ = 0;
    uint64_t rows_written_ = 0;
};

/// Else what is old would stay as long as what came hours later.
TEST_F(MergePlanTest, WhatLeavesByARetentionAtDifferentTimesStaysApart) {
    catalog::Table kept = manifest::test_table(history_.new_id(), "kept");
    kept.options["retention"] = "80 s";
    table_ = kept.id;
    ASSERT_OK(history_.apply({manifest::CreateTable{kept}}));
    const auto archive_at = [&](int64_t second) {
        newest_us_ = second * 1'000'000;
        archive(kYesterday);
    };
    for (int64_t second = 1'000; second < 1'040; ++second) archive_at(second);
    merge_all();
    ASSERT_EQ(of().segments.size(), 4U) << "ten seconds each, an eighth";
    EXPECT_EQ(of().segments[0].rows, 100U);
    // What came late leaves with those before it.
    for (const int64_t second : {1'039, 7, 1'038, 1'040, 1'031, 1'049, 1'050}) archive_at(second);
    merge_all();
    ASSERT_EQ(of().segments.size(), 6U);
    EXPECT_EQ(of().segments[3].rows, 130U);
    EXPECT_EQ(of().segments[4].rows, 30U);
}

TEST_F(MergePlanTest, ADayOfShortIntervalsHasFewSegmentsAndWritesEachRowAFewTimes) {
    constexpr int kIntervals = 17'280;
    size_t most = 0;
    for (int interval = 0; interval < kIntervals; ++interval) {
        archive(kToday);
        merge_all();
        most = std::max(most, of().segments.size());
    }
    EXPECT_LE(most, 7U * 5U);  // 8^5 > 17,280
    EXPECT_LE(rows_written_, 5U * 10U * kIntervals);
}

TEST_F(MergePlanTest, ADayThatIsOverBecomesOne) {
    for (int interval = 0; interval < 13; ++interval) archive(kYesterday);
    for (int interval = 0; interval < 7; ++interval) archive(kToday);
    merge_all();
    ASSERT_EQ(of().segments.size(), 8U);
    EXPECT_EQ(of().segments[0].rows, 130U);
    EXPECT_EQ(of().segments[0].ingest_day, kYesterday);
    archive(kYesterday);  // the clock went back
    merge_all();
    EXPECT_EQ(of().segments.size(), 9U) << "not across the segments of another day";
}

TEST_F(MergePlanTest, KeepsWithinTheLimits) {
    limits_ = {.rows_max = 100, .raw_bytes_max = 1'000'000};
    for (int interval = 0; interval < 50; ++interval) archive(kYesterday);
    merge_all();
    EXPECT_EQ(of().segments.size(), 5U);
    for (const manifest::Segment& each : of().segments) EXPECT_EQ(each.rows, 100U);
    limits_ = {.rows_max = 1'000'000, .raw_bytes_max = 30'000};
    for (int interval = 0; interval < 50; ++interval) archive(kToday);
    merge_all();
    for (const manifest::Segment& each : of().segments) EXPECT_LE(each.raw_bytes, 30'000U);
    EXPECT_LT(of().segments.size(), 20U);
}

TEST_F(MergePlanTest, OneHasAsManyRowsAndBytesAsItMay) {
    for (int interval = 0; interval < 8; ++interval) archive(kYesterday);
    const auto merged_within = [&](uint64_t rows, uint64_t raw_bytes) {
        limits_ = {.rows_max = rows, .raw_bytes_max = raw_bytes};
        const auto planned = plan();
        return planned ? planned->segments.size() : 0;
    };
    constexpr uint64_t kPlenty = 1'000'000;
    EXPECT_LT(merged_within(79, kPlenty), 8U);
    EXPECT_EQ(merged_within(80, kPlenty), 8U);
    EXPECT_EQ(merged_within(81, kPlenty), 8U);
    EXPECT_LT(merged_within(kPlenty, 7'999), 8U);
    EXPECT_EQ(merged_within(kPlenty, 8'000), 8U);
    EXPECT_EQ(merged_within(kPlenty, 8'001), 8U);
}

TEST_F(MergePlanTest, LeavesWhatBatchHasReadApart) {
    const VersionId version = history_.add_view(table_, "v");
    ASSERT_OK(history_.apply({manifest::Backfill{manifest::test_run(
        history_.new_run(), version, manifest::RunKind::kBatch, manifest::box({0}, {0}))}}));
    for (int interval = 0; interval < 5; ++interval) archive(kYesterday);
    ASSERT_OK(history_.apply({history_.seal(table_, of().archive_end)}));
    ASSERT_OK(history_.apply({manifest::ChooseCut{table_, of().archive_end}}));
    ASSERT_OK(history_.apply({history_.publish(table_)}));
    for (int interval = 0; interval < 5; ++interval) archive(kYesterday);
    merge_all();
    ASSERT_EQ(of().segments.size(), 2U);
    EXPECT_EQ(of().segments[0].box, manifest::box({0}, {50}));
}

TEST_F(MergePlanTest, NothingIsToDoWithoutSegments) {
    EXPECT_FALSE(plan());
    archive(kYesterday);
    EXPECT_FALSE(plan());
    EXPECT_FALSE(plan_merge(history_.state, {99}, kToday, limits_));
}

}  // namespace
}  // namespace braid::housekeeping
