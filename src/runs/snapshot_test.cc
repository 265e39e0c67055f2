// SPDX-License-Identifier: Apache-2.0
#include "runs/snapshot.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::runs {
namespace {

using manifest::at;
using manifest::box;
using manifest::RunKind;
using manifest::test_run;
using manifest::TestHistory;

constexpr auto kModes = {ReadMode::kLive, ReadMode::kAtCut, ReadMode::kFinal};

IsError not_ready() { return IsError(ErrorCode::kUnavailable, "55000"); }

/// Stream "t" of two partitions with the populated view version "v".
struct OneView : TestHistory {
    TableId table = add_table("t", 2);
    VersionId version = add_view(table, "v");

    void fill() {
        const auto run = test_run(new_run(), version, RunKind::kBatch, box({0, 0}, {0, 0}));
        ASSERT_OK(apply({manifest::Backfill{run}}));
    }
    void seal_to(std::vector<int64_t> to) { ASSERT_OK(apply({seal(table, at(std::move(to)))})); }
    /// A batch run for everything that is sealed. Gives the cut's number.
    uint64_t publish_all() {
        const Positions end = state.table(table)->sealed_frontier;
        archive_to(table, end);
        EXPECT_OK(apply({manifest::ChooseCut{table, end}}));
        EXPECT_OK(apply({publish(table)}));
        return state.table(table)->cuts.back().number;
    }
    std::vector<Box> boxes(ReadMode mode, uint64_t cut = 0) const {
        const auto runs = choose_runs(state, version, mode, cut);
        EXPECT_OK(runs);
        std::vector<Box> found;
        if (runs) {
            for (const manifest::Run* run : *runs) found.push_back(run->box);
        }
        return found;
    }
};

TEST(ChooseRuns, TilesUpToTheSealedFrontier) {
    OneView history;
    history.fill();
    history.seal_to({3, 1});
    history.seal_to({5, 5});
    EXPECT_EQ(history.boxes(ReadMode::kLive),
              (std::vector<Box>{box({0, 0}, {0, 0}), box({0, 0}, {3, 1}), box({3, 1}, {5, 5})}));
}

TEST(ChooseRuns, RefusesAViewWithoutData) {
    OneView history;
    history.seal_to({3, 1});
    for (const ReadMode mode : kModes) {
        const auto refused = choose_runs(history.state, history.version, mode, 0);
        ASSERT_TRUE(not_ready()(refused));
        EXPECT_NE(refused.error().message().find("\"v\" has not been populated"),
                  std::string::npos);
    }
    EXPECT_ERROR(choose_runs(history.state, {99}, ReadMode::kLive, 0), ErrorCode::kNotFound);
}

TEST(ChooseRuns, RefusesFinalBeforeBatch) {
    OneView history;
    history.fill();
    history.seal_to({3, 1});
    for (const ReadMode mode : {ReadMode::kFinal, ReadMode::kAtCut}) {
        const auto refused = choose_runs(history.state, history.version, mode, 0);
        ASSERT_TRUE(not_ready()(refused));
        EXPECT_NE(refused.error().hint().find("REFRESH MATERIALIZED VIEW v"), std::string::npos);
    }
}

TEST(ChooseRuns, GivesFinalUpToTheLastCut) {
    OneView history;
    history.fill();
    history.seal_to({3, 1});
    history.publish_all();
    history.seal_to({4, 4});
    EXPECT_EQ(history.boxes(ReadMode::kFinal), (std::vector<Box>{box({0, 0}, {3, 1})}));
    EXPECT_EQ(history.boxes(ReadMode::kAtCut), (std::vector<Box>{box({0, 0}, {3, 1})}));
    EXPECT_EQ(history.boxes(ReadMode::kLive).size(), 2U);
    history.publish_all();
    EXPECT_EQ(history.boxes(ReadMode::kFinal), (std::vector<Box>{box({0, 0}, {4, 4})}));
}

TEST(ChooseRuns, RepeatsAnOldCutWhileItIsKept) {
    OneView history;
    history.fill();
    history.seal_to({3, 1});
    const uint64_t first = history.publish_all();
    history.seal_to({6, 6});
    const uint64_t second = history.publish_all();
    EXPECT_EQ(history.boxes(ReadMode::kAtCut, first), (std::vector<Box>{box({0, 0}, {3, 1})}));
    EXPECT_EQ(history.boxes(ReadMode::kAtCut, second), (std::vector<Box>{box({0, 0}, {6, 6})}));
    const IsError unknown(ErrorCode::kInvalidInput, "22023");
    for (const uint64_t cut : {second + 1, uint64_t{1'000}}) {
        EXPECT_TRUE(unknown(choose_runs(history.state, history.version, ReadMode::kAtCut, cut)));
    }
    std::vector<RunId> all;
    for (const manifest::Retired& each : history.state.retired) all.push_back(each.run.id);
    ASSERT_OK(history.apply({manifest::Release{all}}));
    EXPECT_TRUE(unknown(choose_runs(history.state, history.version, ReadMode::kAtCut, first)));
    EXPECT_EQ(history.boxes(ReadMode::kAtCut, second).size(), 1U);
}

TEST(ChooseRuns, AnswersAtACutFromBeforeAPartitionCame) {
    TestHistory history;
    const TableId table = history.add_table_at("t", at({10}));
    const VersionId version = history.add_view(table, "v");
    const auto publish_at = [&](const Positions& end) {
        ASSERT_OK(history.apply({history.seal(table, end)}));
        history.archive_to(table, end);
        ASSERT_OK(history.apply({manifest::ChooseCut{table, end}}));
        ASSERT_OK(history.apply({history.publish(table)}));
    };
    publish_at(at({15}));
    history.add_partition(table, 100);
    publish_at(at({16, 103}));
    ASSERT_OK(history.apply({history.seal(table, at({17, 103}))}));
    history.add_partition(table, 0);
    const auto boxes = [&](ReadMode mode, uint64_t cut) {
        std::vector<Box> found;
        const auto runs = choose_runs(history.state, version, mode, cut);
        EXPECT_OK(runs);
        if (!runs) return found;
        for (const manifest::Run* run : *runs) found.push_back(run->box);
        return found;
    };
    const auto& cuts = history.state.table(table)->cuts;
    EXPECT_EQ(boxes(ReadMode::kAtCut, cuts.at(0).number), (std::vector<Box>{box({10}, {15})}));
    EXPECT_EQ(boxes(ReadMode::kAtCut, cuts.at(1).number),
              (std::vector<Box>{box({10, 100}, {16, 103})}));
    EXPECT_EQ(boxes(ReadMode::kFinal, 0).size(), 1U);
    EXPECT_EQ(boxes(ReadMode::kLive, 0).size(), 2U);
}

TEST(ChooseRuns, HasNoAnswerAtACutBeforeTheView) {
    OneView history;
    history.fill();
    history.seal_to({3, 1});
    const uint64_t cut = history.publish_all();
    const VersionId late = history.add_view(history.table, "late");
    const auto run = test_run(history.new_run(), late, RunKind::kBatch, box({0, 0}, {3, 1}));
    ASSERT_OK(history.apply({manifest::Backfill{run}}));
    EXPECT_OK(choose_runs(history.state, late, ReadMode::kLive, 0));
    EXPECT_TRUE(not_ready()(choose_runs(history.state, late, ReadMode::kFinal, 0)));
    EXPECT_TRUE(not_ready()(choose_runs(history.state, late, ReadMode::kAtCut, cut)));
}

TEST(ChooseRuns, NeverServesWhatDoesNotTile) {
    OneView good;
    good.fill();
    for (int64_t to = 1; to <= 3; ++to) good.seal_to({to, 2 * to});
    const auto refused = [&](auto break_it) {
        manifest::State state = good.state;
        state.runs[good.version].edit(break_it);
        return IsError(ErrorCode::kInternal)(choose_runs(state, good.version, ReadMode::kLive, 0));
    };
    using Items = manifest::SharedList<manifest::Run>::Items;
    EXPECT_TRUE(refused([](Items& runs) { runs.erase(runs.begin() + 1); }));  // a gap
    EXPECT_TRUE(refused([](Items& runs) { runs.pop_back(); }));               // too short
    EXPECT_TRUE(refused([](Items& runs) { runs.push_back(runs.back()); }));   // twice
    EXPECT_TRUE(refused([](Items& runs) { std::swap(runs[1], runs[2]); }));   // not in order
    EXPECT_TRUE(refused([](Items& runs) {                                     // an overlap
        manifest::Run run = *runs[2];
        run.box.intervals[0].from.value -= 1;
        runs[2] = std::make_shared<const manifest::Run>(run);
    }));
    good.publish_all();
    manifest::State state = good.state;
    state.tables[good.table].cuts.back().cut = at({2, 4});
    EXPECT_ERROR(choose_runs(state, good.version, ReadMode::kFinal, 0), ErrorCode::kInternal);
}

TickPtr tick(Box of) {
    auto made = std::make_shared<Tick>();
    made->box = std::move(of);
    return made;
}

/// The boxes that are added to a tiling that ends at {5, 3}; nothing, and no change, if it is
/// refused.
std::optional<std::vector<Box>> added(const std::vector<Box>& boxes, const Positions& new_end) {
    Tiling tiling{.base = {}, .ticks = {tick(box({0, 0}, {5, 3}))}, .end = at({5, 3})};
    std::vector<TickPtr> ticks;
    for (const Box& each : boxes) ticks.push_back(tick(each));
    const bool taken = add_ticks(tiling, ticks);
    EXPECT_EQ(tiling.end, taken ? new_end : at({5, 3}));
    EXPECT_EQ(tiling.ticks.front()->box, box({0, 0}, {5, 3}));
    if (!taken) {
        EXPECT_EQ(tiling.ticks.size(), 1U);
        return std::nullopt;
    }
    std::vector<Box> found;
    for (size_t index = 1; index < tiling.ticks.size(); ++index) {
        found.push_back(tiling.ticks[index]->box);
    }
    return found;
}

TEST(AddTicks, ContinuesExactlyAtTheEnd) {
    const Box first = box({5, 3}, {7, 3});
    const Box second = box({7, 3}, {9, 9});
    EXPECT_EQ(added({}, at({5, 3})), std::vector<Box>{});
    EXPECT_EQ(added({first, second}, at({9, 9})), (std::vector<Box>{first, second}));
    const Box one_partition{{{{1}, {3}, {4}}}};
    EXPECT_EQ(added({one_partition, first}, at({7, 4})), (std::nullopt))
        << "the second one starts below what the first has reached";
    EXPECT_EQ(added({one_partition}, at({5, 4})), std::vector<Box>{one_partition});
}

TEST(AddTicks, SkipsWhatASealHasCovered) {
    const Box next = box({5, 3}, {6, 6});
    EXPECT_EQ(added({box({0, 0}, {5, 3}), next}, at({6, 6})), std::vector<Box>{next});
    EXPECT_EQ(added({box({0, 0}, {2, 2}), box({2, 2}, {5, 3}), next}, at({6, 6})),
              std::vector<Box>{next});
    EXPECT_EQ(added({box({1, 1}, {4, 3})}, at({5, 3})), std::vector<Box>{});
    EXPECT_EQ(added({box({5, 3}, {5, 3}), next}, at({6, 6})), std::vector<Box>{next});
}

TEST(AddTicks, RefusesGapsAndOverlaps) {
    EXPECT_EQ(added({box({6, 3}, {7, 4})}, {}), std::nullopt);  // a gap
    EXPECT_EQ(added({box({4, 3}, {7, 4})}, {}), std::nullopt);  // an overlap
    EXPECT_EQ(added({box({4, 2}, {6, 4})}, {}), std::nullopt);
    EXPECT_EQ(added({box({0, 3}, {5, 4})}, {}), std::nullopt);                       // below in one
    EXPECT_EQ(added({box({5, 3}, {6, 4}), box({7, 4}, {8, 8})}, {}), std::nullopt);  // a later gap
    EXPECT_EQ(added({box({5, 3}, {6, 4}), box({5, 3}, {7, 8})}, {}), std::nullopt);
}

/// Every way to cut one partition's offsets 0..6 into ticks, against every end: the ticks are taken
/// exactly if the end is a bound of them, or lies at or behind the last.
TEST(AddTicks, TakesExactlyWhatTiles) {
    constexpr int64_t kLast = 6;
    for (int bounds = 0; bounds < (1 << (kLast - 1)); ++bounds) {
        std::vector<int64_t> ends = {0};
        for (int64_t offset = 1; offset < kLast; ++offset) {
            if ((bounds >> (offset - 1)) & 1) ends.push_back(offset);
        }
        ends.push_back(kLast);
        std::vector<TickPtr> ticks;
        for (size_t index = 1; index < ends.size(); ++index) {
            ticks.push_back(tick(box({ends[index - 1]}, {ends[index]})));
        }
        for (int64_t end = 0; end <= kLast + 1; ++end) {
            Tiling tiling{.base = {}, .ticks = {}, .end = at({end})};
            const bool fits = end >= kLast || std::ranges::find(ends, end) != ends.end();
            ASSERT_EQ(add_ticks(tiling, ticks), fits) << bounds << ' ' << end;
            ASSERT_EQ(tiling.end, at({fits ? std::max(end, kLast) : end}));
        }
    }
}

TEST(Tick, GivesTheTablesOfAVersionAndTheOneOfAKey) {
    Tick tick;
    for (int shard = 0; shard < 4; ++shard) {
        tick.tables[{3}].push_back(
            std::make_shared<const operators::GroupTable>(std::vector<plan::Aggregate>()));
    }
    EXPECT_EQ(tick.tables_of({3}).size(), 4U);
    EXPECT_TRUE(tick.tables_of({4}).empty());
    EXPECT_EQ(tick.table_of({4}, "k"), nullptr);
    std::set<const operators::GroupTable*> seen;
    for (int key = 0; key < 100; ++key) {
        const std::string name = std::to_string(key);
        const operators::GroupTable* table = tick.table_of({3}, name);
        EXPECT_EQ(table, tick.tables[{3}][operators::GroupTable::shard_of(name, 4)].get());
        seen.insert(table);
    }
    EXPECT_EQ(seen.size(), 4U);
}

}  // namespace
}  // namespace braid::runs
