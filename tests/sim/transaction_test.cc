// SPDX-License-Identifier: Apache-2.0
// Transactions on a whole node: what they see of themselves, and that a machine which stops at any
// durable step of one, or of the start after it, leaves all of it or nothing.
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "log/redo_record.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

constexpr const char* kSetup =
    "CREATE TABLE t (k text, id bigint) WITH (partitions = 2);"
    "CREATE TABLE u (id bigint) WITH (partitions = 3);"
    "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS c, sum(id) AS s, count(DISTINCT id) AS d "
    "FROM t WHERE id <> 13 GROUP BY k";

class Transaction : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(node_.start());
        node_.run(kSetup);
    }
    std::string error_of(std::string_view sql) {
        const auto outcome = node_.query(sql);
        return outcome
                   ? "none"
                   : fmt::format("{} {}", outcome.error().sqlstate(), outcome.error().message());
    }
    TestNode node_;
};

TEST_F(Transaction, SeesItsOwnRowsBehindAllOthers) {
    node_.run("INSERT INTO t VALUES ('a', 1), ('b', 2)");
    for (const bool is_sealed : {false, true}) {
        if (is_sealed) node_.run("REFRESH MATERIALIZED VIEW v");
        node_.run("BEGIN; INSERT INTO t VALUES ('a', 1), ('a', 7); INSERT INTO t VALUES ('c', 13)");
        EXPECT_THAT(
            node_.rows("SELECT k, id, _offset IS NULL, _partition IS NULL, "
                       "_ingested_at IS NULL, _raw FROM t WHERE k <> 'b'"),
            ElementsAre(R"(a|1|f|f|f|{"k":"a","id":1})", R"(a|1|t|t|t|{"k":"a","id":1})",
                        R"(a|7|t|t|t|{"k":"a","id":7})", R"(c|13|t|t|t|{"k":"c","id":13})"));
        EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|3|9|2", "b|1|2|1"));
        EXPECT_THAT(node_.rows("SELECT c, d FROM v WHERE k = 'a'"), ElementsAre("3|2"));
        EXPECT_THAT(node_.rows("SELECT combine(d), combine(s) FROM v"), ElementsAre("3|11"));
        EXPECT_THAT(node_.rows("SHOW braid.receipt")[0], HasSubstr(R"("kind":"own","box":[])"));
        node_.run("ROLLBACK");
        EXPECT_THAT(node_.rows("SELECT * FROM v ORDER BY k"), ElementsAre("a|1|1|1", "b|1|2|1"));
    }
    node_.run("SET braid.read_mode = final");
    node_.run("BEGIN; INSERT INTO t VALUES ('a', 5)");
    EXPECT_THAT(node_.rows("SELECT c FROM v WHERE k = 'a'"), ElementsAre("1"));
    node_.run("COMMIT");
    node_.run("SET braid.read_mode = live");
    EXPECT_THAT(node_.rows("SELECT c FROM v WHERE k = 'a'"), ElementsAre("2"));
}

TEST_F(Transaction, DeclaresInOneCommit) {
    const uint64_t before = node_.node().state()->number.value;
    node_.run(
        "BEGIN; CREATE TABLE made (id bigint); INSERT INTO made VALUES (1), (2);"
        "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS c, sum(id) AS s FROM made;"
        "CREATE VIEW w AS SELECT id FROM made WHERE id > 1");
    EXPECT_THAT(node_.rows("SELECT id FROM w"), ElementsAre("2"));
    EXPECT_THAT(error_of("SELECT * FROM n"), HasSubstr("55000"));
    EXPECT_EQ(node_.node().state()->number.value, before);
    node_.run("ROLLBACK");
    EXPECT_EQ(node_.node().state()->number.value, before);
    node_.run(
        "BEGIN; CREATE TABLE made (id bigint); INSERT INTO made VALUES (1), (2);"
        "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS c, sum(id) AS s FROM made; COMMIT");
    EXPECT_THAT(node_.rows("SELECT * FROM n"), ElementsAre("2|3"));
    node_.run("BEGIN; DROP TABLE made CASCADE; CREATE TABLE made (x text); COMMIT");
    EXPECT_THAT(node_.rows("SELECT count(*) FROM made"), ElementsAre("0"));
    EXPECT_THAT(error_of("SELECT * FROM n"), HasSubstr("42P01"));
    // With rows that were there before, and behind them some of its own.
    node_.run("INSERT INTO t VALUES ('a', 1)");
    node_.run(
        "BEGIN; INSERT INTO t VALUES ('a', 2);"
        "CREATE MATERIALIZED VIEW late AS SELECT k, sum(id) AS s FROM t GROUP BY k; COMMIT");
    EXPECT_THAT(node_.rows("SELECT * FROM late"), ElementsAre("a|3"));
}

/// What housekeeping would free waits for the transaction.
TEST_F(Transaction, KeepsWhatItReadsWhateverBecomesOfIt) {
    const auto keep_house = [&] {
        while (node_.workers().step("housekeeping")) {
        }
    };
    node_.run("INSERT INTO t VALUES ('a', 1), ('b', 2)");
    ASSERT_TRUE(node_.seal("t"));
    const std::string log = fmt::format("log/{}", node_.table("u").value);
    const auto reader = node_.open_session();
    ASSERT_TRUE(reader->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM u"));
    node_.run("REFRESH MATERIALIZED VIEW v; DROP TABLE u");
    node_.clock().advance_us(1'200'000'000);
    keep_house();
    const char* view = "SELECT * FROM v ORDER BY k";
    EXPECT_THAT(reader->query(view).value(), ElementsAre("a|1|1|1", "b|1|2|1"));
    EXPECT_TRUE(node_.files().exists(log).value());
    ASSERT_TRUE(reader->query("COMMIT"));
    keep_house();
    EXPECT_FALSE(node_.files().exists(log).value());
    EXPECT_TRUE(node_.node().state()->dropped.empty());
}

TEST_F(Transaction, OfWhichAPartCannotBeStoredStoresNothing) {
    node_.run("BEGIN; INSERT INTO t VALUES ('a', 1); INSERT INTO u VALUES (1)");
    node_.files().set_free_bytes(0);
    EXPECT_THAT(error_of("COMMIT"), HasSubstr("53100"));
    node_.files().set_free_bytes(UINT64_MAX);
    EXPECT_THAT(node_.rows("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)"),
                ElementsAre("0|0"));
    ASSERT_TRUE(node_.stop());
    ASSERT_TRUE(node_.start());
    EXPECT_THAT(node_.rows("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)"),
                ElementsAre("0|0"));
}

/// What the outside knows of the transactions of a history: each inserts its number into t and u.
struct Known {
    std::set<int64_t> acknowledged;
    std::set<int64_t> tried;
    bool has_made = false;
};

/// Until something fails, as it does when the machine stops.
bool play(TestNode& node, Known& known) {
    const auto transact = [&](int64_t id, std::string_view more) {
        known.tried.insert(id);
        const bool is_done =
            node.query(fmt::format("BEGIN; INSERT INTO t VALUES ('k', {0}); INSERT INTO u VALUES "
                                   "({0}), ({0}); {1} COMMIT",
                                   id, more))
                .has_value();
        if (is_done) known.acknowledged.insert(id);
        return is_done;
    };
    if (!node.query(kSetup)) return false;
    if (!transact(1, "")) return false;
    if (!transact(2,
                  "CREATE TABLE made (id bigint); INSERT INTO made VALUES (2); CREATE "
                  "MATERIALIZED VIEW n AS SELECT sum(id) AS s FROM made;")) {
        return false;
    }
    known.has_made = true;
    if (!node.seal("t") || !transact(3, "INSERT INTO made VALUES (3);")) return false;
    return transact(4, "DROP TABLE made CASCADE;");
}

std::multiset<int64_t> numbers(TestNode& node, std::string_view sql) {
    std::multiset<int64_t> found;
    for (const std::string& line : node.rows(sql)) {
        int64_t value = 0;
        std::from_chars(line.data(), line.data() + line.size(), value);
        found.insert(value);
    }
    return found;
}

/// Each transaction is there once and whole, or not at all; what was acknowledged is.
void check(TestNode& node, const Known& known, const std::string& when) {
    if (node.table("u") == TableId{} || node.node().state()->catalog.find_view("v") == nullptr) {
        EXPECT_TRUE(known.acknowledged.empty()) << when;
        return;
    }
    const std::multiset<int64_t> in_t = numbers(node, "SELECT id FROM t");
    std::multiset<int64_t> twice;
    for (const int64_t id : in_t) {
        EXPECT_EQ(in_t.count(id), 1U) << when << ": " << id << " twice";
        EXPECT_TRUE(known.tried.contains(id)) << when;
        twice.insert(id);
        twice.insert(id);
    }
    EXPECT_EQ(numbers(node, "SELECT id FROM u"), twice) << when;
    for (const int64_t id : known.acknowledged)
        EXPECT_TRUE(in_t.contains(id)) << when << ": " << id;
    const bool has_made = node.table("made") != TableId{};
    EXPECT_EQ(has_made, in_t.contains(2) && !in_t.contains(4)) << when;
    if (!has_made) return;
    std::multiset<int64_t> in_made = {2};
    if (in_t.contains(3)) in_made.insert(3);
    EXPECT_EQ(numbers(node, "SELECT id FROM made"), in_made) << when;
}

class TransactionCrash : public ::testing::TestWithParam<CrashFate> {
  protected:
    void SetUp() override {
        // Failing steps trace errors on purpose here.
        set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    }
    void TearDown() override { set_trace_sink({}); }

    static uint64_t count_operations() {
        TestNode node;
        Known known;
        EXPECT_TRUE(node.start());
        EXPECT_TRUE(play(node, known));
        return node.files().operation_count();
    }
};

TEST_P(TransactionCrash, LeavesAllOfATransactionOrNothing) {
    const uint64_t operations = count_operations();
    ASSERT_GT(operations, 100U);
    for (uint64_t step = 0; step < operations; ++step) {
        // The start after it is stopped as well, one step later each time.
        for (const bool is_twice : {false, true}) {
            const std::string when =
                fmt::format("step {} of {}{}", step, operations, is_twice ? ", and again" : "");
            TestNode node;
            Known known;
            node.files().fail_all_after(step);
            if (node.start()) play(node, known);
            node.crash(GetParam(), step);
            if (is_twice) {
                node.files().fail_all_after(step % 23);
                (void)node.start().has_value();
                node.crash(GetParam(), step + 1);
            }
            const auto started = node.start();
            ASSERT_TRUE(started) << when << ": " << started.error().to_string();
            check(node, known, when);
            EXPECT_TRUE(node.files().list("redo").value().empty()) << when;
            // What a start has finished is not stored again by the next.
            node.crash(GetParam(), step + 2);
            ASSERT_TRUE(node.start()) << when;
            check(node, known, when + ", then started again");
            if (HasFailure()) return;
        }
    }
}

/// Another process takes the directory over at each change of the disk by a COMMIT. What it shows
/// then is what any later start shows, though the first goes on and may write its redo record.
TEST(TakenOverTransaction, IsDecidedByTheNextStartForGood) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    for (int at = 0;; ++at) {
        MemoryFileSystem disk;
        SteppedClock clock;
        SteppedWorkers workers;
        const auto make = [&](uint64_t seed) {
            auto node = std::make_unique<TestNode>(TestNode::small_options(), clock, workers, seed);
            node->live_in(disk);
            return node;
        };
        const auto first = make(1);
        const auto second = make(2);
        ASSERT_TRUE(first->start());
        first->run("CREATE TABLE t (a int); CREATE TABLE u (a int)");
        int operations = 0;
        bool is_taken = false;
        disk.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            if (is_taken || operation.kind == FileOperation::Kind::kRead) return {};
            if (operations++ != at) return {};
            is_taken = true;
            TRY(disk.remove(DirectoryOwner::kLockName));
            return second->start();
        });
        const auto outcome =
            first->query("BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (2); COMMIT");
        disk.clear_faults();
        if (!is_taken) {
            EXPECT_TRUE(outcome);
            EXPECT_GT(at, 5);
            break;
        }
        constexpr const char* kAll = "SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY 1";
        const Lines seen = second->rows(kAll);
        if (outcome) {
            EXPECT_THAT(seen, ElementsAre("1", "2")) << at;
        } else {
            EXPECT_TRUE(seen.empty() || seen == (Lines{"1", "2"})) << at;
        }
        first->crash(CrashFate::kKeepUnsynced, 1);
        for (uint64_t seed = 3; seed < 5; ++seed) {
            second->crash(CrashFate::kKeepUnsynced, seed);
            ASSERT_TRUE(second->start()) << at;
            EXPECT_EQ(second->rows(kAll), seen) << at;
            EXPECT_TRUE(disk.list("redo").value().empty()) << at;
        }
    }
    set_trace_sink({});
}

/// A stream that cannot be opened gets its part when it is mended, and nobody theirs again.
TEST(UnfinishedTransaction, WaitsForAStreamThatIsIllAndNotTwiceForTheOthers) {
    TestNode node;
    ASSERT_TRUE(node.start());
    node.run("CREATE TABLE t (a int); CREATE TABLE u (a int)");
    log::RedoRecord record;
    record.name = "00112233445566778899aabbccddeeff";
    record.epoch = node.node().state()->epoch;
    std::string log_of_u;
    for (const auto& [id, table] : node.node().state()->catalog.tables) {
        record.parts.push_back({id, table.log, {0}, {R"({"a":1})"}});
        if (table.name == "u") log_of_u = fmt::format("log/{}/", id.value);
    }
    log::RedoRecords records(node.files(), "redo");
    ASSERT_TRUE(records.write(record));
    ASSERT_TRUE(node.stop());
    node.files().set_fault_hook([&](const FileOperation& each) -> Result<void> {
        if (!each.path.starts_with(log_of_u)) return {};
        return io_error("the device is gone");
    });
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows("SELECT a FROM t"), std::vector<std::string>{"1"});
    EXPECT_FALSE(node.query("SELECT a FROM u").has_value());
    const auto left = records.left();
    ASSERT_TRUE(left);
    ASSERT_EQ(left->size(), 1U);
    ASSERT_EQ(left->front().parts.size(), 1U);
    EXPECT_EQ(left->front().parts[0].log, record.parts[1].log);
    ASSERT_TRUE(node.stop());
    node.files().clear_faults();
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows("SELECT a FROM t"), std::vector<std::string>{"1"});
    EXPECT_EQ(node.rows("SELECT a FROM u"), std::vector<std::string>{"1"});
    EXPECT_TRUE(records.left().value().empty());
}

std::string name_of(const ::testing::TestParamInfo<CrashFate>& fate) {
    constexpr std::array<const char*, 3> kNames = {"Dropped", "Kept", "Torn"};
    return kNames.at(static_cast<size_t>(fate.param));
}

INSTANTIATE_TEST_SUITE_P(Fates, TransactionCrash,
                         ::testing::Values(CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                           CrashFate::kTearUnsynced),
                         name_of);

TEST(SnapshotAge, WhatASnapshotReadsIsReadForAsLongAsItIsKept) {
    app::NodeOptions options = TestNode::small_options();
    options.housekeeping.snapshot_max_us = 10'000'000;
    TestNode node(options);
    ASSERT_TRUE(node.start().has_value());
    node.run(
        "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t;"
        "INSERT INTO t VALUES (1)");
    const auto outcome = [&](std::string_view sql) {
        const auto rows = node.query(sql);
        return rows ? rows->front() : std::string(rows.error().sqlstate());
    };
    node.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    EXPECT_EQ(outcome("SELECT n FROM v"), "1");
    node.clock().advance_us(9'999'999);
    EXPECT_EQ(outcome("SELECT n FROM v"), "1");
    EXPECT_EQ(outcome("SELECT a FROM t"), "1");
    node.clock().advance_us(1);
    EXPECT_EQ(outcome("SELECT n FROM v"), "1");
    EXPECT_EQ(outcome("SELECT a FROM t"), "1");
    node.clock().advance_us(1);
    EXPECT_EQ(outcome("SELECT 2"), "2");  // of nothing that is kept for it
    EXPECT_EQ(outcome("SELECT n FROM v"), "72000");
    node.run("ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ");
    EXPECT_EQ(outcome("SELECT a FROM t"), "1");
    node.clock().advance_us(10'000'001);
    EXPECT_EQ(outcome("SELECT a FROM t"), "72000");
    node.run("ROLLBACK");
    EXPECT_EQ(outcome("SELECT n FROM v"), "1");
}

}  // namespace
}  // namespace braid::testing
