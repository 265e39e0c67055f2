// SPDX-License-Identifier: Apache-2.0
// Streams whose logs begin elsewhere than at 0 and get partitions while the node runs: what is read
// of them, and what batch, cuts, pins and starts make of it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

constexpr const char* kSetup =
    "CREATE TABLE t (k text, n bigint);"
    "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS c, sum(n) AS s FROM t GROUP BY k";
constexpr const char* kPoint = "SELECT c, s FROM v WHERE k = 'a'";
constexpr uint64_t kSeed = 7;

/// Dense logs and such with holes.
class Growth : public ::testing::TestWithParam<bool> {
  protected:
    static void start(TestNode& node) {
        if (GetParam()) {
            node.use_sparse_logs(kSeed);
        } else {
            node.use_dense_logs(kSeed);
        }
        ASSERT_TRUE(node.start());
        node.run(kSetup);
    }
    void SetUp() override { start(node_); }
    void append(uint32_t partition, const std::string& key, int64_t number) {
        ASSERT_TRUE(
            node_.append("t", partition, {fmt::format(R"({{"k":"{}","n":{}}})", key, number)}));
    }
    void grow() { node_.add_partition("t"); }
    const manifest::TableState& state() {
        head_ = node_.node().state();
        return *head_->table(node_.table("t"));
    }

    TestNode node_;
    manifest::StatePtr head_;
};

TEST_P(Growth, ALogMayBeginAnywhere) {
    const Positions origin = state().origin;
    ASSERT_NE(origin, Positions::zero(1));
    append(0, "a", 1);
    append(0, "b", 2);
    append(0, "a", 5);
    for (const bool is_sealed : {false, true}) {
        if (is_sealed) node_.run("REFRESH MATERIALIZED VIEW v");
        EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|2|6", "b|1|2"));
        EXPECT_THAT(node_.rows(kPoint), ElementsAre("2|6"));
        EXPECT_THAT(node_.rows("SELECT k, n FROM t ORDER BY n"), ElementsAre("a|1", "b|2", "a|5"));
        EXPECT_THAT(node_.rows(fmt::format("SELECT count(*) FROM t WHERE _offset < {}",
                                           origin.at[0].value)),
                    ElementsAre("0"));
    }
    EXPECT_EQ(state().cuts.back().cut, state().sealed_frontier);
    EXPECT_THAT(node_.rows("SELECT origin FROM braid.streams"), ElementsAre(origin.to_string()));
    node_.run("CREATE MATERIALIZED VIEW late AS SELECT k, max(n) AS m FROM t GROUP BY k");
    append(0, "a", 9);
    EXPECT_THAT(node_.rows("SELECT * FROM late ORDER BY k"), ElementsAre("a|9", "b|2"));
    for (const bool is_crash : {false, true}) {
        if (is_crash) {
            node_.crash(CrashFate::kDropUnsynced, 1);
        } else {
            ASSERT_TRUE(node_.stop());
        }
        ASSERT_TRUE(node_.start());
        EXPECT_THAT(node_.rows(kPoint), ElementsAre(is_crash ? "4|18" : "3|15"));
        EXPECT_THAT(node_.rows("SELECT m FROM late WHERE k = 'a'"), ElementsAre("9"));
        append(0, "a", 3);  // lies in the log alone
    }
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("5|21"));
}

TEST_P(Growth, APartitionThatCameIsReadAtOnce) {
    append(0, "a", 1);
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("1|1"));
    grow();
    append(1, "a", 5);
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("2|6")) << "a point read";
    grow();
    append(2, "b", 2);
    EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|2|6", "b|1|2"));
    grow();
    append(3, "b", 3);
    EXPECT_THAT(node_.rows("SELECT _partition, n FROM t ORDER BY 1"),
                ElementsAre("0|1", "1|5", "2|2", "3|3"))
        << "the stream itself";
    EXPECT_THAT(node_.rows("SELECT partitions, origin FROM braid.streams"),
                ElementsAre("4|" + state().origin.to_string()));
    node_.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(state().cuts.back().cut, state().sealed_frontier);
    EXPECT_EQ(state().cuts.back().cut.partition_count(), 4U);
    EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|2|6", "b|2|5"));
    EXPECT_THAT(node_.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"),
                ElementsAre("0"));
}

TEST_P(Growth, ACutFromBeforeIsReadAsItWas) {
    append(0, "a", 1);
    node_.run("REFRESH MATERIALIZED VIEW v");
    const uint64_t first = state().cuts.back().number;
    append(0, "a", 2);
    grow();
    append(1, "a", 5);
    append(1, "b", 6);
    const auto read_first = [&](const char* when) {
        SCOPED_TRACE(when);
        node_.run(fmt::format("SET braid.read_mode = 'at_cut'; SET braid.cut = {}", first));
        EXPECT_THAT(node_.rows("SELECT * FROM v"), ElementsAre("a|1|1"));
        EXPECT_THAT(node_.rows(kPoint), ElementsAre("1|1"));
        EXPECT_THAT(node_.rows("SELECT k, n FROM t"), ElementsAre("a|1"));
        node_.run("RESET braid.cut; SET braid.read_mode = 'live'");
    };
    read_first("nobody has folded the partition");
    EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|3|8", "b|1|6"));
    read_first("it is folded");
    node_.run("SET braid.read_mode = 'final'");
    EXPECT_THAT(node_.rows("SELECT * FROM v"), ElementsAre("a|1|1"));
    EXPECT_THAT(node_.rows("SELECT k, n FROM t"), ElementsAre("a|1"));
    node_.run("SET braid.read_mode = 'live'; REFRESH MATERIALIZED VIEW v");
    read_first("the next cut is published");
    node_.run("SET braid.read_mode = 'final'");
    EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|3|8", "b|1|6"));
    node_.run("SET braid.read_mode = 'live'");
    ASSERT_TRUE(node_.stop());
    ASSERT_TRUE(node_.start());
    read_first("after a restart");
    EXPECT_EQ(state().cuts.at(0).cut.partition_count(), 2U);
}

TEST_P(Growth, WhatIsPinnedSeesNothingOfAPartitionThatCameLater) {
    append(0, "a", 1);
    node_.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    EXPECT_THAT(node_.rows("SELECT * FROM v"), ElementsAre("a|1|1"));
    grow();
    append(1, "a", 5);
    append(0, "a", 2);
    const auto other = node_.open_session();
    EXPECT_THAT(*other->query(kPoint), ElementsAre("3|8"));
    for (const char* between : {"SELECT 1", "REFRESH MATERIALIZED VIEW v"}) {
        ASSERT_TRUE(other->query(between));
        EXPECT_THAT(node_.rows("SELECT * FROM v"), ElementsAre("a|1|1"));
        EXPECT_THAT(node_.rows(kPoint), ElementsAre("1|1"));
        EXPECT_THAT(node_.rows("SELECT k, n FROM t"), ElementsAre("a|1"));
    }
    // Its records are in the dataset alone by now.
    node_.clock().advance_us(60'000'000);
    node_.run_workers();
    ASSERT_TRUE(node_.archive("t"));
    EXPECT_THAT(node_.rows("SELECT k, n FROM t"), ElementsAre("a|1"));
    node_.run("COMMIT");
    EXPECT_THAT(node_.rows("SELECT * FROM v"), ElementsAre("a|3|8"));
}

TEST_P(Growth, ASessionThatHasSeenAPartitionGoesOnSeeingIt) {
    append(0, "a", 1);
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("1|1"));
    grow();
    append(1, "a", 5);
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("2|6"));
    EXPECT_THAT(node_.rows("SELECT n FROM t ORDER BY n"), ElementsAre("1", "5"));
    EXPECT_THAT(node_.rows(kPoint), ElementsAre("2|6"));
}

/// The log grows, and has an event in its new partition, before the n-th step on the disk. Where
/// that is about a run speed folds it; where it is about a segment, speed seals it.
class GrowsAt {
  public:
    GrowsAt(TestNode& node, int step) : node_(node), left_(step) {
        node.files().set_fault_hook([this](const FileOperation& operation) -> Result<void> {
            if (operation.kind != FileOperation::Kind::kAppend && --left_ == 0) grow(operation);
            return {};
        });
    }
    ~GrowsAt() { node_.files().clear_faults(); }
    GrowsAt(const GrowsAt&) = delete;
    GrowsAt& operator=(const GrowsAt&) = delete;

    bool has_grown() const { return left_ <= 0; }

  private:
    void grow(const FileOperation& operation) {
        node_.add_partition("t");
        EXPECT_TRUE(node_.append("t", 1, {R"({"k":"a","n":5})"}));
        if (operation.path.contains(".parquet")) {
            EXPECT_TRUE(node_.seal("t"));
        } else if (operation.path.contains(".run")) {
            EXPECT_TRUE(node_.node().reader().pin({.format = utc_format()}));
        }
    }

    TestNode& node_;
    int left_;
};

TEST_P(Growth, MayComeAtAnyMomentOfABatchRun) {
    bool is_done = false;
    for (int step = 1; !is_done; ++step) {
        SCOPED_TRACE(step);
        TestNode node;
        start(node);
        ASSERT_TRUE(node.append("t", 0, {R"({"k":"a","n":1})", R"({"k":"a","n":2})"}));
        {
            const GrowsAt growth(node, step);
            node.run("REFRESH MATERIALIZED VIEW v");
            is_done = !growth.has_grown();
        }
        const Lines live = node.rows(kPoint);
        EXPECT_THAT(live, ElementsAre(is_done ? "2|3" : "3|8"));
        node.run("SET braid.read_mode = 'final'");
        EXPECT_THAT(node.rows("SELECT (SELECT count(*) FROM t) = (SELECT sum(c) FROM v)"),
                    ElementsAre("t"));
        node.run("SET braid.read_mode = 'live'; REFRESH MATERIALIZED VIEW v");
        EXPECT_EQ(node.rows(kPoint), live);
        EXPECT_THAT(node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"),
                    ElementsAre("0"));
    }
}

TEST_P(Growth, MayComeAtAnyMomentOfABackfill) {
    bool is_done = false;
    for (int step = 1; !is_done; ++step) {
        SCOPED_TRACE(step);
        TestNode node;
        start(node);
        ASSERT_TRUE(node.append("t", 0, {R"({"k":"a","n":1})", R"({"k":"b","n":2})"}));
        EXPECT_THAT(node.rows(kPoint), ElementsAre("1|1"));  // so that there is something to fill
        {
            const GrowsAt growth(node, step);
            node.run("CREATE MATERIALIZED VIEW late AS SELECT k, sum(n) AS s FROM t GROUP BY k");
            is_done = !growth.has_grown();
        }
        const Lines rows = {is_done ? "a|1" : "a|6", "b|2"};
        EXPECT_EQ(node.rows("SELECT * FROM late ORDER BY k"), rows);
        node.run("REFRESH MATERIALIZED VIEW v");
        EXPECT_EQ(node.rows("SELECT * FROM late ORDER BY k"), rows);
        EXPECT_THAT(node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"),
                    ElementsAre("0"));
    }
}

TEST_P(Growth, IsFoundByAStartWhereverACrashCutTheOneBefore) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    for (int64_t steps = 0;; ++steps) {
        SCOPED_TRACE(steps);
        TestNode node;
        start(node);
        ASSERT_TRUE(node.append("t", 0, {R"({"k":"a","n":1})"}));
        node.run("REFRESH MATERIALIZED VIEW v");
        node.add_partition("t");
        ASSERT_TRUE(node.append("t", 1, {R"({"k":"a","n":5})"}));
        node.files().fail_all_after(static_cast<uint64_t>(steps));
        const bool is_whole = node.query("REFRESH MATERIALIZED VIEW v").has_value();
        node.crash(CrashFate::kTearUnsynced, static_cast<uint64_t>(steps));
        ASSERT_TRUE(node.start());
        EXPECT_THAT(node.rows(kPoint), ElementsAre("2|6"));
        EXPECT_THAT(node.rows("SELECT n FROM t ORDER BY n"), ElementsAre("1", "5"));
        node.run("REFRESH MATERIALIZED VIEW v");
        EXPECT_THAT(node.rows(kPoint), ElementsAre("2|6"));
        if (is_whole) break;
    }
    set_trace_sink({});
}

INSTANTIATE_TEST_SUITE_P(Logs, Growth, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sparse" : "Dense"; });

}  // namespace
}  // namespace braid::testing
