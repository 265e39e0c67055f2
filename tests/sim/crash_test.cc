// SPDX-License-Identifier: Apache-2.0
// The machine stops at every durable step of a history that appends, seals, archives, trims,
// back-fills, recomputes, publishes, releases and drops; and again while it recovers. Afterwards
// the answers are exact.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/trace.h"
#include "tests/support/files_below.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

/// What the outside knows: what was acknowledged, and what was only tried.
struct Known {
    std::set<int64_t> acknowledged;
    std::set<int64_t> tried;
    bool has_table = false;
    bool has_view = false;
    bool has_late_view = false;
};

std::string event(int64_t id) { return fmt::format(R"({{"k":"k{}","id":{}}})", id % 3, id); }

/// Appends events; each request is acknowledged whole or not at all.
bool append(TestNode& node, Known& known, int64_t from, int64_t count) {
    std::vector<std::string> records;
    for (int64_t id = from; id < from + count; ++id) {
        known.tried.insert(id);
        records.push_back(event(id));
    }
    const auto outcome = node.append("t", static_cast<uint32_t>(from % 2), records);
    if (!outcome) return false;
    for (int64_t id = from; id < from + count; ++id) known.acknowledged.insert(id);
    return true;
}

constexpr const char* kView =
    " AS SELECT k, count(*) AS c, sum(id) AS s, count(DISTINCT id) AS d FROM t GROUP BY k";

void keep_house(TestNode& node) {
    while (node.workers().step("housekeeping")) {
    }
}

/// Another stream, of which there is something in each place before it goes.
bool make_and_drop(TestNode& node) {
    if (!node.query("CREATE TABLE gone (k text)")) return false;
    if (!node.query("CREATE MATERIALIZED VIEW g AS SELECT k, count(*) AS c FROM gone GROUP BY k")) {
        return false;
    }
    if (!node.append("gone", 0, {R"({"k":"a"})"})) return false;
    if (!node.seal("gone") || !node.archive("gone")) return false;
    if (!node.query("DROP MATERIALIZED VIEW g") || !node.query("DROP TABLE gone")) return false;
    keep_house(node);
    return node.node().state()->dropped.empty();
}

/// One step after the other until one fails, as it does when the machine stops.
bool play(TestNode& node, Known& known) {
    if (!node.query("CREATE TABLE t (k text, id bigint) WITH (partitions = 2)")) return false;
    known.has_table = true;
    if (!node.query(fmt::format("CREATE MATERIALIZED VIEW v{}", kView))) return false;
    known.has_view = true;
    if (!append(node, known, 0, 5) || !append(node, known, 5, 60)) return false;
    if (!node.seal("t") || !node.archive("t")) return false;
    if (!append(node, known, 65, 70) || !append(node, known, 200, 3)) return false;
    // The new view's history is back-filled; the archive goes on for it, and the log is trimmed.
    if (!node.query(fmt::format("CREATE MATERIALIZED VIEW w{}", kView))) return false;
    known.has_late_view = true;
    if (!append(node, known, 300, 4)) return false;
    if (!node.query("REFRESH MATERIALIZED VIEW v")) return false;
    if (!append(node, known, 401, 40) || !node.seal("t")) return false;
    if (!node.query("REFRESH MATERIALIZED VIEW v") || !node.node().release(0)) return false;
    if (!append(node, known, 500, 2)) return false;
    return make_and_drop(node);
}

/// Extents of about a kilobyte, so that the history leaves some behind to be trimmed.
app::NodeOptions options_that_trim() {
    app::NodeOptions options = TestNode::small_options();
    options.log.extent_bytes_max = 1024;
    return options;
}

struct CrashNode : TestNode {
    CrashNode() : TestNode(options_that_trim()) {}
};

int64_t number(const std::string& text) {
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// The stream holds every acknowledged event once and nothing that was never sent; views agree with
/// it.
void check(TestNode& node, const Known& known, const std::string& when) {
    const auto failure = node.node().failure();
    ASSERT_FALSE(failure) << when << ": " << failure->to_string();
    if (node.table("t") == TableId{}) {
        EXPECT_FALSE(known.has_table) << when;
        return;
    }
    std::set<int64_t> found;
    for (const std::string& line : node.rows("SELECT id FROM t")) {
        EXPECT_TRUE(found.insert(number(line)).second) << when << ": event " << line << " twice";
    }
    EXPECT_TRUE(std::ranges::includes(found, known.acknowledged))
        << when << ": an acknowledged event is lost";
    EXPECT_TRUE(std::ranges::includes(known.tried, found)) << when << ": an event that nobody sent";
    std::map<std::string, std::pair<int64_t, int64_t>> expected;
    for (const int64_t id : found) {
        auto& group = expected[fmt::format("k{}", id % 3)];
        ++group.first;
        group.second += id;
    }
    std::vector<std::string> lines;
    for (const auto& [key, group] : expected) {
        lines.push_back(fmt::format("{}|{}|{}|{}", key, group.first, group.second, group.first));
    }
    const manifest::StatePtr state = node.node().state();
    for (const char* view : {"v", "w"}) {
        const bool exists = state->catalog.find_view(view) != nullptr;
        if (!exists) {
            EXPECT_FALSE(*view == 'v' ? known.has_view : known.has_late_view) << when;
            continue;
        }
        auto rows = node.query(fmt::format("SELECT * FROM {} ORDER BY 1", view));
        if (!rows && rows.error().sqlstate() == "55000") {
            // Declared, but the machine stopped before its history was in; CREATE was not
            // acknowledged. The back-fill goes on.
            EXPECT_FALSE(*view == 'v' ? known.has_view : known.has_late_view) << when;
            while (node.workers().step("backfill 1")) {
            }
            rows = node.query(fmt::format("SELECT * FROM {} ORDER BY 1", view));
        }
        ASSERT_TRUE(rows) << when << ": " << rows.error().to_string();
        EXPECT_EQ(*rows, lines) << when << ": view " << view;
    }
}

/// Whether the path lies below a directory and ends so.
bool is_file_of(const std::string& path, std::string_view directory, std::string_view ending) {
    return path.starts_with(directory) && path.ends_with(ending);
}

/// Right after a start the files of runs are those that the manifest names: none is missing, and
/// what a crash left behind is gone.
void check_run_files(CrashNode& node, const std::string& when) {
    std::set<std::string> named;
    const auto name = [&](const manifest::Run& run) { named.merge(run.files()); };
    const manifest::StatePtr state = node.node().state();
    for (const auto& [version, runs] : state->runs) std::ranges::for_each(runs, name);
    for (const manifest::Retired& retired : state->retired) name(retired.run);
    std::set<std::string> found;
    list_files(node.files(), "runs", found);
    EXPECT_EQ(found, named) << when;
}

/// Whatever a DROP has left is freed, also after a crash in the midst of that.
void check_dropped(CrashNode& node, const std::string& when) {
    keep_house(node);
    const manifest::StatePtr state = node.node().state();
    EXPECT_TRUE(state->dropped.empty()) << when;
    std::set<std::string> of_tables;
    for (const auto& [id, table] : state->catalog.tables) {
        of_tables.insert(fmt::format("log/{}", id.value));
        of_tables.insert(fmt::format("runs/{}", id.value));
        of_tables.insert(table.dataset_folder);
    }
    for (const char* place : {"log", "dataset", "runs"}) {
        if (!node.files().exists(place).value()) continue;
        const std::vector<std::string> names = node.files().list(place).value();
        for (const std::string& name : names) {
            const std::string path = fmt::format("{}/{}", place, name);
            if (path.starts_with("log/takeover-")) continue;  // of the start, not of a table
            EXPECT_TRUE(of_tables.contains(path)) << when << ": " << path;
        }
    }
}

void recover(CrashNode& node, const std::string& when) {
    const auto started = node.start();
    ASSERT_TRUE(started) << when << ": " << started.error().to_string();
    check_run_files(node, when);
    check_dropped(node, when);
}

/// What comes after a crash, until it is cut short itself.
void begin_again(CrashNode& node, Known& known) {
    if (!node.start() || node.table("t") == TableId{}) return;
    append(node, known, 900, 2);
    (void)node.seal("t").has_value();
}

class Crash : public ::testing::TestWithParam<CrashFate> {
  protected:
    void SetUp() override {
        // Failing steps trace errors on purpose here.
        set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    }
    void TearDown() override { set_trace_sink({}); }

    static uint64_t count_operations() {
        CrashNode node;
        Known known;
        EXPECT_TRUE(node.start());
        EXPECT_TRUE(play(node, known));
        return node.files().operation_count();
    }
    /// Durable steps of a recovery after the whole history, with what follows it.
    static uint64_t count_recovery_operations() {
        CrashNode node;
        Known known;
        EXPECT_TRUE(node.start());
        EXPECT_TRUE(play(node, known));
        node.crash(GetParam(), 0);
        const uint64_t before = node.files().operation_count();
        begin_again(node, known);
        return node.files().operation_count() - before;
    }
};

/// Each operation that the crashes below are to hit is really in the history.
TEST(CrashHistory, AppendsSealsArchivesBackfillsPublishesTrimsReleasesAndDrops) {
    CrashNode node;
    Known known;
    std::map<std::string, int> seen;
    node.files().set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        using Kind = FileOperation::Kind;
        const std::string& path = operation.path;
        const bool is_move = operation.kind == Kind::kMove;
        const bool is_removal = operation.kind == Kind::kRemove;
        if (is_file_of(path, "log/", ".extent")) {
            if (operation.kind == Kind::kSync) ++seen["append"];
            if (is_removal) ++seen["trim"];
        }
        if (is_file_of(path, "runs/", ".run")) {
            if (is_move) ++seen["run"];
            if (is_removal) ++seen["release"];
        }
        if (is_file_of(path, "dataset/", ".parquet") && is_move) ++seen["archive"];
        if (is_file_of(path, "dataset/", ".parquet") && is_removal) ++seen["sweep"];
        if (path.starts_with("manifest/") && is_move) ++seen["commit"];
        return {};
    });
    ASSERT_TRUE(node.start());
    ASSERT_TRUE(play(node, known));
    EXPECT_GE(seen["append"], 7);
    EXPECT_GE(seen["run"], 6);
    EXPECT_GE(seen["archive"], 4);
    EXPECT_GE(seen["commit"], 12);
    EXPECT_GE(seen["trim"], 2);
    EXPECT_GE(seen["release"], 4);
    EXPECT_EQ(seen["sweep"], 1);
    const manifest::StatePtr state = node.node().state();
    const manifest::TableState& table = *state->table(node.table("t"));
    EXPECT_GE(table.cuts.back().number, 2U) << "published twice";
    EXPECT_TRUE(state->retired.empty()) << "everything retired was released";
    const catalog::ViewVersion& late = state->catalog.find_view("w")->versions.front();
    EXPECT_TRUE(late.is_populated);
    EXPECT_NE(late.first_seal, table.origin) << "there was a history to back-fill";
    EXPECT_NE(node.node().log_of(node.table("t")).value()->start(), table.origin);
}

TEST_P(Crash, LeavesExactAnswersAtEveryDurableStep) {
    const uint64_t operations = count_operations();
    ASSERT_GT(operations, 150U);
    for (uint64_t step = 0; step < operations; ++step) {
        const std::string when = fmt::format("crash at step {} of {}", step, operations);
        CrashNode node;
        Known known;
        node.files().fail_all_after(step);
        if (node.start()) play(node, known);
        node.crash(GetParam(), step);
        recover(node, when);
        if (HasFatalFailure()) return;
        check(node, known, when);
        // Life goes on, and a batch run agrees with it.
        if (node.table("t") != TableId{}) {
            ASSERT_TRUE(append(node, known, 1000, 3)) << when;
            if (node.node().state()->catalog.find_view("v") != nullptr) {
                node.run("REFRESH MATERIALIZED VIEW v");
            }
            check(node, known, when + ", then appended and refreshed");
        }
        if (HasFailure()) return;
    }
}

/// A second crash walks through the recovery while the first walks through the history.
TEST_P(Crash, LeavesExactAnswersWhenRecoveryIsCutShortToo) {
    constexpr uint64_t kStride = 3;
    const uint64_t operations = count_operations();
    const uint64_t recovery = count_recovery_operations();
    ASSERT_GT(recovery, 20U);
    ASSERT_GT(operations / kStride, recovery) << "each step of a recovery is met";
    uint64_t second = 0;
    for (uint64_t step = 0; step < operations; step += kStride) {
        CrashNode node;
        Known known;
        node.files().fail_all_after(step);
        if (node.start()) play(node, known);
        node.crash(GetParam(), step);
        const std::string when =
            fmt::format("crash at step {}, then {} into the recovery", step, second);
        node.files().fail_all_after(second);
        begin_again(node, known);
        node.crash(GetParam(), step + 1);
        recover(node, when);
        if (HasFatalFailure()) return;
        check(node, known, when);
        if (HasFailure()) return;
        second = (second + 1) % recovery;
    }
}

std::string name_of(const ::testing::TestParamInfo<CrashFate>& fate) {
    constexpr std::array<const char*, 3> kNames = {"Dropped", "Kept", "Torn"};
    return kNames.at(static_cast<size_t>(fate.param));
}

INSTANTIATE_TEST_SUITE_P(Fates, Crash,
                         ::testing::Values(CrashFate::kDropUnsynced, CrashFate::kKeepUnsynced,
                                           CrashFate::kTearUnsynced),
                         name_of);

}  // namespace
}  // namespace braid::testing
