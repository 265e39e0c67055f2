// SPDX-License-Identifier: Apache-2.0
// Views that keep their groups for a time only: what is late is counted as expired by both layers
// alike, and what has expired is in no answer.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/retained_stream.h"

namespace braid::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// 22:03, the window of ten minutes before that.
constexpr int64_t kFloorUs = kNowUs - 10 * kMinuteUs - 20'000'000;

constexpr std::string_view kTable =
    "CREATE TABLE t (k text, at timestamptz) WITH (event_time = 'at', partitions = 2)";
constexpr std::string_view kView =
    "CREATE MATERIALIZED VIEW v WITH (retention = '10 minutes') AS"
    " SELECT k, date_bin('1 minute', at, '2000-01-01Z') AS minute, count(*) AS n,"
    " count(DISTINCT k) AS d FROM t WHERE k IS DISTINCT FROM 'filtered' GROUP BY 1, 2";

class Retention : public RetainedStream {
  protected:
    Retention() : RetainedStream(kTable) {}

    void append(const std::string& key, int64_t at_us) { append_record(event(key, at_us)); }
    void seal() { ASSERT_TRUE(node_.seal("t").has_value()); }
    /// The keys that a SELECT finds.
    Lines keys(const std::string& mode = "live") {
        return in_mode(mode, "SELECT k FROM v ORDER BY 1");
    }
    std::string account() {
        return node_.rows("SELECT counted, filtered, quarantined, expired FROM braid.views")[0];
    }
};

TEST_F(Retention, LateEventsExpireInLiveAndBatchAlike) {
    node_.run(kView);
    append("now", kNowUs);
    append("early", kFloorUs - 1);
    seal();
    EXPECT_EQ(state().horizon_us, kNowUs);
    EXPECT_EQ(account(), "2|0|0|0") << "nothing was known of the time when they were folded";
    EXPECT_EQ(keys(), Lines{"now"}) << "but its group has expired by now";
    append("at the floor", kFloorUs);
    append("below it", kFloorUs - 1);
    append("filtered", kFloorUs - 1);
    append("first", 0);
    append("far", 4'070'908'800'000'000);  // 2099
    const Lines expected = {"at the floor", "far", "now"};
    EXPECT_EQ(keys(), expected);
    seal();
    EXPECT_EQ(account(), "4|1|0|2");
    EXPECT_EQ(keys(), expected);
    EXPECT_EQ(state().horizon_us, kNowUs) << "2099 moves nothing";
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(account(), "4|1|0|2");
    EXPECT_EQ(keys(), expected);
    EXPECT_EQ(keys("final"), expected);
    EXPECT_EQ(keys("at_cut"), expected);
    expect_matched();
    EXPECT_EQ(node_.rows("SELECT expired FROM braid.runs"), Lines{"2"});
    EXPECT_EQ(node_.rows("SELECT rows FROM braid.runs"), Lines{"3"}) << "batch wrote no others";
}

TEST_F(Retention, ADayAheadMovesTheHorizonAndNoMore) {
    node_.run(kView);
    append("insane", kNowUs + kDayUs + 1);
    seal();
    EXPECT_FALSE(state().horizon_us.has_value());
    append("ahead", kNowUs + kDayUs);
    seal();
    EXPECT_EQ(state().horizon_us, kNowUs + kDayUs);
    append("late by a day", kNowUs);
    EXPECT_EQ(keys(), (Lines{"ahead", "insane"}));
    seal();
    EXPECT_EQ(account(), "2|0|0|1");
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(keys("final"), (Lines{"ahead", "insane"}));
    expect_matched();
}

TEST_F(Retention, BadRecordsAndNullsMoveNothingAndNullsStay) {
    node_.run(kView);
    ASSERT_TRUE(node_.append("t", 0, {R"({"k":"no time"})", "nonsense"}).has_value());
    seal();
    EXPECT_FALSE(state().clock_us.has_value());
    append("now", kNowUs);
    seal();
    EXPECT_EQ(keys(), (Lines{"no time", "now"}));
    ASSERT_TRUE(node_.append("t", 1, {R"({"k":"no time either"})"}).has_value());
    seal();
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(keys("final"), (Lines{"no time", "no time either", "now"}));
    EXPECT_EQ(account(), "3|0|1|0");
    expect_matched();
}

TEST_F(Retention, EveryWayToReadDropsWhatHasExpired) {
    node_.run(kView);
    append("old", kFloorUs - kMinuteUs);
    append("new", kNowUs);
    seal();
    append("tick", kNowUs);
    for (const char* mode : {"live", "final", "at_cut"}) {
        if (std::string_view(mode) != "live") node_.run("REFRESH MATERIALIZED VIEW v");
        node_.run(fmt::format("SET braid.read_mode = {}", mode));
        const auto rows = [&](const std::string& sql) { return node_.rows(sql); };
        const std::string old = utc_text(kFloorUs - kMinuteUs);
        EXPECT_THAT(rows(fmt::format("SELECT n FROM v WHERE k = 'old' AND minute = '{}'", old)),
                    IsEmpty());
        EXPECT_EQ(rows("SELECT n FROM v WHERE k = 'new'"), Lines{"1"});
        EXPECT_THAT(rows("SELECT n FROM v WHERE k = 'old'"), IsEmpty());
        EXPECT_EQ(rows("SELECT count(*), sum(n) FROM v"), Lines{"2|2"});
        EXPECT_EQ(rows("SELECT combine(n), combine(d) FROM v"), Lines{"2|2"});
        EXPECT_EQ(rows("SELECT count(*) FROM v a JOIN v b ON a.k = b.k"), Lines{"2"});
        EXPECT_EQ(rows("SELECT k, row_number() OVER (ORDER BY k) FROM v"),
                  (Lines{"new|1", "tick|2"}));
        node_.run("SET braid.read_mode = live");
    }
    expect_matched();
}

TEST_F(Retention, TheReceiptTellsTheHorizon) {
    node_.run(kView);
    append("now", kNowUs);
    seal();
    append("late", 0);
    EXPECT_EQ(keys(), Lines{"now"});
    node_.run("SELECT * FROM v");
    const std::string receipt = node_.rows("SHOW braid.receipt").front();
    EXPECT_THAT(receipt, HasSubstr(R"("expired":1,"erased":0,"horizon":"2023-11-14 22:03:20+00")"));
    EXPECT_THAT(receipt, HasSubstr(R"("quarantined":0,"expired":1})"));
    EXPECT_EQ(node_.rows("SELECT retention, horizon FROM braid.views"),
              Lines{"00:10:00|2023-11-14 22:03:20+00"});
    std::string plan;
    for (const std::string& line : node_.rows("EXPLAIN (ANALYZE) SELECT * FROM v")) plan += line;
    EXPECT_THAT(plan, HasSubstr("1 expired"));
}

TEST_F(Retention, ARestartHoldsTheSameAgainstTheSame) {
    node_.run(kView);
    append("now", kNowUs);
    seal();
    append("late", kFloorUs - 1);
    append("in time", kFloorUs);
    const Lines before = keys();
    const auto digest = node_.digest("v");
    ASSERT_TRUE(digest.has_value());
    node_.crash(CrashFate::kKeepUnsynced, 1);
    start();
    EXPECT_EQ(keys(), before);
    EXPECT_EQ(node_.digest("v").value(), *digest);
    seal();
    EXPECT_EQ(account(), "2|0|0|1");
}

TEST_F(Retention, AViewThatComesLateFindsTheClockInItsHistory) {
    append("old", kFloorUs - 1);
    append("new", kNowUs);
    ASSERT_TRUE(node_.seal("t").has_value());
    node_.run(kView);
    EXPECT_EQ(state().clock_us, kNowUs);
    EXPECT_EQ(keys(), Lines{"new"});
    append("late", kFloorUs - 1);
    seal();
    EXPECT_EQ(account(), "2|0|0|1");
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(account(), "2|0|0|1");
    expect_matched();
}

TEST_F(Retention, SoDoesOneWhoseHistoryIsRefreshed) {
    append("old", kFloorUs - 1);
    append("new", kNowUs);
    node_.run(std::string(kView) + " WITH NO DATA");
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(state().clock_us, kNowUs);
    EXPECT_EQ(keys(), Lines{"new"});
    EXPECT_EQ(keys("final"), Lines{"new"});
}

TEST_F(Retention, ViewsOfOneStreamKeepDifferentTimes) {
    node_.run(kView);
    node_.run("CREATE MATERIALIZED VIEW whole AS SELECT k, count(*) AS n FROM t GROUP BY 1");
    node_.run(
        "CREATE MATERIALIZED VIEW short WITH (retention = '1 second') AS"
        " SELECT at, count(*) AS n FROM t GROUP BY 1");
    append("now", kNowUs);
    seal();
    append("second", kNowUs - 1'000'000);
    append("more", kNowUs - 1'000'001);
    append("late", kFloorUs - 1);
    EXPECT_EQ(node_.rows("SELECT count(*) FROM short"), Lines{"2"});
    EXPECT_EQ(node_.rows("SELECT count(*) FROM whole"), Lines{"4"});
    EXPECT_EQ(keys(), (Lines{"more", "now", "second"}));
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(node_.rows("SELECT name, counted, expired FROM braid.views ORDER BY 1"),
              (Lines{"short|2|2", "v|3|1", "whole|4|0"}));
    expect_matched();
}

TEST_F(Retention, WhatHasExpiredLeavesTheFilesInTime) {
    node_.run(kView);
    for (int64_t minute = 0; minute < 64; ++minute) {
        append("a", kNowUs + minute * kMinuteUs);
        seal();
        while (node_.workers().step("housekeeping")) {
        }
    }
    EXPECT_EQ(keys().size(), 11U);
    const auto rows = node_.rows("SELECT sum(rows) FROM braid.runs");
    EXPECT_LE(std::stoi(rows[0]), 24) << "64 minutes were sealed";
    expect_matched();
}

TEST_F(Retention, AFullViewHasRoomAgainWhenGroupsExpire) {
    node_.run(
        "CREATE MATERIALIZED VIEW v WITH (retention = '10 minutes', keys_max = 2) AS"
        " SELECT k, date_trunc('minute', at) AS minute FROM t GROUP BY 1, 2");
    append("a", kNowUs);
    append("b", kNowUs);
    append("c", kNowUs);
    seal();
    const auto full = node_.query("SELECT k FROM v");
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().sqlstate(), "53400");
    append("d", kNowUs + 20 * kMinuteUs);
    append("e", kNowUs + 20 * kMinuteUs);
    seal();
    EXPECT_EQ(keys(), (Lines{"d", "e"}));
    append("f", kNowUs + 20 * kMinuteUs);
    EXPECT_FALSE(node_.query("SELECT k FROM v").has_value());
}

TEST_F(Retention, CreateRefusesWhatHasNoTime) {
    const auto outcome = [&](const std::string& sql) {
        const auto rows = node_.query(sql);
        return rows ? "" : std::string(rows.error().sqlstate());
    };
    const std::string with = "CREATE MATERIALIZED VIEW w WITH (retention = '{}') AS SELECT {}";
    EXPECT_EQ(outcome(fmt::format(fmt::runtime(with), "1 day", "k, count(*) FROM t GROUP BY 1")),
              "42P17");
    EXPECT_EQ(outcome(fmt::format(fmt::runtime(with), "1 month", "at FROM t GROUP BY 1")), "22023");
    EXPECT_EQ(outcome(fmt::format(fmt::runtime(with), "0", "at FROM t GROUP BY 1")), "22023");
    node_.run("CREATE TABLE u (at timestamptz)");
    EXPECT_EQ(outcome(fmt::format(fmt::runtime(with), "1 day", "at FROM u GROUP BY 1")), "42P17");
    EXPECT_EQ(outcome("CREATE MATERIALIZED VIEW w WITH (retention = '1 day', retention = '2 days')"
                      " AS SELECT at FROM t GROUP BY 1"),
              "42601");
    EXPECT_EQ(outcome(fmt::format(fmt::runtime(with), "1 day", "at FROM t GROUP BY 1")), "");
}

TEST_F(Retention, OwnRowsOfATransactionExpireToo) {
    node_.run(kView);
    append("now", kNowUs);
    seal();
    node_.run("BEGIN");
    node_.run(fmt::format("INSERT INTO t VALUES ('late', '{}'), ('in time', '{}')",
                          utc_text(kFloorUs - 1), utc_text(kFloorUs)));
    EXPECT_EQ(node_.rows("SELECT k FROM v ORDER BY 1"), (Lines{"in time", "now"}));
    node_.run("COMMIT");
    EXPECT_EQ(keys(), (Lines{"in time", "now"}));
}

}  // namespace
}  // namespace braid::testing
