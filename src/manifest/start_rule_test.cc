// SPDX-License-Identifier: Apache-2.0
// Where the dataset of a stream begins.
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

/// Stream "t" of two partitions, which keeps events for 64 s, with view "v". Its clock stands at
/// 1,000 s, so what is older than 936 s may go.
struct Kept : TestHistory {
    TableId table = {1};
    VersionId v;
    int64_t file = 0;

    Kept() {
        catalog::Table made = test_table(table, "t", 2);
        made.options["retention"] = "64 s";
        CHECK(apply({CreateTable{made}}).has_value());
        v = add_view(table, "v");
        Seal sealed = seal(table, at({10, 10}));
        sealed.clock_us = 1'000 * kSecondUs;
        CHECK(apply({sealed}).has_value());
    }
    const TableState& of() const { return *state.table(table); }
    Segment segment(Box box, std::optional<int64_t> newest_us) {
        Segment made = test_segment(std::move(box));
        std::erase_if(made.box.intervals,
                      [](const Interval& each) { return each.from == each.to; });
        made.file = fmt::format("dataset/t/ingest_day=2026-11-22/x-{}.parquet", ++file);
        made.newest_us = newest_us;
        return made;
    }
    void archive(Box box, std::optional<int64_t> newest_s) {
        std::optional<int64_t> newest_us;
        if (newest_s) newest_us = *newest_s * kSecondUs;
        CHECK(apply({Archive{table, {segment(std::move(box), newest_us)}}}).has_value());
    }
    /// Four segments of both partitions, of which two are old.
    void archive_four() {
        archive(box({0, 0}, {2, 3}), 900);
        archive(box({2, 3}, {4, 3}), 935);
        archive(box({4, 3}, {6, 6}), 936);
        archive(box({6, 6}, {10, 10}), 1'000);
    }
    void choose() { CHECK(apply({ChooseCut{table, of().sealed_frontier}}).has_value()); }
    Positions furthest() const {
        return start_without(of(), of().sealed_frontier, 936 * kSecondUs);
    }
    /// Everything again, and a start.
    Publish publish_from(const Positions& start) const {
        Publish made = publish(table);
        made.start = start;
        uint64_t run = state.next_run + made.runs.size();
        for (Run& each : made.runs) {
            each = test_run(each.id, each.version, RunKind::kBatch, Box::between(start, made.cut));
            made.base_runs.push_back(
                test_run({run++}, each.version, RunKind::kBatch, Box::between(of().start, start)));
        }
        return made;
    }
    void move_to(const Positions& start) {
        choose();
        CHECK(apply({publish_from(start)}).has_value());
    }
    void expect_refused(const Change& change, ErrorCode code) {
        const std::string before = to_text(state);
        const auto applied = apply({change});
        ASSERT_FALSE(applied);
        EXPECT_EQ(applied.error().code(), code) << applied.error().to_string();
        EXPECT_EQ(to_text(state), before);
    }
    std::vector<Box> boxes(VersionId version) const {
        std::vector<Box> found;
        for (const Run& run : state.runs_of(version)) found.push_back(run.box);
        return found;
    }
};

TEST(StartRule, ADatasetBeginsAtTheOrigin) {
    TestHistory history;
    const TableId table = history.add_table_at("far", at({17}));
    const VersionId v = history.add_view(table, "v");
    EXPECT_EQ(history.state.table(table)->start, at({17}));
    EXPECT_EQ(history.state.begin_of(v), at({17}));
    history.add_partition(table, 5);
    EXPECT_EQ(history.state.table(table)->start, at({17, 5}));
    EXPECT_FALSE(history.state.kept_since_us(history.state.catalog.tables.at(table)).has_value());
}

TEST(StartRule, WhatIsOldAtTheFrontCanGo) {
    Kept history;
    EXPECT_EQ(history.state.kept_since_us(history.state.catalog.tables.at(history.table)),
              936 * kSecondUs);
    EXPECT_EQ(history.furthest(), at({0, 0}));
    history.archive_four();
    EXPECT_EQ(history.furthest(), at({4, 3})) << "an event as old as that stays";
    EXPECT_EQ(start_without(history.of(), at({10, 10}), 936 * kSecondUs + 1), at({6, 6}));
    EXPECT_EQ(start_without(history.of(), at({10, 10}), 935 * kSecondUs), at({2, 3}));
    EXPECT_EQ(start_without(history.of(), at({3, 9}), 936 * kSecondUs), at({2, 3}))
        << "a cut goes through the second";
    EXPECT_EQ(start_without(history.of(), at({10, 10}), INT64_MAX), at({10, 10}));
}

TEST(StartRule, EachPartitionHasItsOwnFront) {
    Kept history;
    history.archive(box({0, 0}, {2, 0}), 900);
    history.archive(box({2, 0}, {2, 5}), 990);
    history.archive(box({2, 5}, {4, 5}), 910);
    history.archive(box({4, 5}, {5, 6}), 920);  // behind one that stays, in one of its partitions
    history.archive(box({5, 6}, {7, 6}), 900);
    EXPECT_EQ(history.furthest(), at({4, 0}));
}

TEST(StartRule, ASegmentThatDoesNotSayHowNewItIsGoesByItsDay) {
    Kept history;
    const Segment unknown = history.segment(box({0, 0}, {1, 1}), std::nullopt);
    constexpr int64_t kDayAfterUs = 1'795'478'400 * kSecondUs;  // 2026-11-24
    EXPECT_EQ(unknown.newest_bound_us(), kDayAfterUs);
    history.archive(box({0, 0}, {2, 2}), std::nullopt);
    EXPECT_EQ(start_without(history.of(), at({9, 9}), kDayAfterUs), at({0, 0}));
    EXPECT_EQ(start_without(history.of(), at({9, 9}), kDayAfterUs + 1), at({2, 2}));
    Segment bad = unknown;
    bad.ingest_day = "today";
    EXPECT_EQ(bad.newest_bound_us(), INT64_MAX);
}

TEST(StartRule, SegmentsGoAndViewsKeepWhatTheyHaveCounted) {
    Kept history;
    history.archive_four();
    history.move_to(at({4, 3}));
    EXPECT_EQ(history.of().start, at({4, 3}));
    EXPECT_EQ(history.of().removed_rows, 7U);
    ASSERT_EQ(history.of().segments.size(), 2U);
    ASSERT_EQ(history.of().retired_segments.size(), 2U);
    EXPECT_EQ(history.of().retired_segments[0].at_us, history.now_us);
    EXPECT_EQ(history.boxes(history.v), (std::vector{box({0, 0}, {4, 3}), box({4, 3}, {10, 10})}));
    EXPECT_EQ(history.of().cuts.back().runs.size(), 2U);
    EXPECT_EQ(history.state.begin_of(history.v), at({0, 0}));
    EXPECT_TRUE(history.of().is_base(history.state.runs_of(history.v)[0]));
    EXPECT_FALSE(history.of().is_base(history.state.runs_of(history.v)[1]));

    // The next ones replace only what can be computed again.
    ASSERT_OK(history.apply({history.seal(history.table, at({12, 10}))}));
    history.archive(box({10, 10}, {12, 10}), 1'000);
    history.choose();
    ASSERT_OK(history.apply({history.publish_new(history.table)}));
    EXPECT_EQ(history.boxes(history.v),
              (std::vector{box({0, 0}, {4, 3}), box({4, 3}, {10, 10}), box({10, 10}, {12, 10})}));
    history.choose();
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_EQ(history.boxes(history.v), (std::vector{box({0, 0}, {4, 3}), box({4, 3}, {12, 10})}));
}

TEST(StartRule, AStreamWithoutViewsLosesItsSegmentsToo) {
    Kept history;
    const ViewId view = history.state.catalog.view_of_version(history.v)->id;
    ASSERT_OK(history.apply({DropView{view}}));
    history.archive_four();
    history.move_to(at({4, 3}));
    EXPECT_EQ(history.of().start, at({4, 3}));
    EXPECT_EQ(history.of().segments.size(), 2U);
}

TEST(StartRule, RefusesAStartThatIsNoneOrGoesBack) {
    Kept history;
    history.archive_four();
    history.choose();
    history.expect_refused(history.publish_from(at({0, 0})), ErrorCode::kInternal);
    Publish narrow = history.publish_from(at({4, 3}));
    narrow.start = at({4});
    history.expect_refused(narrow, ErrorCode::kInternal);
    Publish base_only = history.publish_from(at({2, 3}));
    base_only.start = {};
    for (manifest::Run& run : base_only.runs) run.box = box({0, 0}, {10, 10});
    history.expect_refused(base_only, ErrorCode::kInternal);
    ASSERT_OK(history.apply({history.publish_from(at({4, 3}))}));
    history.choose();
    history.expect_refused(history.publish_from(at({4, 3})), ErrorCode::kInternal);
    Publish back = history.publish(history.table);
    back.start = at({2, 3});
    back.base_runs = back.runs;
    history.expect_refused(back, ErrorCode::kInternal);
}

TEST(StartRule, RefusesToLoseWhatIsKept) {
    Kept history;
    history.archive_four();
    history.choose();
    history.expect_refused(history.publish_from(at({6, 6})), ErrorCode::kConflict);
    history.expect_refused(history.publish_from(at({3, 3})), ErrorCode::kConflict);
    history.expect_refused(history.publish_from(at({5, 3})), ErrorCode::kConflict);
    // Two have become one that is not all old.
    Segment merged = history.segment(box({2, 3}, {6, 6}), 936 * kSecondUs);
    const auto& segments = history.of().segments;
    ASSERT_OK(history.apply(
        {ReplaceSegments{history.table, {segments[1].file, segments[2].file}, {merged}}}));
    history.expect_refused(history.publish_from(at({4, 3})), ErrorCode::kConflict);
    ASSERT_OK(history.apply({history.publish_from(at({2, 3}))}));
}

TEST(StartRule, RefusesAStartWhereNothingExpires) {
    TestHistory history;
    const TableId table = history.add_table("t");
    history.add_view(table, "v");
    ASSERT_OK(history.apply({history.seal(table, at({4}))}));
    history.archive_to(table, at({2}));
    history.archive_to(table, at({4}));
    ASSERT_OK(history.apply({ChooseCut{table, at({4})}}));
    Publish publish = history.publish(table);
    publish.start = at({2});
    publish.base_runs = publish.runs;
    publish.base_runs[0].box = box({0}, {2});
    publish.base_runs[0].id.value += 1;
    publish.runs[0].box = box({2}, {4});
    const auto applied = history.apply({publish});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code(), ErrorCode::kInternal);
}

TEST(StartRule, RefusesAGapBetweenBaseAndRun) {
    Kept history;
    history.archive_four();
    history.choose();
    Publish gap = history.publish_from(at({4, 3}));
    gap.base_runs[0].box = box({0, 0}, {2, 3});
    history.expect_refused(gap, ErrorCode::kConflict);
    Publish overlap = history.publish_from(at({4, 3}));
    overlap.runs[0].box = box({2, 3}, {10, 10});
    history.expect_refused(overlap, ErrorCode::kConflict);
    Publish without = history.publish_from(at({4, 3}));
    without.base_runs.clear();
    history.expect_refused(without, ErrorCode::kConflict);
}

TEST(StartRule, RefusesAnIncrement) {
    Kept history;
    history.archive(box({0, 0}, {4, 3}), 900);
    history.archive(box({4, 3}, {10, 10}), 1'000);
    ASSERT_OK(history.apply(
        {Backfill{test_run(history.new_run(), history.v, RunKind::kBatch, box({0, 0}, {0, 0}))}}));
    history.choose();
    Publish again = history.publish_from(at({4, 3}));
    again.runs[0].increments = 1;
    again.runs[0].box = box({0, 0}, {10, 10});
    const auto applied = history.apply({again});
    ASSERT_FALSE(applied);
}

TEST(StartRule, AViewThatWasComputedAcrossItMeanwhileStopsIt) {
    Kept history;
    history.archive_four();
    history.choose();
    const VersionId late = history.add_view(history.table, "late");
    Publish moved = history.publish_from(at({4, 3}));
    std::erase_if(moved.runs, [&](const manifest::Run& run) { return run.version == late; });
    std::erase_if(moved.base_runs, [&](const manifest::Run& run) { return run.version == late; });
    const State before = history.state;
    ASSERT_OK(history.apply({Backfill{
        test_run({history.new_run().value + 9}, late, RunKind::kBatch, box({0, 0}, {10, 10}))}}));
    history.expect_refused(moved, ErrorCode::kConflict);

    // Where its history is still to come it is that of what there is.
    history.state = before;
    ASSERT_OK(history.apply({moved}));
    const auto fill = [&](Box box) {
        return Backfill{
            test_run({history.new_run().value + 9}, late, RunKind::kBatch, std::move(box))};
    };
    history.expect_refused(fill(box({0, 0}, {10, 10})), ErrorCode::kConflict);
    EXPECT_EQ(history.state.begin_of(late), at({4, 3}));
    EXPECT_EQ(history.state.batch_end(late), at({4, 3}));
    ASSERT_OK(history.apply({fill(box({4, 3}, {10, 10}))}));
    EXPECT_EQ(history.state.begin_of(late), at({4, 3}));
    EXPECT_EQ(history.state.batch_end(late), at({10, 10}));
    EXPECT_EQ(history.state.begin_of(history.v), at({0, 0}));
}

TEST(StartRule, AViewOfLaterKeepsItsBeginningWhenTheDatasetLosesMore) {
    Kept history;
    history.archive_four();
    history.move_to(at({4, 3}));
    const VersionId late = history.add_view(history.table, "late");
    history.choose();
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_EQ(history.boxes(late), (std::vector{box({4, 3}, {10, 10})}));
    Seal sealed = history.seal(history.table, at({12, 12}));
    sealed.clock_us = 1'100 * kSecondUs;
    ASSERT_OK(history.apply({sealed}));
    history.archive(box({10, 10}, {12, 12}), 1'100);
    history.move_to(at({6, 6}));
    EXPECT_EQ(history.boxes(late), (std::vector{box({4, 3}, {6, 6}), box({6, 6}, {12, 12})}));
    EXPECT_EQ(history.boxes(history.v),
              (std::vector{box({0, 0}, {4, 3}), box({4, 3}, {6, 6}), box({6, 6}, {12, 12})}));
    EXPECT_EQ(history.state.begin_of(late), at({4, 3}));
    EXPECT_EQ(history.of().removed_rows, 12U);
    ASSERT_OK(history.apply({Grow{history.table, at({0, 0, 7})}}));
    EXPECT_EQ(history.of().start, at({6, 6, 7}));
    EXPECT_EQ(history.state.begin_of(late), at({4, 3, 7}));
}

TEST(StartRule, BaseRunsAreJoinedButNotWithOthers) {
    Kept history;
    history.archive_four();
    history.move_to(at({2, 3}));
    history.move_to(at({4, 3}));
    ASSERT_EQ(history.state.runs_of(history.v).size(), 3U);
    const auto join = [&](size_t first, Box box) {
        const auto& runs = history.state.runs_of(history.v);
        return Compact{{runs[first].id, runs[first + 1].id},
                       test_run(history.new_run(), history.v, RunKind::kBatch, std::move(box))};
    };
    const auto forget = ForgetCuts{{history.of().cuts.front().number}};
    ASSERT_OK(history.apply({forget}));
    history.expect_refused(join(1, box({2, 3}, {10, 10})), ErrorCode::kConflict);
    ASSERT_OK(history.apply({join(0, box({0, 0}, {4, 3}))}));
    EXPECT_EQ(history.boxes(history.v), (std::vector{box({0, 0}, {4, 3}), box({4, 3}, {10, 10})}));
    EXPECT_TRUE(history.of().is_base(history.state.runs_of(history.v)[0]));
}

TEST(StartRule, IsWrittenAndReadAsItIs) {
    Kept history;
    history.archive_four();
    history.choose();
    const Publish change = history.publish_from(at({4, 3}));
    ASSERT_OK_AND_ASSIGN(const std::string told, write_version({7}, "w", 1, {change}, nullptr));
    ASSERT_OK_AND_ASSIGN(const VersionFile one, read_version(told, "x"));
    EXPECT_EQ(write_version({7}, "w", 1, one.changes, nullptr).value(), told);
    const auto& found = std::get<Publish>(one.changes.at(0));
    EXPECT_EQ(found.start, at({4, 3}));
    EXPECT_EQ(found.base_runs.at(0).box, box({0, 0}, {4, 3}));
    ASSERT_OK(history.apply({change}));
    history.add_view(history.table, "late");
    history.choose();
    ASSERT_OK(history.apply({history.publish(history.table)}));
    const std::string text = to_text(history.state);
    ASSERT_OK_AND_ASSIGN(const VersionFile file, read_version(text, "x"));
    EXPECT_EQ(to_text(*file.state), text);
    const TableState& read = file.state->tables.at(history.table);
    EXPECT_EQ(read.start, at({4, 3}));
    EXPECT_EQ(read.removed_rows, 7U);
    EXPECT_EQ(read.segments[0].newest_us, 936 * kSecondUs);
    EXPECT_EQ(file.state->catalog.find_view("late")->versions[0].complete_since, at({4, 3}));
    EXPECT_TRUE(file.state->catalog.find_view("v")->versions[0].complete_since.at.empty());
}

}  // namespace
}  // namespace braid::manifest
