// SPDX-License-Identifier: Apache-2.0
// Streams that keep their events for a time only: the dataset loses what is old, views keep what
// they have counted of it.
#include <array>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/trace.h"
#include "tests/sim/retained_stream.h"
#include "tests/support/files_below.h"

namespace braid::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kSecondUs = 1'000'000;
/// As old as an event may be.
constexpr int64_t kBoundUs = kNowUs - 10 * kMinuteUs;

constexpr std::string_view kTable =
    "CREATE TABLE t (k text, at timestamptz)"
    " WITH (event_time = 'at', partitions = 2, retention = '10 minutes')";
constexpr std::string_view kView =
    "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n, count(DISTINCT k) AS d FROM t"
    " WHERE k IS DISTINCT FROM 'filtered' GROUP BY k";

class StreamRetention : public RetainedStream {
  protected:
    StreamRetention() : RetainedStream(kTable) {}

    /// An event, or several, that is a segment.
    void archive(const std::string& key, const std::vector<int64_t>& at_us) {
        for (const int64_t each : at_us) {
            append_record(event(key, each));
        }
        seal();
    }
    void seal() {
        ASSERT_TRUE(node_.seal("t").has_value());
        ASSERT_TRUE(node_.archive("t").has_value());
    }
    void refresh() { node_.run("REFRESH MATERIALIZED VIEW v"); }
    void keep_house() {
        while (node_.workers().step("housekeeping")) {
        }
    }
    Lines raw() { return node_.rows("SELECT k FROM t ORDER BY 1"); }
    Lines counts(const std::string& view = "v", const std::string& mode = "live") {
        return in_mode(mode, "SELECT k, n FROM " + view + " ORDER BY 1");
    }
    void expect_counts(const Lines& expected) {
        for (const char* mode : {"live", "at_cut", "final"}) {
            EXPECT_EQ(counts("v", mode), expected) << mode;
        }
        expect_matched();
    }
    /// Of the dataset, as who lists it finds them; and those that are not listed.
    std::set<std::string> files() {
        std::set<std::string> found;
        for (const char* root : {"dataset", "unlisted"}) list_files(node_.files(), root, found);
        return found;
    }
};

TEST_F(StreamRetention, EventsGoAndViewsKeepWhatTheyHaveCounted) {
    node_.run(kView);
    archive("old", {kNowUs - 20 * kMinuteUs, kNowUs - 30 * kMinuteUs});
    archive("now", {kNowUs});
    EXPECT_EQ(state().start, state().origin) << "not before everything is computed again";
    EXPECT_THAT(raw(), SizeIs(3));
    refresh();
    EXPECT_EQ(raw(), Lines{"now"});
    expect_counts({"now|1", "old|2"});
    EXPECT_EQ(node_.rows("SELECT start, removed_rows, segments, retention, horizon"
                         " FROM braid.streams"),
              Lines{"0:1,1:1|2|1|00:10:00|2023-11-14 22:03:20+00"});
    EXPECT_EQ(node_.rows("SELECT box, counted FROM braid.runs ORDER BY 1"),
              (Lines{"0:[0,1) 1:[0,1)|2", "0:[1,2) 1:[1,1)|1"}));
    // A view of now knows what there is.
    node_.run("CREATE MATERIALIZED VIEW w AS SELECT k, count(*) AS n FROM t GROUP BY k");
    EXPECT_EQ(counts("w"), Lines{"now|1"});
    EXPECT_EQ(node_.rows("SELECT name, complete_since FROM braid.views ORDER BY 1"),
              (Lines{"v|0:0,1:0", "w|0:1,1:1"}));
    EXPECT_EQ(raw(), Lines{"now"});
    EXPECT_THAT(node_.rows("SHOW braid.receipt")[0], HasSubstr(R"("start":{"t":[1,1]})"));
    EXPECT_EQ(node_.rows("SELECT k FROM w"), Lines{"now"});
    EXPECT_THAT(node_.rows("SHOW braid.receipt")[0], HasSubstr(R"("complete_since":[1,1])"));
    // What comes is counted on top, and the base runs stay.
    archive("old", {kNowUs});
    refresh();
    expect_counts({"now|1", "old|3"});
    EXPECT_EQ(counts("w", "final"), (Lines{"now|1", "old|1"}));
    EXPECT_EQ(raw(), (Lines{"now", "old"}));
}

TEST_F(StreamRetention, AnEventAsOldAsItMayBeStays) {
    node_.run(kView);
    archive("one above", {kBoundUs - 1});
    archive("at", {kBoundUs});
    archive("one below", {kBoundUs + 1});
    archive("now", {kNowUs});
    refresh();
    EXPECT_EQ(raw(), (Lines{"at", "now", "one below"}));
    expect_counts({"at|1", "now|1", "one above|1", "one below|1"});
}

TEST_F(StreamRetention, ASegmentStaysAsLongAsOneOfItsEventsMust) {
    node_.run(kView);
    archive("first", {0, kBoundUs});
    archive("old", {0});
    archive("now", {kNowUs});
    refresh();
    EXPECT_THAT(raw(), SizeIs(4)) << "the oldest segment holds one that stays";
    expect_counts({"first|2", "now|1", "old|1"});
}

/// An event of the far future is as old as its record is, less a day; one without time as its
/// record.
TEST_F(StreamRetention, WrongTimesKeepNothingForEver) {
    node_.run(kView);
    archive("1970", {0});
    archive("2099", {4'070'908'800 * kSecondUs});
    append_record(R"({"k":"null"})");
    append_record("no JSON");
    seal();
    archive("tomorrow", {kNowUs + kDayUs});
    refresh();
    EXPECT_EQ(raw(), (Lines{"2099", "null", "tomorrow"})) << "the clock is a day ahead";
    node_.clock().advance_us(10 * kMinuteUs);
    archive("next", {kNowUs + kDayUs + 10 * kMinuteUs});
    refresh();
    EXPECT_EQ(raw(), (Lines{"2099", "next", "null", "tomorrow"}));
    EXPECT_THAT(node_.rows("SELECT _raw FROM braid.quarantine"), SizeIs(1));
    node_.clock().advance_us(20 * kSecondUs);
    archive("last", {kNowUs + kDayUs + 10 * kMinuteUs + 20 * kSecondUs});
    refresh();
    EXPECT_EQ(raw(), (Lines{"last", "next"}));
    EXPECT_THAT(node_.rows("SELECT _raw FROM braid.quarantine"), IsEmpty());
    EXPECT_EQ(node_.rows("SELECT counted, filtered, quarantined, expired FROM braid.views"),
              Lines{"6|0|1|0"});
    expect_counts({"1970|1", "2099|1", "last|1", "next|1", "null|1", "tomorrow|1"});
}

TEST_F(StreamRetention, FilesLeaveTheDiskAfterTheUndoWindow) {
    node_.run(kView);
    archive("old", {kNowUs - 20 * kMinuteUs});
    node_.clock().advance_us(kDayUs);
    archive("now", {kNowUs + kDayUs});
    EXPECT_THAT(files(), SizeIs(2));
    refresh();
    keep_house();
    EXPECT_GE(files().size(), 2U) << "readers of before still may";
    const std::string folder = node_.node().state()->catalog.find_table("t")->dataset_folder;
    EXPECT_THAT(*node_.files().list(folder), SizeIs(1)) << "the day before is not listed";
    node_.clock().advance_us(600 * kSecondUs);
    keep_house();
    EXPECT_THAT(files(), SizeIs(1));
    EXPECT_EQ(state().retired_segments.size(), 0U);
    expect_counts({"now|1", "old|1"});
}

TEST_F(StreamRetention, HousekeepingAsksForItWhereNothingElseDoes) {
    node_.run(kView);
    archive("bound", {kNowUs - 10 * kMinuteUs - 74 * kSecondUs});
    archive("now", {kNowUs});
    node_.run_workers();
    EXPECT_THAT(raw(), SizeIs(2)) << "less than an eighth of the retention";
    for (int minute = 1; minute <= 60; ++minute) {
        node_.clock().advance_us(kMinuteUs);
        archive(fmt::format("{}", minute % 7), {kNowUs + minute * kMinuteUs});
        node_.run_workers();
    }
    EXPECT_LE(raw().size(), 14U);
    EXPECT_GE(raw().size(), 11U);
    expect_counts({"0|8", "1|9", "2|9", "3|9", "4|9", "5|8", "6|8", "bound|1", "now|1"});
    EXPECT_LE(node_.rows("SELECT run FROM braid.runs").size(), 24U);
    EXPECT_EQ(node_.rows("SELECT removed_rows + segment_rows FROM braid.streams"), Lines{"62"});
}

TEST_F(StreamRetention, AStreamWithoutViewsLosesItsEventsToo) {
    archive("old", {kNowUs - 20 * kMinuteUs});
    archive("now", {kNowUs});
    node_.run_workers();
    EXPECT_EQ(raw(), Lines{"now"});
    node_.run(kView);
    EXPECT_EQ(counts(), Lines{"now|1"});
    refresh();
    expect_counts({"now|1"});
}

TEST_F(StreamRetention, AStreamWithoutEventTimeGoesByIngestTime) {
    node_.run("DROP TABLE t");
    node_.run("CREATE TABLE t (k text) WITH (retention = '10 minutes')");
    node_.run("CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n FROM t GROUP BY k");
    const auto add = [&](const std::string& key) {
        ASSERT_TRUE(node_.append("t", 0, {fmt::format(R"({{"k":"{}"}})", key)}).has_value());
        seal();
    };
    add("old");
    node_.clock().advance_us(1);
    add("at");
    node_.clock().advance_us(10 * kMinuteUs);
    add("now");
    refresh();
    EXPECT_EQ(raw(), (Lines{"at", "now"}));
    expect_counts({"at|1", "now|1", "old|1"});
}

TEST_F(StreamRetention, AViewMayKeepLessThanItsStreamOrMore) {
    node_.run(kView);
    for (const auto& [name, retention] : {std::pair("less", "5 minutes"), {"more", "1 hour"}}) {
        node_.run(
            fmt::format("CREATE MATERIALIZED VIEW {} WITH (retention = '{}') AS"
                        " SELECT date_bin('1 minute', at, '2000-01-01Z') AS k, count(*) AS n"
                        " FROM t GROUP BY 1",
                        name, retention));
    }
    for (int minute = -90; minute <= 0; ++minute) {
        archive("a", {kNowUs + minute * kMinuteUs});
        if (minute % 20 == 0) refresh();
        keep_house();
    }
    EXPECT_THAT(raw(), SizeIs(11));
    expect_counts({"a|91"});
    for (const char* mode : {"live", "at_cut", "final"}) {
        EXPECT_THAT(counts("less", mode), SizeIs(6)) << mode;
        EXPECT_THAT(counts("more", mode), SizeIs(61)) << mode;
    }
    archive("late", {kNowUs - 30 * kMinuteUs});
    refresh();
    EXPECT_THAT(counts("more", "final"), SizeIs(61));
    EXPECT_EQ(node_.rows("SELECT name, counted, expired FROM braid.views ORDER BY 1"),
              (Lines{"less|91|1", "more|92|0", "v|92|0"}));
    expect_counts({"a|91", "late|1"});
}

TEST_F(StreamRetention, ARestartGoesOnAtTheSamePlace) {
    node_.run(kView);
    archive("old", {kNowUs - 20 * kMinuteUs});
    archive("now", {kNowUs});
    refresh();
    const Positions start = state().start;
    for (const CrashFate fate :
         {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced, CrashFate::kTearUnsynced}) {
        node_.crash(fate, 7);
        this->start();
        EXPECT_EQ(state().start, start);
        EXPECT_EQ(raw(), Lines{"now"});
        expect_counts({"now|1", "old|1"});
    }
    EXPECT_GE(files().size(), 2U) << "within the undo window";
}

/// A snapshot reads to the end what it began with, be its events gone meanwhile.
TEST_F(StreamRetention, ASnapshotOfBeforeStillFindsThem) {
    node_.run(kView);
    archive("old", {kNowUs - 20 * kMinuteUs});
    archive("now", {kNowUs});
    const auto other = node_.open_session();
    ASSERT_TRUE(other->query("BEGIN ISOLATION LEVEL REPEATABLE READ").has_value());
    const auto before = other->query("SELECT k FROM t ORDER BY 1");
    ASSERT_TRUE(before.has_value());
    EXPECT_THAT(*before, SizeIs(2));
    refresh();
    keep_house();
    node_.clock().advance_us(1200 * kSecondUs);
    keep_house();
    EXPECT_GE(files().size(), 2U);
    EXPECT_EQ(raw(), Lines{"now"});
    const auto after = other->query("SELECT k FROM t ORDER BY 1");
    ASSERT_TRUE(after.has_value()) << after.error().to_string();
    EXPECT_EQ(*after, *before);
    ASSERT_TRUE(other->query("COMMIT").has_value());
    keep_house();
    EXPECT_THAT(files(), SizeIs(1));
}

/// What the log still held when a snapshot began may have been archived since, and gone.
TEST_F(StreamRetention, ASnapshotWhoseTailIsGoneSaysSo) {
    node_.run(kView);
    append_record(event("tail", kNowUs - 20 * kMinuteUs));
    const auto other = node_.open_session();
    ASSERT_TRUE(other->query("BEGIN ISOLATION LEVEL REPEATABLE READ").has_value());
    const auto before = other->query("SELECT k FROM t");
    ASSERT_TRUE(before.has_value());
    EXPECT_EQ(*before, Lines{"tail"});
    seal();
    for (int count = 0; count < 200; ++count) archive(std::string(90, 'x'), {kNowUs});
    refresh();
    EXPECT_EQ(state().start, (Positions{{Offset{1}, Offset{0}}}));
    const auto after = other->query("SELECT k FROM t");
    ASSERT_FALSE(after.has_value());
    EXPECT_EQ(after.error().sqlstate(), "72000") << after.error().to_string();
}

/// A stream of which one event is to go, and the file that holds it.
void begin(TestNode& node) {
    ASSERT_TRUE(node.start());
    node.run(kTable);
    node.run(kView);
    for (const int64_t at_us : {kNowUs - 20 * kMinuteUs, kNowUs}) {
        const char* key = at_us == kNowUs ? "now" : "old";
        ASSERT_TRUE(node.append("t", 0, {event(key, at_us)}));
        ASSERT_TRUE(node.seal("t") && node.archive("t"));
    }
}

/// Until something fails, as it does when the machine stops.
bool lose(TestNode& node) {
    if (!node.query("REFRESH MATERIALIZED VIEW v")) return false;
    while (node.workers().step("housekeeping")) {
    }
    return node.node().release(0).has_value();
}

void expect_exact(TestNode& node, const std::string& when) {
    EXPECT_EQ(node.rows("SELECT k, n FROM v ORDER BY 1"), (Lines{"now|1", "old|1"})) << when;
    const bool has_gone = node.rows("SELECT removed_rows FROM braid.streams") == Lines{"1"};
    EXPECT_EQ(node.rows("SELECT k FROM t ORDER BY 1"),
              has_gone ? Lines{"now"} : (Lines{"now", "old"}))
        << when;
    std::set<std::string> listed;
    list_files(node.files(), "dataset", listed);
    const manifest::StatePtr state = node.node().state();
    std::set<std::string> named;
    for (const auto& each : state->table(node.table("t"))->segments) named.insert(each.file);
    EXPECT_EQ(listed, named) << when;
}

TEST(StreamRetentionCrash, LeavesExactAnswersAtEveryDurableStep) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    uint64_t steps = 0;
    {
        TestNode node;
        begin(node);
        const uint64_t before = node.files().operation_count();
        ASSERT_TRUE(lose(node));
        steps = node.files().operation_count() - before;
        expect_exact(node, "without a crash");
    }
    ASSERT_GT(steps, 20U);
    for (uint64_t step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
        const auto fate = std::array{CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                     CrashFate::kTearUnsynced};
        const std::string when = fmt::format("crash at step {} of {}", step, steps);
        TestNode node;
        begin(node);
        node.files().fail_all_after(step);
        EXPECT_FALSE(lose(node)) << when;
        node.crash(fate.at(step % fate.size()), step);
        ASSERT_TRUE(node.start()) << when;
        expect_exact(node, when);
        ASSERT_TRUE(lose(node)) << when;
        expect_exact(node, when + ", then again");
        EXPECT_EQ(node.rows("SELECT removed_rows FROM braid.streams"), Lines{"1"}) << when;
    }
    set_trace_sink({});
}

TEST_F(StreamRetention, CreateRefusesWhatIsNoTime) {
    for (const char* words : {"1 month", "0 s", "soon"}) {
        const auto refused =
            node_.query(fmt::format("CREATE TABLE u (a int) WITH (retention = '{}')", words));
        ASSERT_FALSE(refused.has_value()) << words;
        EXPECT_EQ(refused.error().sqlstate(), "22023");
    }
}

}  // namespace
}  // namespace braid::testing
