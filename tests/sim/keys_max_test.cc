// SPDX-License-Identifier: Apache-2.0
// A view that may have so many groups and no more: one below, at and one above the limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

constexpr std::string_view kLimited =
    "CREATE MATERIALIZED VIEW v WITH (keys_max = 3) AS SELECT a, count(*) AS n FROM t GROUP BY a";

class KeysMax : public ::testing::Test {
  protected:
    void SetUp() override {
        start();
        node_.run("CREATE TABLE t (a int)");
    }
    void start() {
        const auto started = node_.start();
        ASSERT_TRUE(started.has_value()) << started.error().to_string();
    }
    void append(const std::vector<int>& values) {
        std::vector<std::string> records;
        for (const int value : values) records.push_back(fmt::format(R"({{"a":{}}})", value));
        ASSERT_TRUE(node_.append("t", 0, records).has_value());
    }
    /// "" or the SQLSTATE.
    std::string outcome(std::string_view sql) {
        const auto rows = node_.query(sql);
        return rows ? "" : std::string(rows.error().sqlstate());
    }
    /// How reads of the view end, which all end alike: a scan, an aggregate and a point read.
    std::string reading() {
        const std::string scan = outcome("SELECT * FROM v");
        EXPECT_EQ(outcome("SELECT sum(n) FROM v"), scan);
        EXPECT_EQ(outcome("SELECT n FROM v WHERE a = 1"), scan);
        EXPECT_EQ(outcome("SELECT n FROM v WHERE a = 77"), scan);
        return scan;
    }
    std::vector<std::string> degraded() const {
        std::vector<std::string> parts;
        for (const HealthReport& each : node_.node().health().report()) {
            if (each.state == HealthState::kDegraded) parts.push_back(each.part);
        }
        return parts;
    }

    mutable TestNode node_;
};

TEST_F(KeysMax, LiveReadsAreRefusedFromTheFirstGroupBeyondTheLimit) {
    node_.run(kLimited);
    append({1, 2, 1, 2});
    EXPECT_EQ(reading(), "");
    append({3, 3, 1});
    EXPECT_EQ(reading(), "");
    EXPECT_EQ(node_.rows("SELECT a, n FROM v ORDER BY a"),
              (std::vector<std::string>{"1|3", "2|2", "3|2"}));
    EXPECT_THAT(degraded(), IsEmpty());
    append({4});
    EXPECT_EQ(reading(), "53400");
    EXPECT_THAT(degraded(), Contains("view v"));
    append({1});
    EXPECT_EQ(reading(), "53400");
}

TEST_F(KeysMax, OneGroupInManyRunsAndTicksIsOneGroup) {
    node_.run(kLimited);
    for (int round = 0; round < 4; ++round) {
        append({1, 2});
        ASSERT_TRUE(node_.seal("t").has_value());
        EXPECT_EQ(reading(), "") << round;
    }
    append({1, 3});
    EXPECT_EQ(reading(), "");
    ASSERT_TRUE(node_.seal("t").has_value());
    append({3, 2});
    EXPECT_EQ(reading(), "");
    append({4});
    EXPECT_EQ(reading(), "53400");
}

TEST_F(KeysMax, AFullViewHarmsNoOther) {
    node_.run(kLimited);
    node_.run("CREATE MATERIALIZED VIEW w AS SELECT a, count(*) AS n FROM t GROUP BY a");
    append({1, 2, 3, 4});
    EXPECT_EQ(reading(), "53400");
    ASSERT_TRUE(node_.seal("t").has_value());
    append({5});
    EXPECT_EQ(node_.rows("SELECT count(*), sum(n) FROM w"), std::vector<std::string>{"5|5"});
    EXPECT_EQ(outcome("SELECT count(*) FROM w, v"), "53400");
    node_.run("REFRESH MATERIALIZED VIEW w");
    EXPECT_EQ(node_.rows("SELECT count(*), sum(n) FROM w"), std::vector<std::string>{"5|5"});
}

TEST_F(KeysMax, BatchAndARestartSayTheSame) {
    node_.run(kLimited);
    append({1, 2, 3});
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(reading(), "");
    append({4});
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(reading(), "53400");
    // What an answer held before is as it was.
    node_.run("SET braid.read_mode = 'at_cut'; SET braid.cut = 1");
    EXPECT_EQ(node_.rows("SELECT a, n FROM v ORDER BY a"),
              (std::vector<std::string>{"1|1", "2|1", "3|1"}));
    node_.run("RESET braid.cut");
    EXPECT_EQ(reading(), "53400");
    node_.run("RESET braid.read_mode");
    node_.crash(CrashFate::kDropUnsynced, 1);
    start();
    EXPECT_EQ(node_.rows("SELECT keys_max FROM braid.views"), std::vector<std::string>{"3"});
    EXPECT_EQ(reading(), "53400");
}

TEST_F(KeysMax, ItIsFoundWhenNobodyReads) {
    node_.run(kLimited);
    append({1, 2, 3, 4});
    ASSERT_TRUE(node_.seal("t").has_value());
    node_.clock().advance_us(2'000'000);
    node_.run_workers();
    EXPECT_THAT(degraded(), Contains("view v"));
    node_.run("DROP MATERIALIZED VIEW v");
    node_.clock().advance_us(2'000'000);
    node_.run_workers();
    EXPECT_THAT(degraded(), IsEmpty());
}

TEST_F(KeysMax, CreateWithSoManyGroupsOfHistoryIsDone) {
    append({1, 2, 3, 1});
    node_.run(kLimited);
    EXPECT_EQ(reading(), "");
    append({4});
    EXPECT_EQ(reading(), "53400");
}

TEST_F(KeysMax, CreateWithMoreGroupsOfHistoryLeavesNothing) {
    append({1, 2, 3, 4});
    EXPECT_EQ(outcome(kLimited), "53400");
    EXPECT_EQ(outcome("SELECT * FROM v"), "42P01");
    EXPECT_THAT(node_.rows("SELECT name FROM braid.views"), IsEmpty());
    node_.run("CREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a");
    EXPECT_EQ(reading(), "");
}

TEST_F(KeysMax, RowsOfOnesOwnCountForOneselfAlone) {
    node_.run(kLimited);
    append({1, 2, 3});
    node_.run("BEGIN; INSERT INTO t VALUES (3)");
    EXPECT_EQ(outcome("SELECT * FROM v"), "");
    node_.run("INSERT INTO t VALUES (4)");
    EXPECT_EQ(outcome("SELECT * FROM v"), "53400");
    node_.run("ROLLBACK");
    EXPECT_EQ(reading(), "");
    EXPECT_THAT(degraded(), IsEmpty());
}

}  // namespace
}  // namespace braid::testing
