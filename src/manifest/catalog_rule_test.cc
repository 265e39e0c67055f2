// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

TEST(TableRule, StartsAtTheOrigin) {
    TestHistory history;
    const TableId table = history.add_table("t", 3);
    const TableState& state = *history.state.table(table);
    EXPECT_EQ(state.origin, at({0, 0, 0}));
    EXPECT_EQ(state.archive_end, state.origin);
    EXPECT_EQ(state.sealed_frontier, state.origin);
    EXPECT_FALSE(state.cut_in_flight.has_value());
    EXPECT_EQ(history.state.table({99}), nullptr);
    EXPECT_TRUE(history.state.runs_of({99}).empty());
}

TEST(TableRule, MayStartAnywhere) {
    TestHistory history;
    const Positions origin = at({17, 1LL << 40, 0});
    const TableState& state = *history.state.table(history.add_table_at("t", origin));
    EXPECT_EQ(state.origin, origin);
    EXPECT_EQ(state.archive_end, origin);
    EXPECT_EQ(state.sealed_frontier, origin);
    const catalog::Table table = test_table(history.new_id(), "u", 2);
    EXPECT_ERROR(history.apply({CreateTable{table, at({17})}}), ErrorCode::kInternal);
    EXPECT_ERROR(history.apply({CreateTable{table, at({17, -1})}}), ErrorCode::kInternal);
    EXPECT_ERROR(history.apply({CreateTable{table, at({1, 2, 3})}}), ErrorCode::kInternal);
}

TEST(GrowRule, EveryVectorOfTheTableGrows) {
    TestHistory history;
    const TableId table = history.add_table_at("t", at({17}));
    const TableId other = history.add_table("u");
    const VersionId version = history.add_view(table, "v");
    ASSERT_OK(history.apply({history.seal(table, at({20}))}));
    history.archive_to(table, at({20}));
    ASSERT_OK(history.apply({ChooseCut{table, at({20})}}));
    ASSERT_OK(history.apply({history.publish(table)}));
    ASSERT_OK(history.apply({history.seal(table, at({23}))}));
    history.archive_to(table, at({22}));
    const VersionId late = history.add_view(table, "late");
    ASSERT_OK(history.apply({ChooseCut{table, at({20})}}));
    ASSERT_OK(history.apply({Grow{table, at({17, 5, 9})}}));
    const TableState& state = *history.state.table(table);
    EXPECT_EQ(state.origin, at({17, 5, 9}));
    EXPECT_EQ(state.archive_end, at({22, 5, 9}));
    EXPECT_EQ(state.sealed_frontier, at({23, 5, 9}));
    EXPECT_EQ(state.cut_in_flight, at({20, 5, 9}));
    EXPECT_EQ(state.cuts.at(0).cut, at({20, 5, 9}));
    const auto first_seal = [&](VersionId id) {
        return history.state.catalog.view_of_version(id)->find(id)->first_seal;
    };
    EXPECT_EQ(first_seal(version), at({17, 5, 9}));
    EXPECT_EQ(first_seal(late), at({23, 5, 9}));
    EXPECT_EQ(history.state.catalog.tables.at(table).partition_count, 3U);
    EXPECT_EQ(history.state.runs_of(version)[0].box, box({17}, {20})) << "boxes stay as they are";
    EXPECT_EQ(history.state.table(other)->origin, at({0}));
    EXPECT_EQ(history.state.catalog.tables.at(other).partition_count, 1U);
}

TEST(GrowRule, OnlyAddsPartitions) {
    TestHistory history;
    const TableId table = history.add_table_at("t", at({17, 3}));
    const auto grow = [&](std::vector<int64_t> origin) {
        return history.apply({Grow{table, at(std::move(origin))}});
    };
    EXPECT_ERROR(grow({17, 3}), ErrorCode::kConflict);
    EXPECT_ERROR(grow({17}), ErrorCode::kConflict);
    EXPECT_ERROR(grow({17, 4, 0}), ErrorCode::kInternal);
    EXPECT_ERROR(grow({17, 3, -1}), ErrorCode::kInternal);
    std::vector<int64_t> many(4'097);
    many[0] = 17;
    many[1] = 3;
    EXPECT_ERROR(grow(many), ErrorCode::kInternal);
    EXPECT_ERROR(history.apply({Grow{{99}, at({17, 3, 0})}}), ErrorCode::kNotFound);
    ASSERT_OK(grow({17, 3, 8}));
    EXPECT_ERROR(grow({17, 3, 8}), ErrorCode::kConflict) << "somebody was faster";
}

TEST(TableRule, RefusesNonsense) {
    TestHistory history;
    const TableId table = history.add_table("t");
    catalog::Table other = test_table(history.new_id(), "u", 0);
    EXPECT_ERROR(history.apply({CreateTable{other}}), ErrorCode::kInternal);
    other.partition_count = 4'097;
    EXPECT_ERROR(history.apply({CreateTable{other}}), ErrorCode::kInternal);
    other = test_table(history.new_id(), "");
    EXPECT_ERROR(history.apply({CreateTable{other}}), ErrorCode::kInternal);
    other = test_table(history.new_id(), "u");
    other.log = history.state.catalog.tables.at(table).log;
    EXPECT_ERROR(history.apply({CreateTable{other}}), ErrorCode::kConflict);
    EXPECT_ERROR(history.apply({CreateTable{test_table(table, "u")}}), ErrorCode::kConflict);
}

TEST(Names, AreUniqueAmongAllRelations) {
    TestHistory history;
    const TableId table = history.add_table("t");
    history.add_view(table, "v");
    const ObjectId plain = history.new_id();
    ASSERT_OK(
        history.apply({CreatePlainView{{.id = plain, .name = "p", .definition = "SELECT 1"}}}));
    const IsError taken(ErrorCode::kAlreadyExists, "42P07");
    for (const char* name : {"t", "v", "p"}) {
        const ObjectId id = history.new_id();
        EXPECT_TRUE(taken(history.apply({CreateTable{test_table(id, name)}})));
        EXPECT_TRUE(taken(history.apply({CreateView{test_view(id, {id.value + 1}, table, name)}})));
        EXPECT_TRUE(taken(history.apply({CreatePlainView{{.id = id, .name = name}}})));
    }
    ASSERT_OK(history.apply({DropPlainView{plain}}));
    history.add_table("p");
}

TEST(Names, ComeFreeInTheSameCommit) {
    TestHistory history;
    const TableId old = history.add_table("t");
    const TableId fresh = history.new_id();
    ASSERT_OK(history.apply({DropTable{old}, CreateTable{test_table(fresh, "t")}}));
    EXPECT_EQ(history.state.catalog.find_table("t")->id, fresh);
    EXPECT_EQ(history.state.table(old), nullptr);
}

TEST(DropRule, SaysWhatDoesNotExist) {
    TestHistory history;
    const TableId table = history.add_table("t");
    const IsError missing(ErrorCode::kNotFound, "42P01");
    EXPECT_TRUE(missing(history.apply({DropTable{{99}}})));
    EXPECT_TRUE(missing(history.apply({DropView{table}})));
    EXPECT_TRUE(missing(history.apply({DropPlainView{table}})));
    EXPECT_TRUE(missing(history.apply({CreateView{test_view({7}, {8}, {99}, "v")}})));
    EXPECT_TRUE(missing(history.apply({Seal{.table = {99}}})));
    EXPECT_TRUE(missing(history.apply({Archive{.table = {99}}})));
    EXPECT_TRUE(missing(history.apply({ChooseCut{.table = {99}}})));
    EXPECT_TRUE(missing(history.apply({Publish{.table = {99}}})));
}

TEST(DropRule, KeepsATableThatViewsNeed) {
    TestHistory history;
    const TableId table = history.add_table("t");
    const VersionId version = history.add_view(table, "v");
    const Result<void> refused = history.apply({DropTable{table}});
    ASSERT_TRUE(IsError(ErrorCode::kInvalidInput, "2BP01")(refused));
    EXPECT_EQ(refused.error().detail(), "materialized view v depends on table t");
    const ViewId view = history.state.catalog.view_of_version(version)->id;
    ASSERT_OK(history.apply({DropView{view}, DropTable{table}}));
    EXPECT_TRUE(history.state.catalog.tables.empty());
    EXPECT_TRUE(history.state.tables.empty());
}

TEST(DropRule, RemembersATableUntilItsFilesAreSwept) {
    TestHistory history;
    const TableId first = history.add_table("t");
    const std::string folder = history.state.catalog.tables.at(first).dataset_folder;
    EXPECT_ERROR(history.apply({Sweep{{first}}}), ErrorCode::kConflict) << "it is there";
    ASSERT_OK(history.apply({DropTable{first}}));
    const TableId second = history.add_table("t");
    ASSERT_OK(history.apply({DropTable{second}}));
    ASSERT_EQ(history.state.dropped.size(), 2U);
    EXPECT_EQ(history.state.dropped[0].table, first);
    EXPECT_EQ(history.state.dropped[0].dataset_folder, folder);
    EXPECT_NE(history.state.dropped[1].dataset_folder, folder);
    EXPECT_EQ(history.state.dropped[1].at_us, history.now_us);
    ASSERT_OK(history.apply({Sweep{{first}}}));
    ASSERT_EQ(history.state.dropped.size(), 1U);
    EXPECT_EQ(history.state.dropped[0].table, second);
    EXPECT_ERROR(history.apply({Sweep{{first}}}), ErrorCode::kConflict) << "by somebody else";
}

TEST(DropRule, RetiresTheRunsOfAView) {
    TestHistory history;
    const TableId table = history.add_table("t");
    const VersionId version = history.add_view(table, "v");
    const VersionId other = history.add_view(table, "w");
    ASSERT_OK(history.apply({history.seal(table, at({5}))}));
    ASSERT_OK(history.apply({history.seal(table, at({8}))}));
    const ViewId view = history.state.catalog.view_of_version(version)->id;
    const Seal stale = history.seal(table, at({9}));
    ASSERT_OK(history.apply({DropView{view}}));
    EXPECT_FALSE(history.state.runs.contains(version));
    EXPECT_EQ(history.state.runs_of(other).size(), 2U);
    ASSERT_EQ(history.state.retired.size(), 2U);
    EXPECT_EQ(history.state.retired[0].run.box, box({0}, {5}));
    EXPECT_EQ(history.state.retired[0].at_us, history.now_us);
    EXPECT_ERROR(history.apply({stale}), ErrorCode::kConflict);
}

TEST(ViewRule, StartsAtTheSealedFrontier) {
    TestHistory history;
    const TableId table = history.add_table("t", 2);
    ASSERT_OK(history.apply({history.seal(table, at({5, 7}))}));
    catalog::MaterializedView view = test_view({10}, {11}, table, "v");
    view.versions[0].first_seal = at({1, 1});  // whatever the caller believed
    view.versions[0].is_populated = true;
    ASSERT_OK(history.apply({CreateView{view}}));
    const catalog::ViewVersion& version = history.state.catalog.find_view("v")->versions[0];
    EXPECT_EQ(version.first_seal, at({5, 7}));
    EXPECT_FALSE(version.is_populated);
}

TEST(ViewRule, HasOneVersionWithAFreshId) {
    TestHistory history;
    const TableId table = history.add_table("t");
    catalog::MaterializedView view = test_view({10}, {11}, table, "v");
    view.current = {12};
    EXPECT_ERROR(history.apply({CreateView{view}}), ErrorCode::kInternal);
    view = test_view({10}, {11}, table, "v");
    view.versions.push_back(view.versions[0]);
    EXPECT_ERROR(history.apply({CreateView{view}}), ErrorCode::kInternal);
    EXPECT_ERROR(history.apply({CreateView{test_view({10}, {10}, table, "v")}}),
                 ErrorCode::kConflict);
    EXPECT_ERROR(history.apply({CreateView{test_view({10}, table, table, "v")}}),
                 ErrorCode::kConflict);
}

TEST(FunctionDataRule, OnlyGoesForward) {
    TestHistory history;
    ASSERT_OK(history.apply({SetFunctionData{{"geo", 3, "d3", "city 2026-01"}}}));
    EXPECT_ERROR(history.apply({SetFunctionData{{"geo", 3, "dx", ""}}}), ErrorCode::kConflict);
    EXPECT_ERROR(history.apply({SetFunctionData{{"geo", 2, "d2", ""}}}), ErrorCode::kConflict);
    ASSERT_OK(history.apply({SetFunctionData{{"geo", 5, "d5", ""}}}));
    ASSERT_OK(history.apply({SetFunctionData{{"user_agent", 1, "d1", ""}}}));
    EXPECT_EQ(history.state.catalog.function_data.at("geo").digest, "d5");
}

TEST(AllowedFilesRule, DirectoriesStayAlsoWhenTheirTableIsDropped) {
    TestHistory history;
    const TableId table = history.add_table("t");
    ASSERT_OK(history.apply({AllowFiles{{"/var/log"}}}));
    ASSERT_OK(history.apply({AllowFiles{{"/srv", "/var/log"}}, DropTable{table}}));
    EXPECT_EQ(*history.state.allowed_files, (std::set<std::string>{"/srv", "/var/log"}));
}

TEST(ObjectNumbers, AreNeverUsedAgain) {
    TestHistory history;
    const TableId first = history.add_table("t");
    ASSERT_OK(history.apply({DropTable{first}}));
    EXPECT_ERROR(history.apply({CreateTable{test_table(first, "t")}}), ErrorCode::kConflict);
    ASSERT_OK(history.apply({CreateTable{test_table({9}, "u")}}));
    ASSERT_OK(history.apply({CreateTable{test_table({4}, "v")}}));  // slower, but handed out to it
    EXPECT_ERROR(history.apply({CreateTable{test_table({4}, "w")}}), ErrorCode::kConflict);
    EXPECT_EQ(history.new_id(), ObjectId{10});
}

TEST(ObjectNumbers, ComeFromBlocks) {
    State state;
    const auto create = [](uint64_t id) {
        return CreateTable{test_table({id}, "t" + std::to_string(id))};
    };
    ASSERT_OK_AND_ASSIGN(state, apply(state, {AllocateIds{.ids = 4, .runs = 2}}, 1));
    EXPECT_EQ(state.catalog.next_id, 5U);
    EXPECT_EQ(state.next_run, 3U);
    EXPECT_EQ(state.open_ids, (std::vector<IdRange>{{1, 5}}));
    EXPECT_EQ(state.open_runs, (std::vector<IdRange>{{1, 3}}));
    EXPECT_ERROR(apply(state, {create(0)}, 1), ErrorCode::kConflict);
    // Tried on a version that is older than its block.
    ASSERT_OK_AND_ASSIGN(const State older, apply(state, {create(7)}, 1));
    EXPECT_EQ(older.open_ids, (std::vector<IdRange>{{1, 7}}));
    EXPECT_EQ(older.catalog.next_id, 8U);
    EXPECT_ERROR(apply(state, {create(2'000'000)}, 1), ErrorCode::kInternal);
    ASSERT_OK_AND_ASSIGN(state, apply(state, {create(2)}, 1));
    EXPECT_EQ(state.open_ids, (std::vector<IdRange>{{1, 2}, {3, 5}}));
    ASSERT_OK_AND_ASSIGN(state, apply(state, {AllocateIds{.ids = 2, .runs = 0}}, 1));
    EXPECT_EQ(state.open_ids, (std::vector<IdRange>{{1, 2}, {3, 7}}));
    EXPECT_EQ(state.next_run, 3U);
    ASSERT_OK_AND_ASSIGN(state, apply(state, {create(1), create(6), create(3)}, 1));
    EXPECT_EQ(state.open_ids, (std::vector<IdRange>{{4, 6}}));
    for (const uint64_t used : {1, 2, 3, 6}) {
        EXPECT_ERROR(apply(state, {DropTable{{used}}, create(used)}, 1), ErrorCode::kConflict);
    }
    EXPECT_ERROR(apply(state, {AllocateIds{.ids = UINT64_MAX, .runs = 1}}, 1),
                 ErrorCode::kInternal);
}

TEST(ObjectNumbers, OfTheOldestBlocksAreForgotten) {
    std::vector<Change> changes;
    for (uint64_t block = 0; block < 5'000; ++block) {
        const TableId second{2 * block + 2};
        changes.emplace_back(AllocateIds{.ids = 2, .runs = 0});
        changes.emplace_back(CreateTable{test_table(second, "t")});
        changes.emplace_back(DropTable{second});
    }
    ASSERT_OK_AND_ASSIGN(const State state, apply({}, changes, 1));
    EXPECT_EQ(state.open_ids.size(), 4'096U);
    EXPECT_ERROR(apply(state, {CreateTable{test_table({1}, "t")}}, 1), ErrorCode::kConflict);
    const TableId oldest{state.open_ids.front().from};
    EXPECT_OK(apply(state, {CreateTable{test_table(oldest, "t")}}, 1));
}

/// Entries of `after` that are not the very ones of `before`: what a commit has copied or made.
size_t changed_entries(const auto& before, const auto& after) {
    return static_cast<size_t>(std::ranges::count_if(after, [&](const auto& entry) {
        const auto there = before.find(entry.first);
        return there == before.end() || &there->second != &entry.second;
    }));
}

size_t changed_entries(const State& before, const State& after) {
    return changed_entries(before.catalog.tables, after.catalog.tables) +
           changed_entries(before.catalog.views, after.catalog.views) +
           changed_entries(before.tables, after.tables) + changed_entries(before.runs, after.runs);
}

TEST(CatalogRule, AChangeCopiesWhatItChanges) {
    constexpr int kStreams = 300;
    TestHistory history;
    std::vector<TableId> tables;
    for (int stream = 0; stream < kStreams; ++stream) {
        tables.push_back(history.add_table("t" + std::to_string(stream)));
        history.add_view(tables.back(), "v" + std::to_string(stream));
    }
    State before = history.state;
    const auto copies = [&] {
        const size_t count = changed_entries(before, history.state);
        before = history.state;
        return count;
    };
    history.add_table("another");
    EXPECT_EQ(copies(), 2U);  // what it is, and where it has got to
    const VersionId version = history.add_view(tables[7], "more");
    // The view, its runs, its stream.
    EXPECT_EQ(copies(), 3U);
    ASSERT_OK(history.apply({history.seal(tables[7], at({10}))}));
    EXPECT_EQ(copies(), 3U);  // the stream, and the runs of two views
    ASSERT_OK(history.apply({DropView{history.state.catalog.view_of_version(version)->id}}));
    EXPECT_EQ(copies(), 1U);  // the stream
    ASSERT_OK(history.apply({Grow{tables[8], at({0, 0})}}));
    EXPECT_EQ(copies(), 3U);
}

}  // namespace
}  // namespace braid::manifest
