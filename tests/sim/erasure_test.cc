// SPDX-License-Identifier: Apache-2.0
// Events that are erased: what is seen of them afterwards, what lies on the disk, and that a crash
// in the midst of it leaves all of them or none.
#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/flat_store_test_support.h"
#include "base/trace.h"
#include "model/directory_owner.h"
#include "tests/support/files_below.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kView =
    " AS SELECT k, count(*) AS c, sum(n) AS s, count(DISTINCT n) AS d FROM t GROUP BY k";
constexpr const char* kAll = "SELECT * FROM v ORDER BY 1";

std::string event(const std::string& key, int n) {
    return fmt::format(R"({{"k":"{}","n":{}}})", key, n);
}

void create(TestNode& node) {
    ASSERT_TRUE(node.start());
    node.run("CREATE TABLE t (k text, n int) WITH (partitions = 2)");
    node.run(fmt::format("CREATE MATERIALIZED VIEW v{}", kView));
}

/// In two partitions: what batch has answered, what is sealed, and what lies in the log alone.
void play(TestNode& node) {
    create(node);
    ASSERT_TRUE(node.append("t", 0, {event("alice", 1), event("bob", 2), "nonsense"}));
    ASSERT_TRUE(node.append("t", 1, {event("alice", 3), event("carol", 4)}));
    node.run("REFRESH MATERIALIZED VIEW v");
    ASSERT_TRUE(node.append("t", 1, {event("bob", 5), event("alice", 6)}));
    ASSERT_TRUE(node.seal("t"));
    ASSERT_TRUE(node.append("t", 0, {event("alice", 7), event("carol", 8)}));
}

/// The same events, each a segment at first; eight of them are merged, and what they were is not
/// released yet.
void play_merged(TestNode& node) {
    create(node);
    const Lines records = {event("alice", 1), event("bob", 2),   "nonsense",
                           event("alice", 3), event("carol", 4), event("bob", 5),
                           event("alice", 6), event("alice", 7), event("carol", 8)};
    for (uint32_t at = 0; at < records.size(); ++at) {
        ASSERT_TRUE(node.append("t", at % 2, {records[at]}));
        ASSERT_TRUE(node.archive("t"));
        if (at == 0) node.run("REFRESH MATERIALIZED VIEW v");
        if (at == 6) {
            ASSERT_TRUE(node.seal("t"));
        }
    }
    while (node.workers().step("housekeeping")) {
    }
    const manifest::TableState& table = *node.node().state()->table(node.table("t"));
    ASSERT_FALSE(table.retired_segments.empty());
}

constexpr const char* kDelete = "DELETE FROM t WHERE k = 'alice'";

const Lines& before() {
    static const Lines kLines = {"alice|4|17|4", "bob|2|7|2", "carol|2|12|2"};
    return kLines;
}
const Lines& after() {
    static const Lines kLines = {"bob|2|7|2", "carol|2|12|2"};
    return kLines;
}

std::set<std::string> files_with(TestNode& node, const std::string& text) {
    std::set<std::string> all;
    for (const char* directory :
         {"log", "dataset", "unlisted", "runs", "manifest", "redo", "spill", "_tmp"}) {
        list_files(node.files(), directory, all);
    }
    std::erase_if(all, [&](const std::string& path) {
        return node.files().read_all(path).value().find(text) == std::string::npos;
    });
    return all;
}

/// As the manifest writes keys.
std::string hex(std::string_view text) {
    std::string digits;
    for (const char each : text) digits += fmt::format("{:02x}", static_cast<uint8_t>(each));
    return digits;
}

/// The dataset holds what the manifest names of it, and nothing lies beside it.
void expect_only_named(TestNode& node, const std::string& when) {
    std::set<std::string> named;
    const manifest::StatePtr state = node.node().state();
    for (const auto& each : state->table(node.table("t"))->segments) named.insert(each.file);
    std::set<std::string> found;
    for (const char* directory : {"dataset", "unlisted"}) {
        list_files(node.files(), directory, found);
    }
    EXPECT_EQ(found, named) << when;
}

bool is_pending(TestNode& node) {
    return node.node().state()->table(node.table("t"))->has_pending_erasure();
}

std::string error_of(TestNode& node, const std::string& sql) {
    const auto done = node.query(sql);
    return done ? "done" : std::string(done.error().sqlstate());
}

TEST(Erasure, TakesEventsFromTheStreamAndItsViews) {
    TestNode node;
    play(node);
    ASSERT_EQ(node.rows(kAll), before());
    node.run(kDelete);
    EXPECT_EQ(node.rows("SELECT k, n FROM t ORDER BY n"),
              (Lines{"bob|2", "carol|4", "bob|5", "carol|8"}));
    EXPECT_EQ(node.rows(kAll), after());
    EXPECT_EQ(node.rows("SET braid.read_mode = final; SELECT * FROM v ORDER BY 1"), after());
    node.run("SET braid.read_mode = live");
    EXPECT_EQ(node.rows("SELECT _raw FROM braid.quarantine"), Lines{"nonsense"});
    EXPECT_EQ(node.rows("SELECT stream, number, events, done_at IS NULL FROM braid.erasures"),
              Lines{"t|1|4|f"});
    EXPECT_EQ(node.rows("SELECT counted, filtered, quarantined, erased FROM braid.views"),
              Lines{"4|0|1|4"});
    EXPECT_EQ(node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"), Lines{"0"});
    // Life goes on, and so it does after a start.
    ASSERT_TRUE(node.append("t", 0, {event("alice", 9)}));
    const Lines with_new = {"alice|1|9|1", "bob|2|7|2", "carol|2|12|2"};
    EXPECT_EQ(node.rows(kAll), with_new) << "of the same key, but later";
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(node.rows(kAll), with_new);
    ASSERT_TRUE(node.stop());
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows(kAll), with_new);
    node.run(fmt::format("CREATE MATERIALIZED VIEW w{}", kView));
    EXPECT_EQ(node.rows("SELECT * FROM w ORDER BY 1"), with_new);
}

TEST(Erasure, LeavesNoByte) {
    TestNode node;
    play(node);
    node.run(fmt::format("CREATE MATERIALIZED VIEW w{}", kView));
    ASSERT_FALSE(files_with(node, "alice").empty());
    ASSERT_FALSE(files_with(node, hex("alice")).empty()) << "the manifest names bounds of keys";
    node.run(kDelete);
    EXPECT_EQ(files_with(node, "alice"), std::set<std::string>());
    EXPECT_EQ(files_with(node, hex("alice")), std::set<std::string>());
    EXPECT_FALSE(files_with(node, "carol").empty());
    expect_only_named(node, "at the end");
}

TEST(Erasure, ReachesWhatMergesHaveLeft) {
    TestNode node;
    play_merged(node);
    ASSERT_EQ(node.rows(kAll), before());
    node.run(kDelete);
    expect_only_named(node, "after the statement");
    EXPECT_EQ(files_with(node, "alice"), std::set<std::string>());
    EXPECT_EQ(node.rows(kAll), after());
    // The tombstones are merged as rows are, once the day is over.
    for (int n = 40; n < 60; ++n) {
        ASSERT_TRUE(node.append("t", 0, {event("dave", n)}));
        ASSERT_TRUE(node.archive("t"));
    }
    node.clock().advance_us(2LL * 24 * 3'600'000'000);
    while (node.workers().step("housekeeping")) {
    }
    EXPECT_EQ(node.node().state()->table(node.table("t"))->segments.size(), 2U);
    ASSERT_TRUE(node.node().release(0));
    ASSERT_TRUE(node.stop());
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows("SELECT k, n FROM t WHERE n < 10 ORDER BY n"),
              (Lines{"bob|2", "carol|4", "bob|5", "carol|8"}));
    node.run("REFRESH MATERIALIZED VIEW v");
    EXPECT_EQ(node.rows("SELECT counted, quarantined, erased FROM braid.views"), Lines{"24|1|4"});
    EXPECT_EQ(node.rows("SELECT count(*) FROM braid.audits WHERE NOT matched"), Lines{"0"});
}

/// The merge is there between what the statement has found and its commit.
TEST(Erasure, BeginsAnewWhenSegmentsAreMergedMeanwhile) {
    TestNode node;
    play_merged(node);
    ASSERT_TRUE(node.append("t", 1, {event("alice", 9)}));
    ASSERT_TRUE(node.archive("t"));
    for (int n = 40; n < 48; ++n) {
        ASSERT_TRUE(node.append("t", 0, {event("dave", n)}));
        ASSERT_TRUE(node.archive("t"));
    }
    bool is_merged = false;
    node.files().set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        const bool is_rewritten =
            operation.kind == FileOperation::Kind::kMove && operation.path.starts_with("unlisted/");
        if (is_merged || !is_rewritten) return {};
        is_merged = true;
        EXPECT_TRUE(node.workers().step("housekeeping"));
        return {};
    });
    node.run(kDelete);
    node.files().set_fault_hook({});
    EXPECT_TRUE(is_merged);
    expect_only_named(node, "after the statement");
    EXPECT_EQ(files_with(node, "alice"), std::set<std::string>());
    EXPECT_EQ(node.rows("SELECT k, n FROM t WHERE n < 10 ORDER BY n"),
              (Lines{"bob|2", "carol|4", "bob|5", "carol|8"}));
}

/// As S3 is one.
TEST(Erasure, DestroysFilesWhereFoldersCannotBeExchanged) {
    FlatStore store;
    TestNode node;
    node.keep_store_in(store);
    play(node);
    const auto segments = [&] { return node.node().state()->table(node.table("t"))->segments; };
    const std::string first = segments()[0].file;
    ASSERT_TRUE(store.exists(first).value());
    node.run(kDelete);
    EXPECT_FALSE(is_pending(node));
    EXPECT_FALSE(store.exists(first).value());
    for (const manifest::Segment& each : segments()) {
        EXPECT_TRUE(store.exists(each.file).value()) << each.file;
    }
    EXPECT_FALSE(store.exists("unlisted").value());
    EXPECT_EQ(node.rows(kAll), after());
    ASSERT_TRUE(node.stop());
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.rows(kAll), after());
}

TEST(Erasure, WhatFailsForAnEventErasesNone) {
    TestNode node;
    play(node);
    EXPECT_EQ(error_of(node, "DELETE FROM t WHERE k = 'alice' OR 10 / (n - 8) > 100"), "22012");
    EXPECT_EQ(node.rows(kAll), before());
    EXPECT_TRUE(node.node().state()->table(node.table("t"))->erasures.empty());
    EXPECT_EQ(error_of(node, "DELETE FROM t WHERE k = 'nobody'"), "done");
    EXPECT_TRUE(node.node().state()->table(node.table("t"))->erasures.empty());
    // NULL keeps, as false does.
    ASSERT_TRUE(node.append("t", 0, {R"({"n":40})"}));
    EXPECT_EQ(error_of(node, "DELETE FROM t WHERE k > ''"), "done");
    EXPECT_EQ(node.rows("SELECT n FROM t"), Lines{"40"});
}

TEST(Erasure, ReachesBadRecordsByWhereTheyLieOrWhatTheySay) {
    TestNode node;
    play(node);
    node.run("DELETE FROM t WHERE true");
    EXPECT_EQ(node.rows("SELECT count(*) FROM t"), Lines{"0"});
    EXPECT_EQ(node.rows("SELECT _raw FROM braid.quarantine"), Lines{"nonsense"});
    node.run("DELETE FROM t WHERE _raw LIKE 'non%'");
    EXPECT_EQ(node.rows("SELECT count(*) FROM braid.quarantine"), Lines{"0"});
    EXPECT_EQ(node.rows("SELECT counted, quarantined, erased FROM braid.views"), Lines{"0|0|9"});
    EXPECT_EQ(files_with(node, "nonsense"), std::set<std::string>());
}

TEST(Erasure, SaysWhatItCannotDo) {
    TestNode node;
    play(node);
    node.run("CREATE VIEW p AS SELECT * FROM v");
    const std::array<std::pair<const char*, const char*>, 9> cases = {{
        {"DELETE FROM t", "0A000"},
        {"DELETE FROM v WHERE k = 'a'", "42809"},
        {"DELETE FROM p WHERE k = 'a'", "0A000"},
        {"DELETE FROM nothing WHERE true", "42P01"},
        {"DELETE FROM t USING v WHERE t.k = v.k", "0A000"},
        {"DELETE FROM t WHERE true RETURNING k", "0A000"},
        {"DELETE FROM t WHERE now() > '2020-01-01'", "0A000"},
        {"DELETE FROM t WHERE k IN (SELECT k FROM v)", "0A000"},
        {"BEGIN; DELETE FROM t WHERE true", "25001"},
    }};
    for (const auto& [sql, state] : cases) {
        EXPECT_EQ(error_of(node, sql), state) << sql;
        node.query("ROLLBACK").value();
    }
    EXPECT_EQ(node.rows(kAll), before());
}

TEST(Erasure, EndsWhatIsOlder) {
    TestNode node;
    play(node);
    node.run("REFRESH MATERIALIZED VIEW v");
    const auto older = node.open_session();
    const char* begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM v ORDER BY 1";
    EXPECT_EQ(older->query(begin).value(), before());
    node.run(kDelete);
    const auto read = older->query(kAll);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().sqlstate(), "72000");
    ASSERT_TRUE(older->query("ROLLBACK"));
    EXPECT_EQ(older->query(begin).value(), after());
    EXPECT_EQ(error_of(node, "SET braid.read_mode = at_cut; SET braid.cut = 1; SELECT * FROM v"),
              "22023");
}

TEST(Erasure, SentAgainFinishesWhatWasCutOff) {
    TestNode node;
    play(node);
    const auto table = [&] { return *node.node().state()->table(node.table("t")); };
    node.files().set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        const bool is_run =
            operation.kind == FileOperation::Kind::kMove && operation.path.starts_with("runs/");
        if (is_run && table().has_unpublished_erasure()) return exhausted("there is no room");
        return {};
    });
    EXPECT_EQ(error_of(node, kDelete), "53000");
    node.files().set_fault_hook({});
    EXPECT_TRUE(table().has_unpublished_erasure());
    EXPECT_EQ(node.rows("SELECT k FROM t WHERE k = 'alice'"), Lines());
    EXPECT_EQ(node.rows(kAll), before()) << "views follow";
    EXPECT_EQ(error_of(node, kDelete), "done");
    EXPECT_FALSE(table().has_pending_erasure());
    EXPECT_EQ(node.rows(kAll), after());
    EXPECT_EQ(files_with(node, hex("alice")), std::set<std::string>());
}

/// Whatever the power cut leaves: all of the events are there or none, in the stream and, once the
/// node has had its turn, in the views; and of what is gone from the stream no byte is left.
void crash_at_steps(void (*play_on)(TestNode&), uint64_t stride) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    constexpr std::array kFates = {CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                   CrashFate::kTearUnsynced};
    std::set<bool> seen;
    bool is_through = false;
    for (uint64_t step = 0; !is_through; step += stride) {
        TestNode node;
        play_on(node);
        node.files().fail_all_after(step);
        is_through = node.query(kDelete).has_value();
        node.crash(kFates.at(step % kFates.size()), step);
        const std::string when = fmt::format("crash at step {}", step);
        ASSERT_TRUE(node.start()) << when;
        const Lines events = node.rows("SELECT n FROM t WHERE k = 'alice'");
        const bool is_erased = events.empty();
        seen.insert(is_erased);
        EXPECT_TRUE(is_erased || events.size() == 4) << when;
        EXPECT_TRUE(is_erased || !is_through) << when;
        node.run_workers();
        EXPECT_FALSE(node.node().state()->table(node.table("t"))->has_pending_erasure()) << when;
        EXPECT_EQ(node.rows(kAll), is_erased ? after() : before()) << when;
        if (is_erased) {
            EXPECT_EQ(files_with(node, "alice"), std::set<std::string>()) << when;
            EXPECT_EQ(files_with(node, hex("alice")), std::set<std::string>()) << when;
        }
        // What a crash has left at the place of a segment is written again.
        ASSERT_TRUE(node.archive("t")) << when;
        if (is_erased) expect_only_named(node, when);
        ASSERT_TRUE(node.append("t", 1, {event("dave", 1)})) << when;
        node.run("REFRESH MATERIALIZED VIEW v");
        if (::testing::Test::HasFailure()) break;
    }
    set_trace_sink({});
    EXPECT_EQ(seen.size(), 2U) << "both outcomes were met";
}

TEST(Erasure, IsWholeAfterACrashAtEveryDurableStep) { crash_at_steps(&play, 1); }
/// With each of the fates.
TEST(Erasure, IsWholeAfterACrashWhereSegmentsWereMerged) { crash_at_steps(&play_merged, 2); }

/// At operations on files all along: the statement ends where it is. Before its commit nothing has
/// changed; after it the node goes on by itself.
void end_at_steps(const char* setup, const std::function<void(TestNode&, TestSession&)>& end) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    std::set<std::string> seen;
    bool is_through = false;
    for (uint64_t step = 0; !is_through; step += 13) {
        TestNode node;
        play(node);
        const auto session = node.open_session();
        ASSERT_TRUE(session->query(setup));
        uint64_t left = step;
        bool is_told = false;
        node.files().set_fault_hook([&](const FileOperation&) -> Result<void> {
            if (is_told || left-- > 0) return {};
            is_told = true;
            end(node, *session);
            return {};
        });
        const auto done = session->query(kDelete);
        node.files().set_fault_hook({});
        is_through = !is_told;
        const std::string when = fmt::format("ended at operation {}", step);
        if (!done) {
            EXPECT_EQ(done.error().sqlstate(), "57014") << when;
        }
        const bool is_kept = node.rows("SELECT n FROM t WHERE k = 'alice'").size() == 4;
        seen.insert(done ? "done" : is_kept ? "kept" : "gone");
        EXPECT_TRUE(!done || (!is_kept && !is_pending(node))) << when;
        if (is_kept) {
            EXPECT_FALSE(is_pending(node)) << when;
            EXPECT_TRUE(node.node().state()->table(node.table("t"))->erasures.empty()) << when;
        }
        node.run_workers();
        EXPECT_FALSE(is_pending(node)) << when;
        EXPECT_EQ(node.rows(kAll), is_kept ? before() : after()) << when;
        if (is_kept) {
            std::set<std::string> left_over;
            list_files(node.files(), "unlisted", left_over);
            EXPECT_EQ(left_over, std::set<std::string>()) << when;
        } else {
            EXPECT_EQ(files_with(node, "alice"), std::set<std::string>()) << when;
            expect_only_named(node, when);
        }
        if (::testing::Test::HasFailure()) break;
    }
    set_trace_sink({});
    EXPECT_EQ(seen, (std::set<std::string>{"done", "gone", "kept"}));
}

TEST(Erasure, CancelKeepsAllOrTheRestComesByItself) {
    end_at_steps("SELECT 1", [](TestNode&, TestSession& session) { session.cancel(); });
}
TEST(Erasure, StatementTimeoutKeepsAllOrTheRestComesByItself) {
    end_at_steps("SET statement_timeout = '60s'",
                 [](TestNode& node, TestSession&) { node.clock().advance_us(61'000'000); });
}

/// Another process takes the directory over at operations all along the statement: it finds all of
/// the events or none, finishes what is pending, and what the first does then harms nothing.
TEST(Erasure, IsWholeWhereAnotherProcessTakesOver) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    std::set<bool> seen;
    bool is_through = false;
    for (uint64_t step = 0; !is_through; step += 13) {
        const std::string when = fmt::format("taken over at operation {}", step);
        TestNode first;
        play_merged(first);
        SteppedWorkers workers;
        TestNode second(TestNode::small_options(), first.clock(), workers, 2);
        second.live_in(first.files());
        uint64_t left = step;
        bool is_taken = false;
        first.files().set_fault_hook([&](const FileOperation&) -> Result<void> {
            if (is_taken || left-- > 0) return {};
            is_taken = true;
            EXPECT_TRUE(first.files().remove(DirectoryOwner::kLockName)) << when;
            const auto started = second.start();
            EXPECT_TRUE(started) << when << ": " << started.error().to_string();
            return {};
        });
        const bool is_done = first.query(kDelete).has_value();
        first.files().set_fault_hook({});
        is_through = !is_taken;
        if (is_through) break;
        const size_t events = second.rows("SELECT n FROM t WHERE k = 'alice'").size();
        const bool is_erased = events == 0;
        seen.insert(is_erased);
        EXPECT_TRUE(is_erased || events == 4) << when;
        EXPECT_TRUE(is_erased || !is_done) << when;
        workers.run_until_idle();
        EXPECT_FALSE(is_pending(second)) << when;
        first.run_workers();
        workers.run_until_idle();
        EXPECT_EQ(second.rows(kAll), is_erased ? after() : before()) << when;
        second.run("REFRESH MATERIALIZED VIEW v");
        EXPECT_EQ(second.rows(kAll), is_erased ? after() : before()) << when;
        if (is_erased) {
            EXPECT_EQ(files_with(second, "alice"), std::set<std::string>()) << when;
        }
        if (::testing::Test::HasFailure()) break;
    }
    set_trace_sink({});
    EXPECT_EQ(seen.size(), 2U) << "both outcomes were met";
}

/// The statement is there between two reads of files by a scan, which gets what it would have got,
/// or 72000.
TEST(Erasure, AScanThatIsUnderWayMixesNothing) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    for (const char* sql : {"SELECT k, n FROM t ORDER BY n", kAll}) {
        std::set<std::string> seen;
        bool is_through = false;
        for (uint64_t step = 0; !is_through; ++step) {
            TestNode node;
            play_merged(node);
            const Lines wanted = node.rows(sql);
            const auto session = node.open_session();
            uint64_t left = step;
            bool is_told = false;
            node.files().set_fault_hook([&](const FileOperation&) -> Result<void> {
                if (is_told || left-- > 0) return {};
                is_told = true;
                node.run(kDelete);
                return {};
            });
            const auto found = session->query(sql);
            node.files().set_fault_hook({});
            is_through = !is_told;
            const std::string when = fmt::format("{} at operation {}", sql, step);
            if (!found) {
                EXPECT_EQ(found.error().sqlstate(), "72000")
                    << when << ": " << found.error().to_string();
            } else {
                EXPECT_TRUE(*found == wanted || (is_told && *found == node.rows(sql))) << when;
            }
            seen.insert(found ? "found" : "72000");
            if (::testing::Test::HasFailure()) break;
        }
        // Runs are open already, and are read to the end.
        EXPECT_EQ(seen.contains("72000"), sql != kAll) << sql;
    }
    set_trace_sink({});
}

}  // namespace
}  // namespace braid::testing
