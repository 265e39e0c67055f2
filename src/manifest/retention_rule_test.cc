// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {
namespace {

constexpr int64_t kRetention = 6'400;  // a step is 100

/// Stream "t" with view "v" that keeps its groups for so long.
struct Retained : TestHistory {
    TableId table = add_table("t");
    VersionId v = add_retained("v", kRetention);

    VersionId add_retained(const std::string& name, int64_t retention_us) {
        const ViewId id = new_id();
        const VersionId version = {id.value + 1};
        catalog::MaterializedView view = test_view(id, version, table, name);
        view.retention_us = retention_us;
        CHECK(apply({CreateView{view}}).has_value());
        return version;
    }
    const TableState& of() const { return *state.table(table); }
    Offset end() const { return of().sealed_frontier.at[0]; }
    /// One more event, at a time, folded in a layer that began with the horizon there was.
    Seal next(std::optional<int64_t> clock_us) {
        Seal seal = this->seal(table, at({end().value + 1}));
        seal.clock_us = clock_us;
        const bool is_listed =
            !of().horizons.empty() && of().horizons.back().time_us == of().horizon_us;
        if (of().horizon_us && !is_listed) {
            seal.horizons = {{of().sealed_frontier, *of().horizon_us}};
        }
        return seal;
    }
    void seal_next(std::optional<int64_t> clock_us) { CHECK(apply({next(clock_us)}).has_value()); }
};

TEST(RetentionRule, TheHorizonFollowsTheClockInSteps) {
    Retained history;
    EXPECT_FALSE(history.of().horizon_us.has_value());
    history.seal_next(std::nullopt);
    EXPECT_FALSE(history.of().clock_us.has_value());
    history.seal_next(1'000);
    EXPECT_EQ(history.of().horizon_us, 1'000);
    history.seal_next(1'099);
    EXPECT_EQ(history.of().clock_us, 1'099);
    EXPECT_EQ(history.of().horizon_us, 1'000) << "one below a step";
    history.seal_next(1'100);
    EXPECT_EQ(history.of().horizon_us, 1'100);
    history.seal_next(5);
    EXPECT_EQ(history.of().clock_us, 1'100) << "a clock never goes back";
    EXPECT_EQ(history.of().horizons, (std::vector<Horizon>{{at({2}), 1'000}, {at({4}), 1'100}}));
    EXPECT_TRUE(history.of().thinned_below.at.empty());
}

TEST(RetentionRule, NothingMovesWhereEverythingIsKept) {
    TestHistory history;
    const TableId table = history.add_table("t");
    history.add_view(table, "v");
    Seal seal = history.seal(table, at({3}));
    seal.clock_us = 77;
    ASSERT_OK(history.apply({seal}));
    EXPECT_EQ(history.state.table(table)->clock_us, 77);
    EXPECT_FALSE(history.state.table(table)->horizon_us.has_value());
}

TEST(RetentionRule, AViewThatComesLaterBringsTheHorizonToTheClock) {
    Retained history;
    history.seal_next(1'000);
    history.seal_next(1'050);
    history.add_retained("w", 64);
    EXPECT_EQ(history.of().horizon_us, 1'050);
    history.seal_next(1'051);
    EXPECT_EQ(history.of().horizon_us, 1'051) << "the shortest retention makes the step";
}

TEST(RetentionRule, HistoryMovesTheClockToo) {
    Retained history;
    history.seal_next(1'000);
    const VersionId late = history.add_retained("late", kRetention);
    Backfill fill{test_run(history.new_run(), late, RunKind::kBatch, box({0}, {1}))};
    fill.clock_us = 9'000;
    ASSERT_OK(history.apply({fill}));
    EXPECT_EQ(history.of().clock_us, 9'000);
    EXPECT_EQ(history.of().horizon_us, 9'000);
    history.archive_to(history.table, at({1}));
    ASSERT_OK(history.apply({ChooseCut{history.table, at({1})}}));
    Publish publish = history.publish(history.table);
    publish.clock_us = 9'999;
    ASSERT_OK(history.apply({publish}));
    EXPECT_EQ(history.of().horizon_us, 9'999);
}

TEST(RetentionRule, HorizonsThatDoNotFollowAreRefused) {
    Retained history;
    history.seal_next(1'000);
    history.seal_next(1'500);
    ASSERT_EQ(history.of().horizons.size(), 1U);
    const auto with = [&](std::vector<Horizon> horizons) {
        Seal seal = history.seal(history.table, at({5}));
        seal.horizons = std::move(horizons);
        return history.apply({seal}).has_value();
    };
    EXPECT_FALSE(with({{at({1}), 1'500}})) << "below the box";
    EXPECT_FALSE(with({{at({6}), 1'500}})) << "beyond the box";
    EXPECT_FALSE(with({{at({2, 0}), 1'500}})) << "more partitions";
    EXPECT_FALSE(with({{at({2}), 1'501}})) << "newer than what was committed";
    EXPECT_FALSE(with({{at({2}), 1'000}})) << "not newer than what is listed";
    EXPECT_FALSE(with({{at({3}), 1'200}, {at({2}), 1'500}}));
    EXPECT_TRUE(with({{at({2}), 1'200}, {at({5}), 1'500}}));
}

TEST(RetentionRule, AnAccountWithExpiredEventsFitsItsBox) {
    Retained history;
    Seal seal = history.seal(history.table, at({3}));
    seal.runs[0].counted = 1;
    seal.runs[0].expired = 2;
    ASSERT_OK(history.apply({seal}));
    Seal more = history.seal(history.table, at({5}));
    more.runs[0].expired = 1;
    EXPECT_FALSE(history.apply({more}).has_value()) << "three events in a box of two";
}

TEST(RetentionRule, AsManyHorizonsAreListedAsMayBe) {
    Retained history;
    int64_t step = 0;
    const auto seal_until = [&](size_t horizons) {
        while (history.of().horizons.size() < horizons) history.seal_next(step++ * 100);
    };
    seal_until(127);
    history.seal_next(step++ * 100);
    EXPECT_EQ(history.of().horizons.size(), 128U);
    EXPECT_TRUE(history.of().thinned_below.at.empty());
    history.seal_next(step++ * 100);
    EXPECT_EQ(history.of().horizons.size(), 129U - 32U);
    EXPECT_FALSE(history.of().thinned_below.at.empty());
}

TEST(RetentionRule, OldHorizonsAreThinned) {
    Retained history;
    for (int64_t step = 0; step < 1'000; ++step) history.seal_next(step * 100);
    const TableState& of = history.of();
    EXPECT_LE(of.horizons.size(), 128U);
    EXPECT_GE(of.horizons.size(), 64U);
    EXPECT_EQ(of.horizon_us, 99'900);
    ASSERT_FALSE(of.thinned_below.at.empty());
    // The newest 64 steps, one retention, are there one by one.
    for (size_t index = of.horizons.size() - 63; index < of.horizons.size(); ++index) {
        EXPECT_EQ(of.horizons[index].time_us - of.horizons[index - 1].time_us, 100);
        EXPECT_TRUE(of.horizons[index].from.dominates(of.thinned_below));
    }
    EXPECT_EQ(of.horizons.front().time_us, 0) << "what began first still holds first";
}

TEST(RetentionRule, HorizonsGetPartitionsWithTheLog) {
    Retained history;
    for (int64_t step = 0; step < 200; ++step) history.seal_next(step * 100);
    history.add_partition(history.table, 40);
    for (const Horizon& each : history.of().horizons) EXPECT_EQ(each.from.at.at(1), Offset{40});
    EXPECT_EQ(history.of().thinned_below.at.at(1), Offset{40});
}

TEST(RetentionRule, IsWrittenAndReadAsItIs) {
    Retained history;
    for (int64_t step = 0; step < 200; ++step) history.seal_next(step * 100);
    const std::string text = to_text(history.state);
    ASSERT_OK_AND_ASSIGN(const VersionFile file, read_version(text, "x"));
    EXPECT_EQ(to_text(*file.state), text);
    const TableState& read = file.state->tables.at(history.table);
    EXPECT_EQ(read.horizons, history.of().horizons);
    EXPECT_EQ(read.thinned_below, history.of().thinned_below);
    EXPECT_EQ(read.clock_us, history.of().clock_us);
    EXPECT_EQ(read.horizon_us, history.of().horizon_us);
    EXPECT_EQ(file.state->catalog.find_view("v")->retention_us, kRetention);
}

}  // namespace
}  // namespace braid::manifest
