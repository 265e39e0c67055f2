// SPDX-License-Identifier: Apache-2.0
// A node whose store lies apart from its local directory: what each of them holds, and that a store
// needs to be no file system.
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/flat_store_test_support.h"
#include "base/trace.h"
#include "tests/support/test_node.h"

namespace braid::testing {
namespace {

using ::testing::IsSubsetOf;
using ::testing::UnorderedElementsAre;
using Lines = std::vector<std::string>;

constexpr const char* kSchema =
    "CREATE TABLE t (k text, n bigint);"
    "CREATE MATERIALIZED VIEW v AS SELECT k, sum(n) AS n, count(DISTINCT n) AS d FROM t GROUP BY k";
constexpr const char* kAnswer = "SELECT k, n, d FROM v ORDER BY k";

Lines names(Store& store, const std::string& directory) {
    auto listed = store.list(directory);
    EXPECT_TRUE(listed) << listed.error().to_string();
    Lines found;
    for (std::string& name : *listed) {
        if (!name.starts_with("OWNER-")) found.push_back(std::move(name));
    }
    return found;
}

/// Events, seals, the archive, a batch run and a spill of it.
void play(TestNode& node, int from, int to) {
    for (int each = from; each < to; ++each) {
        const std::string record =
            fmt::format(R"({{"k":"{}","n":{}}})", each % 7 == 0 ? "a" : "b", each);
        ASSERT_TRUE(node.append("t", 0, {record}));
        if (each % 10 == 9) {
            ASSERT_TRUE(node.seal("t"));
        }
    }
    node.run("REFRESH MATERIALIZED VIEW v");
}

app::NodeOptions spilling() {
    app::NodeOptions options = TestNode::small_options();
    options.batch.memory_bytes_max = 1;
    return options;
}

template <typename Apart>
class Roots : public ::testing::Test {};
using Forms = ::testing::Types<MemoryFileSystem, FlatStore>;
TYPED_TEST_SUITE(Roots, Forms);

TYPED_TEST(Roots, HoldEachTheirOwn) {
    TypeParam store;
    TestNode node(spilling());
    node.keep_store_in(store);
    ASSERT_TRUE(node.start());
    node.run(kSchema);
    play(node, 0, 50);
    EXPECT_THAT(names(node.files(), ""), IsSubsetOf({"LOCK", "_tmp", "log", "redo", "spill"}));
    EXPECT_THAT(names(store, ""), IsSubsetOf({"_tmp", "dataset", "manifest", "runs", "unlisted"}));
    const std::string folder = fmt::format("t-{}", node.table("t").value);
    EXPECT_THAT(names(store, "dataset"), UnorderedElementsAre(folder));
    EXPECT_FALSE(names(store, "runs").empty());
    EXPECT_FALSE(names(node.files(), "log").empty());
}

TYPED_TEST(Roots, AnswerAsOneDoes) {
    TestNode whole;
    ASSERT_TRUE(whole.start());
    whole.run(kSchema);
    play(whole, 0, 80);
    TypeParam store;
    TestNode apart(spilling());
    apart.keep_store_in(store);
    ASSERT_TRUE(apart.start());
    apart.run(kSchema);
    play(apart, 0, 40);
    ASSERT_TRUE(apart.stop());
    ASSERT_TRUE(apart.start());
    play(apart, 40, 60);
    // The machine stops: the store has what was put, the log what was acknowledged.
    apart.crash(CrashFate::kDropUnsynced, 1);
    if constexpr (std::is_same_v<TypeParam, MemoryFileSystem>) {
        store.crash(CrashFate::kDropUnsynced, 1);
    }
    ASSERT_TRUE(apart.start());
    play(apart, 60, 80);
    EXPECT_EQ(apart.rows(kAnswer), whole.rows(kAnswer));
    EXPECT_EQ(apart.digest("v").value(), whole.digest("v").value());
    EXPECT_EQ(apart.digest("v", runs::ReadMode::kFinal).value(),
              whole.digest("v", runs::ReadMode::kFinal).value());
}

/// A store that belongs to another log is not answered from as if nothing were wrong.
TEST(RootsApart, AStoreWithoutItsLogIsNoStore) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    MemoryFileSystem store;
    {
        TestNode node;
        node.keep_store_in(store);
        ASSERT_TRUE(node.start());
        node.run(kSchema);
        play(node, 0, 20);
        ASSERT_TRUE(node.append("t", 0, {R"({"k":"z","n":1})"}));
        ASSERT_TRUE(node.stop());
    }
    TestNode other;
    other.keep_store_in(store);
    const auto started = other.start();
    const bool refused = !started || !other.query(kAnswer);
    EXPECT_TRUE(refused);
    EXPECT_FALSE(started && other.append("t", 0, {R"({"k":"z","n":1})"}));
    set_trace_sink({});
}

constexpr const char* kNames[] = {
    "日志",      "a/b",     "..",
    "Ünï \"q\"", "_hidden", "Sixty-three bytes are all that a name of PostgreSQL's may have."};

TEST(DatasetFolders, LieUnderTheEscapedNamesOfTheirTables) {
    TestNode node;
    ASSERT_TRUE(node.start());
    std::set<std::string> expected;
    for (const std::string name : kNames) {
        std::string quoted;
        for (const char each : name)
            quoted += each == '"' ? std::string("\"\"") : std::string(1, each);
        node.run("CREATE TABLE \"" + quoted + "\" (n bigint)");
        const TableId id = node.table(name.substr(0, 63));
        ASSERT_NE(id, TableId{}) << name;
        ASSERT_TRUE(node.append(name.substr(0, 63), 0, {R"({"n":1})"}));
        ASSERT_TRUE(node.archive(name.substr(0, 63)));
        expected.insert(catalog::dataset_folder(name.substr(0, 63), id).substr(8));
    }
    std::set<std::string> found;
    for (const std::string& each : names(node.files(), "dataset")) found.insert(each);
    EXPECT_EQ(found, expected);
    EXPECT_TRUE(found.contains("%e6%97%a5%e5%bf%97-1"));
}

/// Dropped and made again: a table of the same name is another one, in another folder.
TEST(DatasetFolders, ANameThatComesAgainHasAFolderOfItsOwn) {
    TestNode node;
    ASSERT_TRUE(node.start());
    for (int round = 0; round < 2; ++round) {
        node.run("CREATE TABLE t (n bigint)");
        ASSERT_TRUE(node.append("t", 0, {R"({"n":1})"}));
        ASSERT_TRUE(node.archive("t"));
        EXPECT_EQ(node.rows("SELECT n FROM t"), Lines{"1"});
        node.run("DROP TABLE t");
    }
    EXPECT_EQ(names(node.files(), "dataset").size(), 2U);
}

}  // namespace
}  // namespace braid::testing
