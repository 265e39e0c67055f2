// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/rule_internal.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

constexpr auto kConflict = ErrorCode::kConflict;
constexpr auto kInternal = ErrorCode::kInternal;

/// Stream "t" of two partitions with view versions "a" and "b".
struct TwoViews : TestHistory {
    TableId table = add_table("t", 2);
    VersionId a = add_view(table, "a");
    VersionId b = add_view(table, "b");

    const TableState& of() const { return *state.table(table); }
    const catalog::ViewVersion& version(VersionId id) const {
        return *state.catalog.view_of_version(id)->find(id);
    }
    Result<void> seal_to(std::vector<int64_t> to) {
        return apply({seal(table, at(std::move(to)))});
    }
    Result<void> choose(std::vector<int64_t> cut) {
        return apply({ChooseCut{table, at(std::move(cut))}});
    }
    /// Everything sealed and archived up to `to`, batch has answered it.
    void publish_at(const std::vector<int64_t>& to) {
        ASSERT_OK(seal_to(to));
        archive_to(table, at(to));
        ASSERT_OK(choose(to));
        ASSERT_OK(apply({publish(table)}));
    }
};

/// The change is refused, and the state is what it was.
template <typename T>
void expect_refused(TestHistory& history, T change, ErrorCode code) {
    const std::string before = to_text(history.state);
    EXPECT_ERROR(history.apply({std::move(change)}), code);
    EXPECT_EQ(to_text(history.state), before);
}

TEST(SealRule, MovesTheFrontierForEveryVersion) {
    TwoViews history;
    ASSERT_OK(history.seal_to({3, 0}));
    ASSERT_OK(history.seal_to({3, 4}));
    EXPECT_EQ(history.of().sealed_frontier, at({3, 4}));
    for (const VersionId version : {history.a, history.b}) {
        ASSERT_EQ(history.state.runs_of(version).size(), 2U);
        EXPECT_EQ(history.state.runs_of(version)[1].box, box({3, 0}, {3, 4}));
    }
}

TEST(SealRule, CoversSomePartitionsOnly) {
    TwoViews history;
    Seal seal = history.seal(history.table, at({0, 4}));
    seal.box.intervals.erase(seal.box.intervals.begin());
    for (auto& run : seal.runs) run.box = seal.box;
    ASSERT_OK(history.apply({seal}));
    EXPECT_EQ(history.of().sealed_frontier, at({0, 4}));
}

TEST(SealRule, RefusesWhatDoesNotStartAtTheFrontier) {
    TwoViews history;
    const Seal first = history.seal(history.table, at({3, 1}));
    ASSERT_OK(history.apply({first}));
    expect_refused(history, first, kConflict);  // a zombie
    TwoViews ahead;
    ASSERT_OK(ahead.seal_to({5, 5}));
    expect_refused(history, ahead.seal(ahead.table, at({9, 9})), kConflict);  // a gap
    Seal mixed = history.seal(history.table, at({4, 4}));
    mixed.box.intervals[1].from = {0};
    for (auto& run : mixed.runs) run.box = mixed.box;
    expect_refused(history, mixed, kConflict);  // right in one partition, too old in the other
}

TEST(SealRule, RefusesMalformedBoxes) {
    TwoViews history;
    Seal seal = history.seal(history.table, at({4, 4}));
    std::swap(seal.box.intervals[0], seal.box.intervals[1]);
    expect_refused(history, seal, kInternal);
    seal.box.intervals = {{{0}, {0}, {2}}, {{0}, {2}, {4}}};
    expect_refused(history, seal, kInternal);
    seal.box.intervals = {{{2}, {0}, {2}}};
    expect_refused(history, seal, kInternal);
    seal.box.intervals = {{{0}, {0}, {-1}}};
    expect_refused(history, seal, kInternal);
}

TEST(SealRule, WantsOneRunForEachVersionOfThePredecessor) {
    TwoViews history;
    Seal seal = history.seal(history.table, at({3, 3}));
    Seal missing = seal;
    missing.runs.pop_back();
    expect_refused(history, missing, kConflict);
    Seal twice = seal;
    twice.runs[1].version = twice.runs[0].version;
    expect_refused(history, twice, kInternal);
    Seal foreign = seal;
    foreign.runs[1].version = {99};
    expect_refused(history, foreign, kConflict);
    history.add_view(history.table, "c");  // declared after the seal was folded
    expect_refused(history, seal, kConflict);
    ASSERT_OK(history.apply({history.seal(history.table, at({3, 3}))}));
}

TEST(SealRule, RefusesRunsThatAreNotWhatTheySay) {
    TwoViews history;
    const Seal seal = history.seal(history.table, at({3, 3}));
    Seal other = seal;
    other.runs[0].box = box({0, 0}, {3, 2});
    expect_refused(history, other, kConflict);
    other = seal;
    other.runs[0].kind = RunKind::kBatch;
    expect_refused(history, other, kInternal);
    other = seal;
    other.runs[0].quarantined += 1;  // more events than the box holds
    expect_refused(history, other, kInternal);
    other = seal;
    other.runs[0].rows = 1;
    expect_refused(history, other, kInternal);
    other = seal;
    other.runs[0].digest.low = 1;
    expect_refused(history, other, kInternal);
    other = seal;
    other.runs[0].id = other.runs[1].id;
    expect_refused(history, other, kConflict);
}

TEST(SealRule, RemembersNoRunOfAnEmptyBox) {
    TwoViews history;
    ASSERT_OK(history.seal_to({0, 0}));
    EXPECT_TRUE(history.state.runs_of(history.a).empty());
    Seal seal = history.seal(history.table, at({0, 0}));
    seal.runs[0].parts = {Part{.file = "x", .rows = 1}};
    seal.runs[0].rows = 1;
    expect_refused(history, seal, kInternal);
}

TEST(SealRule, CommitsTogetherWithADeclaration) {
    TwoViews history;
    const ViewId id = history.new_id();
    const VersionId version = {id.value + 1};
    const Seal seal = history.seal(history.table, at({3, 3}));
    const CreateView create{test_view(id, version, history.table, "c")};
    const std::string before = to_text(history.state);
    EXPECT_ERROR(history.apply({create, seal}), kConflict);  // the seal must then feed "c" too
    EXPECT_EQ(to_text(history.state), before);
    ASSERT_OK(history.apply({seal, create}));
    EXPECT_EQ(history.version(version).first_seal, at({3, 3}));
    EXPECT_TRUE(history.state.runs_of(version).empty());
}

TEST(BackfillRule, FillsExactlyWhatIsMissing) {
    TwoViews history;
    ASSERT_OK(history.seal_to({5, 2}));
    const VersionId late = history.add_view(history.table, "late");
    ASSERT_OK(history.seal_to({6, 6}));
    EXPECT_FALSE(history.version(late).is_populated);
    const auto backfill = [&](const Box& box) {
        return Backfill{test_run(history.new_run(), late, RunKind::kBatch, box)};
    };
    expect_refused(history, backfill(box({0, 0}, {6, 6})), kConflict);
    expect_refused(history, backfill(box({0, 0}, {5, 1})), kConflict);
    ASSERT_OK(history.apply({backfill(box({0, 0}, {5, 2}))}));
    EXPECT_TRUE(history.version(late).is_populated);
    EXPECT_EQ(history.state.runs_of(late).front().kind, RunKind::kBatch);
    EXPECT_EQ(history.state.runs_of(late).size(), 2U);
    expect_refused(history, backfill(box({0, 0}, {5, 2})), kConflict);  // twice
    expect_refused(history, Backfill{test_run(history.new_run(), {99}, RunKind::kBatch, {})},
                   ErrorCode::kNotFound);
}

TEST(BackfillRule, PopulatesAViewOfAnEmptyStream) {
    TwoViews history;
    EXPECT_FALSE(history.version(history.a).is_populated);
    ASSERT_OK(history.apply(
        {Backfill{test_run(history.new_run(), history.a, RunKind::kBatch, box({0, 0}, {0, 0}))}}));
    EXPECT_TRUE(history.version(history.a).is_populated);
    EXPECT_FALSE(history.version(history.b).is_populated);
}

TEST(ArchiveRule, AppendsInOrder) {
    TwoViews history;
    ASSERT_OK(
        history.apply({Archive{history.table, {test_segment(1, 0, 4), test_segment(0, 0, 2)}}}));
    const Segment of_both = test_segment(Box::between(at({3, 4}), at({9, 5})));
    ASSERT_OK(history.apply({Archive{history.table, {test_segment(0, 2, 3), of_both}}}));
    EXPECT_EQ(history.of().archive_end, at({9, 5}));
    std::string order;
    for (const Segment& segment : history.of().segments) order += segment.box.to_string() + "; ";
    EXPECT_EQ(order, "1:[0,4); 0:[0,2); 0:[2,3); 0:[3,9) 1:[4,5); ");
}

TEST(ArchiveRule, RefusesGapsOverlapsAndNonsense) {
    TwoViews history;
    history.archive_to(history.table, at({5, 0}));
    const auto archive = [&](Segment segment) { return Archive{history.table, {segment}}; };
    expect_refused(history, archive(test_segment(0, 6, 8)), kConflict);
    expect_refused(history, archive(test_segment(0, 4, 8)), kConflict);
    expect_refused(history, archive(test_segment(0, 0, 5)), kConflict);
    expect_refused(history, archive(test_segment(2, 0, 5)), kInternal);
    expect_refused(history, archive(test_segment(1, 0, 0)), kInternal);
    Segment crowded = test_segment(1, 0, 5);
    crowded.rows = 6;
    expect_refused(history, archive(crowded), kInternal);
    expect_refused(history, archive(test_segment(Box::between(at({5, 1}), at({6, 2})))), kConflict);
    expect_refused(history, archive(test_segment(Box::between(at({5, 0}), at({6, 0})))), kInternal);
    Archive half{history.table, {test_segment(1, 0, 5), test_segment(1, 6, 7)}};
    expect_refused(history, half, kConflict);
}

/// Segments a b c of days 22, 22 and 23, of which a and b may become one.
class ReplaceRule : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK(
            history_.apply({Archive{history_.table,
                                    {segment("a", {0, 0}, {3, 1}), segment("b", {3, 1}, {5, 1}),
                                     segment("c", {5, 1}, {7, 2})}}}));
    }
    static Segment segment(std::string file, std::vector<int64_t> from, std::vector<int64_t> to) {
        Box whole = box(std::move(from), std::move(to));
        std::erase_if(whole.intervals, [](const Interval& each) { return each.from == each.to; });
        Segment made = test_segment(std::move(whole));
        if (file == "c") made.ingest_day = "2026-11-23";
        made.file = std::move(file);
        return made;
    }
    ReplaceSegments replace(std::vector<std::string> removed, std::vector<Segment> added) const {
        return {history_.table, std::move(removed), std::move(added)};
    }
    std::string files() const {
        std::string names;
        for (const Segment& each : history_.of().segments) names += each.file;
        return names;
    }

    TwoViews history_;
};

TEST_F(ReplaceRule, PutsTheSameEventsInTheSamePlace) {
    const Segment joined = segment("ab", {0, 0}, {5, 1});
    ASSERT_OK(history_.apply({replace({"a", "b"}, {joined})}));
    EXPECT_EQ(files(), "abc");
    ASSERT_EQ(history_.of().segments.size(), 2U);
    EXPECT_EQ(history_.of().segments[0].box, joined.box);
    EXPECT_EQ(history_.of().archive_end, at({7, 2}));
    ASSERT_EQ(history_.of().retired_segments.size(), 2U);
    EXPECT_EQ(history_.of().retired_segments[1].file, "b");
    EXPECT_EQ(history_.of().retired_segments[1].at_us, history_.now_us);
    // As when one is written again, or cut in two.
    ASSERT_OK(history_.apply(
        {replace({"ab"}, {segment("d", {0, 0}, {4, 0}), segment("e", {4, 0}, {5, 1})})}));
    EXPECT_EQ(files(), "dec");
}

TEST_F(ReplaceRule, RefusesWhatIsNotThere) {
    const Segment joined = segment("ab", {0, 0}, {5, 1});
    expect_refused(history_, replace({}, {joined}), kConflict);
    expect_refused(history_, replace({"x"}, {joined}), kConflict);
    expect_refused(history_, replace({"b", "a"}, {joined}), kConflict);
    expect_refused(history_, replace({"a", "c"}, {segment("ac", {0, 0}, {7, 2})}), kConflict);
    expect_refused(history_, replace({"c", "a"}, {joined}), kConflict);
    ASSERT_OK(history_.apply({replace({"a", "b"}, {joined})}));
    expect_refused(history_, replace({"a", "b"}, {segment("other", {0, 0}, {5, 1})}), kConflict);
}

TEST_F(ReplaceRule, RefusesOtherEvents) {
    expect_refused(history_, replace({"a", "b"}, {segment("ab", {0, 0}, {4, 1})}), kInternal);
    expect_refused(history_, replace({"a", "b"}, {segment("ab", {0, 0}, {5, 0})}), kInternal);
    expect_refused(history_, replace({"a", "b"}, {}), kInternal);
    Segment joined = segment("ab", {0, 0}, {5, 1});
    --joined.rows;
    expect_refused(history_, replace({"a", "b"}, {joined}), kInternal);
    joined = segment("ab", {0, 0}, {5, 1});
    joined.ingest_day = "2026-11-23";
    expect_refused(history_, replace({"a", "b"}, {joined}), kInternal);
    expect_refused(history_, replace({"b", "c"}, {segment("bc", {3, 1}, {7, 2})}), kInternal);
    for (const char* known : {"a", "c"}) {
        joined = segment("ab", {0, 0}, {5, 1});
        joined.file = known;
        expect_refused(history_, replace({"a", "b"}, {joined}), kInternal);
    }
    ASSERT_OK(history_.apply({replace({"a", "b"}, {segment("ab", {0, 0}, {5, 1})})}));
    expect_refused(history_, replace({"ab"}, {segment("a", {0, 0}, {5, 1})}), kInternal);
}

TEST_F(ReplaceRule, ForgetsWhatWasReplaced) {
    expect_refused(history_, ReleaseSegments{history_.table, {"a"}}, kConflict);
    ASSERT_OK(history_.apply({replace({"a", "b"}, {segment("ab", {0, 0}, {5, 1})})}));
    expect_refused(history_, ReleaseSegments{history_.table, {"a", "c"}}, kConflict);
    ASSERT_OK(history_.apply({ReleaseSegments{history_.table, {"a"}}}));
    ASSERT_EQ(history_.of().retired_segments.size(), 1U);
    EXPECT_EQ(history_.of().retired_segments[0].file, "b");
}

TEST(CutRule, IsAReachedBoundOfEveryVersion) {
    TwoViews history;
    ASSERT_OK(history.seal_to({3, 3}));
    ASSERT_OK(history.seal_to({7, 5}));
    EXPECT_ERROR(history.choose({3, 3}), kConflict);  // not archived
    history.archive_to(history.table, at({10, 10}));
    EXPECT_ERROR(history.choose({8, 5}), kConflict);  // not sealed
    EXPECT_ERROR(history.choose({4, 3}), kConflict);  // inside a run
    EXPECT_ERROR(history.choose({7, 3}), kConflict);  // below in one partition, above in the other
    ASSERT_OK(history.choose({3, 3}));
    EXPECT_ERROR(history.choose({3, 3}), kConflict);  // one at a time
    ASSERT_OK(history.apply({ChooseCut{history.table, std::nullopt}}));
    EXPECT_ERROR(history.apply({ChooseCut{history.table, std::nullopt}}), kConflict);
    ASSERT_OK(history.choose({7, 5}));
    EXPECT_ERROR(history.apply({ChooseCut{history.table, at({7, 5, 0})}}), kInternal);
}

TEST(CutRule, NeverGoesBack) {
    TwoViews history;
    ASSERT_OK(history.seal_to({3, 3}));
    history.publish_at({7, 5});
    EXPECT_ERROR(history.choose({3, 3}), kConflict);
    EXPECT_ERROR(history.choose({0, 0}), kConflict);
    ASSERT_OK(history.choose({7, 5}));  // the same again: a check of batch
}

TEST(PublishRule, ReplacesExactlyTheRunsBelowTheCut) {
    TwoViews history;
    ASSERT_OK(history.seal_to({3, 3}));
    ASSERT_OK(history.seal_to({7, 5}));
    ASSERT_OK(history.seal_to({9, 9}));
    history.archive_to(history.table, at({7, 5}));
    ASSERT_OK(history.choose({7, 5}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    for (const VersionId version : {history.a, history.b}) {
        const auto& runs = history.state.runs_of(version);
        ASSERT_EQ(runs.size(), 2U);
        EXPECT_EQ(runs[0].kind, RunKind::kBatch);
        EXPECT_EQ(runs[0].box, box({0, 0}, {7, 5}));
        EXPECT_EQ(runs[1].box, box({7, 5}, {9, 9}));
        EXPECT_TRUE(history.version(version).is_populated);
    }
    EXPECT_EQ(history.state.retired.size(), 4U);
    EXPECT_FALSE(history.of().cut_in_flight.has_value());
    ASSERT_EQ(history.of().cuts.size(), 1U);
    EXPECT_EQ(history.of().cuts[0].number, 1U);
    EXPECT_EQ(history.of().cuts[0].cut, at({7, 5}));
    EXPECT_EQ(history.of().cuts[0].runs.size(), 2U);
    EXPECT_EQ(history.of().cuts[0].at_us, history.now_us);
}

TEST(PublishRule, GoesOnWhereBatchHasEnded) {
    TwoViews history;
    history.publish_at({3, 3});
    ASSERT_OK(history.seal_to({4, 4}));
    ASSERT_OK(history.seal_to({7, 5}));
    ASSERT_OK(history.seal_to({9, 9}));
    history.archive_to(history.table, at({9, 9}));
    EXPECT_EQ(history.state.batch_end(history.a), at({3, 3}));
    ASSERT_OK(history.choose({7, 5}));
    const Publish good = history.publish_new(history.table);
    Publish other = good;
    other.runs[0].increments = 2;
    expect_refused(history, other, kInternal);
    other.runs[0].increments = 0;
    expect_refused(history, other, kConflict);  // it says that it begins at the origin
    other = good;
    other.runs[0].box = box({3, 2}, {7, 5});
    expect_refused(history, other, kConflict);
    other = history.publish(history.table);
    other.runs[0].increments = 1;
    expect_refused(history, other, kConflict);
    const int64_t recomputed_at_us = history.of().recomputed_at_us;
    EXPECT_NE(recomputed_at_us, 0);
    history.now_us += 5;
    const auto retired = history.state.retired.size();
    ASSERT_OK(history.apply({good}));
    EXPECT_EQ(history.of().recomputed_at_us, recomputed_at_us);
    EXPECT_EQ(history.state.retired.size(), retired + 4) << "sealed runs, of both views";
    for (const VersionId version : {history.a, history.b}) {
        const auto& runs = history.state.runs_of(version);
        ASSERT_EQ(runs.size(), 3U);
        EXPECT_EQ(runs[0].box, box({0, 0}, {3, 3}));
        EXPECT_EQ(runs[1].box, box({3, 3}, {7, 5}));
        EXPECT_EQ(runs[1].increments, 1U);
        EXPECT_EQ(runs[2].kind, RunKind::kSealed);
        EXPECT_EQ(history.state.batch_end(version), at({7, 5}));
    }
    EXPECT_EQ(history.of().cuts[1].runs.size(), 4U);
    ASSERT_OK(history.choose({9, 9}));
    ASSERT_OK(history.apply({history.publish(history.table)}));  // the proof takes the place of all
    EXPECT_EQ(history.state.runs_of(history.a).size(), 1U);
    EXPECT_EQ(history.of().recomputed_at_us, history.now_us);
}

/// A version that is new has no batch run to go on from; one that was filled up to the cut has
/// nothing to add.
TEST(PublishRule, GoesOnForEachVersionFromItsOwn) {
    TwoViews history;
    history.publish_at({3, 3});
    ASSERT_OK(history.seal_to({5, 5}));
    const VersionId filled = history.add_view(history.table, "filled");
    ASSERT_OK(history.apply(
        {Backfill{test_run(history.new_run(), filled, RunKind::kBatch, box({0, 0}, {5, 5}))}}));
    const VersionId empty = history.add_view(history.table, "empty");
    history.archive_to(history.table, at({5, 5}));
    ASSERT_OK(history.choose({5, 5}));
    const Publish publish = history.publish_new(history.table);
    ASSERT_EQ(publish.runs.size(), 3U) << "all but the filled one";
    ASSERT_OK(history.apply({publish}));
    EXPECT_TRUE(history.version(empty).is_populated);
    EXPECT_EQ(history.state.runs_of(empty)[0].increments, 0U);
    EXPECT_EQ(history.state.runs_of(filled).size(), 1U);
    EXPECT_EQ(history.of().cuts[1].runs.size(), 2 * 2 + 1 + 1U);
}

TEST(PublishRule, RefusesStaleAndIncompleteAnswers) {
    TwoViews history;
    ASSERT_OK(history.seal_to({7, 5}));
    history.archive_to(history.table, at({9, 9}));
    ASSERT_OK(history.choose({7, 5}));
    const Publish good = history.publish(history.table);
    Publish other = good;
    other.cut = at({7, 4});
    expect_refused(history, other, kConflict);
    other = good;
    other.runs.pop_back();
    expect_refused(history, other, kConflict);
    other = good;
    other.runs[0].box = box({0, 0}, {7, 4});
    expect_refused(history, other, kConflict);
    other = good;
    other.audits = {Audit{.table = {99}, .verdict = Verdict::kMatched}};
    expect_refused(history, other, kInternal);
    other.audits = {Audit{.table = history.table, .verdict = Verdict::kPending}};
    expect_refused(history, other, kInternal);
    ASSERT_OK(history.apply({good}));
    expect_refused(history, good, kConflict);  // a second batch that was slower
    ASSERT_OK(history.seal_to({9, 9}));
    ASSERT_OK(history.choose({9, 9}));
    expect_refused(history, good, kConflict);  // and one that slept over a whole round
}

TEST(PublishRule, AnswersTheCutInFlightOnly) {
    TwoViews history;
    ASSERT_OK(history.seal_to({3, 3}));
    ASSERT_OK(history.seal_to({7, 5}));
    history.archive_to(history.table, at({9, 9}));
    ASSERT_OK(history.choose({3, 3}));
    const Publish older = history.publish(history.table);
    ASSERT_OK(history.apply(
        {ChooseCut{history.table, std::nullopt}, ChooseCut{history.table, at({7, 5})}}));
    expect_refused(history, older, kConflict);  // it tiles, but somebody else gave this cut up
    ASSERT_OK(history.apply({ChooseCut{history.table, std::nullopt}}));
    expect_refused(history, older, kConflict);
}

TEST(PublishRule, LeavesVersionsThatStartBehindTheCut) {
    TwoViews history;
    ASSERT_OK(history.seal_to({7, 5}));
    history.archive_to(history.table, at({9, 9}));
    ASSERT_OK(history.choose({7, 5}));
    ASSERT_OK(history.seal_to({9, 9}));
    const VersionId late = history.add_view(history.table, "late");
    ASSERT_OK(history.apply(
        {Backfill{test_run(history.new_run(), late, RunKind::kBatch, box({0, 0}, {9, 9}))}}));
    Publish everything = history.publish(history.table);
    everything.runs.push_back(
        test_run({history.state.next_run + 9}, late, RunKind::kBatch, box({0, 0}, {7, 5})));
    expect_refused(history, everything, kConflict);
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_EQ(history.state.runs_of(late).size(), 1U);
    EXPECT_EQ(history.of().cuts[0].runs.size(), 2U);
}

TEST(PublishRule, MayLeaveAVersionThatStartsAtTheCut) {
    TwoViews history;
    ASSERT_OK(history.seal_to({7, 5}));
    history.archive_to(history.table, at({7, 5}));
    ASSERT_OK(history.choose({7, 5}));
    const Publish before = history.publish(history.table);
    const VersionId late = history.add_view(history.table, "late");  // nothing came in between
    ASSERT_OK(history.apply({before}));
    EXPECT_FALSE(history.version(late).is_populated);
    EXPECT_EQ(history.of().cuts[0].runs.size(), 2U);
}

TEST(PublishRule, EndsABackfillThatIsWanted) {
    TwoViews history;
    ASSERT_OK(history.seal_to({7, 5}));
    auto view = test_view({90}, {91}, history.table, "late");
    view.versions.front().wants_backfill = true;
    ASSERT_OK(history.apply({CreateView{view}}));
    EXPECT_TRUE(history.version({91}).wants_backfill);
    history.archive_to(history.table, at({7, 5}));
    ASSERT_OK(history.choose({7, 5}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_TRUE(history.version({91}).is_populated);
    EXPECT_FALSE(history.version({91}).wants_backfill);
}

TEST(PublishRule, PopulatesAVersionWithoutData) {
    TwoViews history;
    ASSERT_OK(history.seal_to({7, 5}));
    const VersionId late = history.add_view(history.table, "late");
    ASSERT_OK(history.seal_to({8, 5}));
    history.archive_to(history.table, at({8, 5}));
    ASSERT_OK(history.choose({8, 5}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_TRUE(history.version(late).is_populated);
    EXPECT_EQ(history.state.runs_of(late).size(), 1U);
}

TEST(PublishRule, AnswersAnEmptyStream) {
    TwoViews history;
    ASSERT_OK(history.choose({0, 0}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_EQ(history.state.runs_of(history.a).size(), 1U);
    history.publish_at({4, 4});
    EXPECT_EQ(history.state.runs_of(history.a).size(), 1U);
    EXPECT_EQ(history.state.runs_of(history.a)[0].box, box({0, 0}, {4, 4}));
}

TEST(PublishRule, KeepsTheNewestThousandAudits) {
    TwoViews history;
    ASSERT_OK(history.choose({0, 0}));
    Publish publish = history.publish(history.table);
    const Audit matched{.table = history.table, .version = history.a, .verdict = Verdict::kMatched};
    publish.audits.assign(1'003, matched);
    ASSERT_OK(history.apply({publish}));
    ASSERT_EQ(history.state.audits.size(), 1'000U);
    EXPECT_EQ(history.state.audits.front().number, 4U);
    EXPECT_EQ(history.state.audits.back().number, 1'003U);
}

/// Compacts runs number `from` to `to` of version a.
Compact compaction(const TwoViews& history, size_t from, size_t to) {
    Compact change;
    Box joined;
    const auto& runs = history.state.runs_of(history.a);
    for (size_t index = from; index < to; ++index) {
        change.removed.push_back(runs[index].id);
        joined = *join(joined, runs[index].box);
    }
    change.added = test_run(history.new_run(), history.a, RunKind::kSealed, joined);
    return change;
}

/// Stream "t", of one partition that begins at 10 and sealed up to 15, gets another one that begins
/// at 100.
struct Grown : TestHistory {
    TableId table = add_table_at("t", at({10}));
    VersionId version = add_view(table, "v");
    Seal zombie = seal(table, at({13}));  // never committed in time

    Grown() {
        CHECK(apply({seal(table, at({15}))}).has_value());
        archive_to(table, at({15}));
    }
    void grow() { add_partition(table, 100); }
    const TableState& of() const { return *state.table(table); }
};

TEST(Growth, ASealFromBeforeIsCommittedBehindIt) {
    Grown history;
    const Seal before = history.seal(history.table, at({18}));
    history.grow();
    ASSERT_OK(history.apply({before}));
    EXPECT_EQ(history.of().sealed_frontier, at({18, 100}));
    expect_refused(history, history.zombie, kConflict);
    expect_refused(history, before, kConflict);
    ASSERT_OK(history.apply({history.seal(history.table, at({19, 103}))}));
    EXPECT_EQ(history.of().sealed_frontier, at({19, 103}));
    EXPECT_EQ(history.state.runs_of(history.version)[2].box, box({18, 100}, {19, 103}));
}

TEST(Growth, ASealStartsAtTheOriginOfANewPartition) {
    Grown history;
    Seal seal{.table = history.table, .box = box({15, 100}, {15, 104}), .runs = {}};
    seal.runs.push_back(test_run(history.new_run(), history.version, RunKind::kSealed, seal.box));
    expect_refused(history, seal, kInternal);  // of a partition that nobody has told of
    history.grow();
    ASSERT_OK(history.apply({seal}));
    for (const int64_t from : {0, 99, 101, 105}) {
        Seal gap{.table = history.table, .box = box({15, from}, {15, 106}), .runs = {}};
        gap.runs.push_back(test_run(history.new_run(), history.version, RunKind::kSealed, gap.box));
        expect_refused(history, gap, kConflict);
    }
    // A run of an interval that its seal does not have, and that begins nowhere.
    Seal more{.table = history.table, .box = box({15, 104}, {16, 104}), .runs = {}};
    more.runs.push_back(test_run(history.new_run(), history.version, RunKind::kSealed,
                                 box({15, 104, 7}, {16, 104, 7})));
    expect_refused(history, more, kConflict);
}

TEST(Growth, ABackfillFromBeforeIsWhole) {
    Grown history;
    const VersionId late = history.add_view(history.table, "late");
    const auto run = test_run(history.new_run(), late, RunKind::kBatch, box({10}, {15}));
    history.grow();
    ASSERT_OK(history.apply({Backfill{run}}));
    ASSERT_OK(history.apply({history.seal(history.table, at({16, 101}))}));
    const VersionId later = history.add_view(history.table, "later");
    expect_refused(history,
                   Backfill{test_run(history.new_run(), later, RunKind::kBatch, box({10}, {16}))},
                   kConflict);  // lacks an event
}

TEST(Growth, ACutFromBeforeLiesAtTheOrigins) {
    Grown history;
    history.grow();
    ASSERT_OK(history.apply({ChooseCut{history.table, at({15})}}));
    EXPECT_EQ(history.of().cut_in_flight, at({15, 100}));
    ASSERT_OK(history.apply({ChooseCut{history.table, std::nullopt}}));
    expect_refused(history, ChooseCut{history.table, at({15, 99})}, kConflict);
    expect_refused(history, ChooseCut{history.table, at({15, 100, 0})}, kInternal);
    ASSERT_OK(history.apply({history.seal(history.table, at({15, 103}))}));
    history.archive_to(history.table, at({15, 103}));
    ASSERT_OK(history.apply({ChooseCut{history.table, at({15})}}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    ASSERT_OK(history.apply({ChooseCut{history.table, at({15, 103})}}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    expect_refused(history, ChooseCut{history.table, at({15})}, kConflict);  // would go back
}

TEST(Growth, MayComeWhileABatchRuns) {
    for (const bool is_told : {false, true}) {
        Grown history;
        ASSERT_OK(history.apply({ChooseCut{history.table, at({15})}}));
        Publish publish = history.publish(history.table);
        history.grow();
        ASSERT_OK(history.apply({history.seal(history.table, at({16, 103}))}));
        if (is_told) {
            publish = history.publish(history.table);
            publish.runs[0].box = box({10}, {15});  // its work had begun
        }
        publish.runs[0].id = history.new_run();
        Publish wrong = publish;
        wrong.cut = at({15, 103});
        expect_refused(history, wrong, kConflict);
        ASSERT_OK(history.apply({publish}));
        EXPECT_EQ(history.of().cuts.back().cut, at({15, 100}));
        const auto& runs = history.state.runs_of(history.version);
        ASSERT_EQ(runs.size(), 2U);
        EXPECT_EQ(runs[0].box, box({10}, {15}));
        EXPECT_EQ(runs[1].box, box({15, 100}, {16, 103}));
    }
}

TEST(Growth, ACandidateFromBeforeIsPublishedBehindIt) {
    Grown history;
    ASSERT_OK(history.apply({ChooseCut{history.table, at({15})}}));
    const Publish publish = history.publish(history.table);
    const Audit pending{.table = history.table, .version = history.version, .cut = at({15})};
    const Park park{history.table, publish.cut, publish.runs, {pending}};
    Grown late = history;
    ASSERT_OK(history.apply({park}));
    history.grow();
    ASSERT_OK(history.apply({Judge{1, true}}));
    EXPECT_EQ(history.of().cuts.back().cut, at({15, 100}));
    late.grow();
    ASSERT_OK(late.apply({park}));
    ASSERT_OK(late.apply({Judge{1, true}}));
    EXPECT_EQ(late.of().cuts.back().cut, at({15, 100}));
}

TEST(Growth, RunsOfBothSidesAreJoined) {
    Grown history;
    history.grow();
    ASSERT_OK(history.apply({history.seal(history.table, at({16, 103}))}));
    std::vector<RunId> removed;
    for (const auto& run : history.state.runs_of(history.version)) removed.push_back(run.id);
    const auto added =
        test_run(history.new_run(), history.version, RunKind::kSealed, box({10, 100}, {16, 103}));
    ASSERT_OK(history.apply({Compact{removed, added}}));
    EXPECT_EQ(history.state.runs_of(history.version).size(), 1U);
}

TEST(CompactRule, JoinsNeighbours) {
    TwoViews history;
    for (int64_t to = 1; to <= 4; ++to) ASSERT_OK(history.seal_to({to, 2 * to}));
    const Compact stale = compaction(history, 0, 3);
    ASSERT_OK(history.apply({compaction(history, 1, 3)}));
    ASSERT_EQ(history.state.runs_of(history.a).size(), 3U);
    EXPECT_EQ(history.state.runs_of(history.a)[1].box, box({1, 2}, {3, 6}));
    EXPECT_EQ(history.state.runs_of(history.b).size(), 4U);
    EXPECT_EQ(history.state.retired.size(), 2U);
    expect_refused(history, stale, kConflict);
}

TEST(CompactRule, RefusesWhatIsNoNeighbourOrNoSum) {
    TwoViews history;
    for (int64_t to = 1; to <= 4; ++to) ASSERT_OK(history.seal_to({to, 2 * to}));
    const Compact good = compaction(history, 1, 3);
    Compact other = good;
    other.removed[1] = history.state.runs_of(history.a)[3].id;
    expect_refused(history, other, kConflict);
    other = good;
    std::swap(other.removed[0], other.removed[1]);
    expect_refused(history, other, kConflict);
    other = good;
    other.removed.pop_back();
    expect_refused(history, other, kInternal);
    other = good;
    other.added.counted -= 1;
    expect_refused(history, other, kInternal);
    other = good;
    other.added.box = box({1, 2}, {3, 5});
    expect_refused(history, other, kConflict);
    other = good;
    other.added.version = {99};
    expect_refused(history, other, ErrorCode::kNotFound);
    other = good;
    other.removed = {{77}, {78}};
    expect_refused(history, other, kConflict);
}

TEST(CompactRule, NeverCrossesACut) {
    TwoViews history;
    for (int64_t to = 1; to <= 4; ++to) ASSERT_OK(history.seal_to({to, to}));
    history.archive_to(history.table, at({4, 4}));
    ASSERT_OK(history.choose({2, 2}));
    expect_refused(history, compaction(history, 1, 3), kConflict);
    ASSERT_OK(history.apply({compaction(history, 0, 2)}));
    ASSERT_OK(history.apply({compaction(history, 1, 3)}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
    EXPECT_EQ(history.state.runs_of(history.a).size(), 2U);
    expect_refused(history, compaction(history, 0, 2), kConflict);  // a batch run stays as it is
}

TEST(CompactRule, NeverCrossesAPublishedCut) {
    TwoViews history;
    history.publish_at({2, 2});
    // A version that began before the cut and is not yet answered by batch cannot be; so a cut is
    // put between its runs by hand.
    ASSERT_OK(history.seal_to({3, 3}));
    ASSERT_OK(history.seal_to({4, 4}));
    history.state.tables[history.table].cuts.push_back(
        PublishedCut{.number = 9, .cut = at({3, 3})});
    expect_refused(history, compaction(history, 1, 3), kConflict);
}

/// Increments are joined once nobody may read at the cuts between them; the cuts that are kept name
/// what they became.
TEST(CompactRule, JoinsBatchRunsBetweenCuts) {
    TwoViews history;
    history.publish_at({1, 1});
    for (int64_t to = 2; to <= 4; ++to) {
        ASSERT_OK(history.seal_to({to, to}));
        history.archive_to(history.table, at({to, to}));
        ASSERT_OK(history.choose({to, to}));
        ASSERT_OK(history.apply({history.publish_new(history.table)}));
    }
    const auto joined = [&] {
        Compact change = compaction(history, 1, 4);
        change.added.kind = RunKind::kBatch;
        change.added.increments = 3;
        return change;
    };
    expect_refused(history, joined(), kConflict);            // cuts 2 and 3
    expect_refused(history, ForgetCuts{{2, 4}}, kConflict);  // 4 is the newest
    expect_refused(history, ForgetCuts{{7}}, kConflict);
    ASSERT_OK(history.apply({ForgetCuts{{2, 3}}}));
    Compact other = joined();
    other.added.increments = 2;
    expect_refused(history, other, kInternal);
    other = joined();
    other.added.kind = RunKind::kSealed;
    expect_refused(history, other, kConflict);
    const auto kept = history.of().cuts.back().runs;
    ASSERT_OK(history.apply({joined()}));
    ASSERT_EQ(history.state.runs_of(history.a).size(), 2U);
    EXPECT_EQ(history.state.runs_of(history.a)[1].increments, 3U);
    ASSERT_EQ(history.of().cuts.size(), 2U);
    const auto named = history.of().cuts.back().runs;
    ASSERT_EQ(named.size(), 8U - 3 + 1);
    EXPECT_EQ(named[1], history.state.runs_of(history.a)[1].id);
    std::vector<RunId> released;
    for (const Retired& each : history.state.retired) released.push_back(each.run.id);
    ASSERT_OK(history.apply({Release{released}}));
    EXPECT_EQ(history.of().cuts.back().runs, named) << "these are live";
    EXPECT_NE(kept, named);
}

/// Where one of a view's runs is gone, what is left of them answers nothing.
TEST(ReleaseRule, ForgetsAViewAtACutThatLacksARun) {
    TwoViews history;
    history.publish_at({1, 1});
    ASSERT_OK(history.seal_to({2, 2}));
    history.archive_to(history.table, at({2, 2}));
    ASSERT_OK(history.choose({2, 2}));
    ASSERT_OK(history.apply({history.publish_new(history.table)}));
    history.publish_at({3, 3});
    const RunId first = history.of().cuts[0].runs[0];
    ASSERT_EQ(history.of().cuts[1].runs.size(), 4U);
    ASSERT_OK(history.apply({Release{{first}}}));
    EXPECT_EQ(history.of().cuts[0].runs.size(), 1U);
    EXPECT_EQ(history.of().cuts[1].runs.size(), 2U);
}

TEST(ReleaseRule, ForgetsRetiredRunsAndTheirCuts) {
    TwoViews history;
    history.publish_at({2, 2});  // cut 1
    history.publish_at({4, 4});  // cut 2
    EXPECT_ERROR(history.apply({Release{{history.state.runs_of(history.a)[0].id}}}), kConflict);
    std::vector<RunId> sealed;
    std::vector<RunId> batch;
    for (const Retired& each : history.state.retired) {
        (each.run.kind == RunKind::kBatch ? batch : sealed).push_back(each.run.id);
    }
    ASSERT_EQ(batch.size(), 2U);
    ASSERT_OK(history.apply({Release{sealed}}));
    EXPECT_EQ(history.of().cuts.size(), 2U);
    ASSERT_OK(history.apply({Release{{batch[0]}}}));
    EXPECT_EQ(history.of().cuts.size(), 2U) << "the other view can still be read at cut 1";
    ASSERT_OK(history.apply({Release{{batch[1]}}}));
    ASSERT_EQ(history.of().cuts.size(), 1U);
    EXPECT_EQ(history.of().cuts[0].number, 2U);
    EXPECT_TRUE(history.state.retired.empty());
    expect_refused(history, Release{batch}, kConflict);
}

TEST(RunNumbers, AreUsedOnceInAnyOrder) {
    TwoViews history;
    Seal seal = history.seal(history.table, at({1, 1}));
    seal.runs[0].id = {10};
    seal.runs[1].id = {12};
    ASSERT_OK(history.apply({seal}));
    EXPECT_EQ(history.state.next_run, 13U);
    seal = history.seal(history.table, at({2, 2}));
    seal.runs[0].id = {11};  // handed out earlier, committed later
    seal.runs[1].id = {13};
    ASSERT_OK(history.apply({seal}));
    seal = history.seal(history.table, at({3, 3}));
    for (const uint64_t used : {10, 11, 12, 13}) {
        seal.runs[0].id = {used};
        seal.runs[1].id = {20};
        expect_refused(history, seal, kConflict);
    }
    seal.runs[0].id = {0};
    expect_refused(history, seal, kConflict);
    seal.runs[0].id = {1'000'000'000};
    expect_refused(history, seal, kInternal);
}

}  // namespace
}  // namespace braid::manifest
