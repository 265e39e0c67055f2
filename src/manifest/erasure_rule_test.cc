// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

/// Stream "t" with views "a" and "b", archived and sealed to 9; batch has answered to 5.
struct Erasing : TestHistory {
    TableId table = add_table("t");
    VersionId a = add_view(table, "a");
    VersionId b = add_view(table, "b");

    Erasing() {
        CHECK(apply({seal(table, at({5}))}).has_value());
        archive_to(table, at({5}));
        CHECK(apply({ChooseCut{table, at({5})}}).has_value());
        CHECK(apply({publish(table)}).has_value());
        CHECK(apply({seal(table, at({9}))}).has_value());
        archive_to(table, at({9}));
    }
    const TableState& of() const { return *state.table(table); }
    Erase erase(uint64_t id, int64_t end = 9) const {
        return {table, {.id = id, .predicate_hash = "abc", .ends = at({end}), .rows = 2}};
    }
    /// The oldest segment, with so many tombstones.
    ReplaceSegments rewrite(uint64_t erased_rows) const {
        Segment written = of().segments[0];
        ReplaceSegments change{table, {written.file}, {}};
        written.file += ".again";
        written.erased_rows = erased_rows;
        change.added = {written};
        return change;
    }
    void choose(int64_t cut) { CHECK(apply({ChooseCut{table, at({cut})}}).has_value()); }
    Publish publish_at(uint64_t epoch) const {
        Publish change = publish(table);
        change.epoch = epoch;
        return change;
    }
};

void expect_conflict(Erasing& history, const Change& change) {
    const std::string before = to_text(history.state);
    const auto applied = history.apply({change});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code(), ErrorCode::kConflict) << applied.error().to_string();
    EXPECT_EQ(to_text(history.state), before);
}

TEST(ErasureRule, TakesEventsAwayWithTheirSegmentsInOneCommit) {
    Erasing history;
    ASSERT_OK(history.apply({history.erase(1), history.rewrite(2)}));
    EXPECT_EQ(history.of().erasure_epoch, 1U);
    ASSERT_EQ(history.of().erasures.size(), 1U);
    EXPECT_EQ(history.of().erasures[0].at_us, history.now_us);
    EXPECT_TRUE(history.of().has_unpublished_erasure());
    EXPECT_EQ(history.of().segments[0].erased_rows, 2U);
    EXPECT_EQ(history.of().retired_segments.size(), 1U);
    EXPECT_EQ(history.of().cuts.size(), 1U) << "views still answer as before";
}

/// What a version since then names is not destroyed, so it stays what is named.
TEST(ErasureRule, NothingElseIsReplacedUntilItIsDone) {
    Erasing history;
    ASSERT_OK(history.apply({history.erase(1), history.rewrite(2)}));
    expect_conflict(history, history.rewrite(2));
    history.choose(9);
    ASSERT_OK(history.apply({history.publish_at(1)}));
    expect_conflict(history, history.rewrite(2));
    ASSERT_OK(history.apply({history.erase(2), history.rewrite(3)}));
    history.choose(9);
    ASSERT_OK(history.apply({history.publish_at(2)}));
    ASSERT_OK(history.apply({Erased{history.table, {1, 2}}}));
    ASSERT_OK(history.apply({history.rewrite(3)}));
}

TEST(ErasureRule, FollowsTheOneBeforeAndReachesWhatIsArchivedAndSealed) {
    Erasing history;
    expect_conflict(history, history.erase(2));
    expect_conflict(history, history.erase(1, 10));
    ASSERT_OK(history.apply({history.erase(1)}));
    expect_conflict(history, history.erase(1));
    ASSERT_OK(history.apply({history.erase(2)}));
}

TEST(ErasureRule, RefusesWhatWasComputedBefore) {
    Erasing history;
    history.choose(9);
    const Publish stale = history.publish_at(0);
    ASSERT_OK(history.apply({history.erase(1)}));
    expect_conflict(history, stale);
    expect_conflict(history,
                    Park{history.table,
                         stale.cut,
                         stale.runs,
                         {{.table = history.table, .version = history.a, .cut = at({9})}}});
    // A batch that was given up, and one for the same cut after it.
    ASSERT_OK(history.apply({ChooseCut{history.table, std::nullopt}}));
    history.choose(9);
    expect_conflict(history, stale);
    Publish fresh = history.publish_at(1);
    ASSERT_OK(history.apply({fresh}));

    catalog::MaterializedView view =
        test_view(history.new_id(), {history.new_id().value + 1}, history.table, "late");
    const VersionId late = view.versions[0].id;
    ASSERT_OK(history.apply({CreateView{view}}));
    Backfill backfill{test_run(history.new_run(), late, RunKind::kBatch, box({0}, {9}))};
    expect_conflict(history, backfill);
    backfill.epoch = 1;
    ASSERT_OK(history.apply({backfill}));
}

TEST(ErasureRule, APublishOfEverythingTakesThemFromTheViews) {
    Erasing history;
    ASSERT_OK(history.apply({history.erase(1)}));
    history.choose(9);
    Publish part = history.publish_new(history.table);
    part.epoch = 1;
    expect_conflict(history, part);
    Publish one = history.publish_at(1);
    one.runs.pop_back();
    expect_conflict(history, one);
    expect_conflict(history, Park{history.table,
                                  at({9}),
                                  history.publish_at(1).runs,
                                  {{.table = history.table, .version = history.a, .cut = at({9})}},
                                  1});
    history.state.audits.push_back(
        {.number = 1, .table = history.table, .difference = "key \"x\""});
    ASSERT_OK(history.apply({history.publish_at(1)}));
    EXPECT_FALSE(history.of().has_unpublished_erasure());
    EXPECT_TRUE(history.of().has_pending_erasure());
    EXPECT_EQ(history.of().erasures[0].published_at_us, history.now_us);
    ASSERT_EQ(history.of().cuts.size(), 1U) << "the cut before is forgotten";
    EXPECT_EQ(history.of().cuts[0].cut, at({9}));
    EXPECT_EQ(history.of().readable_from, history.state.number);
    EXPECT_EQ(history.state.audits[0].difference, "erased");
}

TEST(ErasureRule, ACutBelowWhatWasErasedDoesNot) {
    Erasing history;
    history.choose(5);
    ASSERT_OK(history.apply({history.erase(1)}));
    expect_conflict(history, history.publish_at(1));
}

TEST(ErasureRule, IsDoneOnceViewsHaveFollowed) {
    Erasing history;
    ASSERT_OK(history.apply({history.erase(1)}));
    const auto early = history.apply({Erased{history.table, {1}}});
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code(), ErrorCode::kInternal);
    history.choose(9);
    ASSERT_OK(history.apply({history.publish_at(1)}));
    ASSERT_OK(history.apply({Erased{history.table, {1}}}));
    EXPECT_FALSE(history.of().has_pending_erasure());
    expect_conflict(history, Erased{history.table, {1}});
    expect_conflict(history, Erased{history.table, {7}});
}

TEST(ErasureRule, WaitsForAPersonsWord) {
    Erasing history;
    history.choose(9);
    ASSERT_OK(
        history.apply({Park{history.table,
                            at({9}),
                            history.publish_at(0).runs,
                            {{.table = history.table, .version = history.a, .cut = at({9})}}}}));
    expect_conflict(history, history.erase(1));
}

TEST(ErasureRule, RemembersTheNewestHundredThatAreDone) {
    Erasing history;
    for (uint64_t id = 1; id <= 102; ++id) {
        ASSERT_OK(history.apply({history.erase(id)}));
        history.choose(9);
        ASSERT_OK(history.apply({history.publish_at(id)}));
        ASSERT_OK(history.apply({Erased{history.table, {id}}}));
        EXPECT_EQ(history.of().erasures.size(), std::min<size_t>(id, 101)) << id;
    }
    EXPECT_EQ(history.of().erasures.back().id, 102U);
}

}  // namespace
}  // namespace braid::manifest
