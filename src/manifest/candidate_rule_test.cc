// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "manifest/test_support.h"

namespace braid::manifest {
namespace {

using Numbers = std::vector<uint64_t>;

/// Stream "t" with views "a" and "b", sealed and archived to 9; a batch has computed both to 7 and
/// differs from speed on the audits that are `pending` of the two.
struct Parked : TestHistory {
    TableId table = add_table("t");
    VersionId a = add_view(table, "a");
    VersionId b = add_view(table, "b");
    Park park;

    explicit Parked(bool a_differs = true, bool b_differs = true) {
        CHECK(apply({seal(table, at({7}))}).has_value());
        archive_to(table, at({7}));
        CHECK(apply({ChooseCut{table, at({7})}}).has_value());
        const Publish publish = this->publish(table);
        park = {table, publish.cut, publish.runs, {audit_of(a, a_differs), audit_of(b, b_differs)}};
        CHECK(apply({park}).has_value());
        CHECK(apply({seal(table, at({9}))}).has_value());
    }
    Audit audit_of(VersionId version, bool differs) const {
        return {.table = table,
                .version = version,
                .cut = at({7}),
                .verdict = differs ? Verdict::kPending : Verdict::kMatched};
    }
    const TableState& of() const { return *state.table(table); }
    Verdict verdict(uint64_t number) const { return state.audits[number - 1].verdict; }
    RunKind oldest_of(VersionId version) const { return state.runs_of(version)[0].kind; }
    ViewId view_of(VersionId version) const { return state.catalog.view_of_version(version)->id; }
};

TEST(CandidateRule, AParkedAnswerAnswersNothing) {
    const Parked history;
    EXPECT_EQ(history.oldest_of(history.a), RunKind::kSealed);
    EXPECT_EQ(history.state.runs_of(history.a).size(), 2U) << "sealing goes on";
    EXPECT_TRUE(history.of().cuts.empty());
    EXPECT_EQ(history.of().cut_in_flight, at({7}));
    EXPECT_EQ(history.state.pending_audits(history.table), (Numbers{1, 2}));
}

TEST(CandidateRule, TheLastAcceptedAuditPublishesExactlyIt) {
    Parked history;
    ASSERT_OK(history.apply({Judge{1, true}}));
    EXPECT_EQ(history.oldest_of(history.a), RunKind::kSealed) << "b still waits";
    ASSERT_OK(history.apply({Judge{2, true}}));
    for (size_t index = 0; index < 2; ++index) {
        const manifest::Run& run = history.park.runs[index];
        ASSERT_EQ(history.state.runs_of(run.version).size(), 2U);
        EXPECT_EQ(history.state.runs_of(run.version)[0].id, run.id);
    }
    ASSERT_EQ(history.of().cuts.size(), 1U);
    EXPECT_EQ(history.of().cuts[0].cut, at({7}));
    EXPECT_FALSE(history.of().candidate.has_value());
    EXPECT_FALSE(history.of().cut_in_flight.has_value());
    EXPECT_EQ(history.verdict(1), Verdict::kAccepted);
    EXPECT_EQ(history.verdict(2), Verdict::kAccepted);
    EXPECT_EQ(history.state.retired.size(), 2U);
}

TEST(CandidateRule, ARejectedAuditDropsTheCandidate) {
    Parked history(true, false);
    ASSERT_OK(history.apply({Judge{1, false}}));
    EXPECT_EQ(history.oldest_of(history.a), RunKind::kSealed);
    EXPECT_TRUE(history.of().cuts.empty());
    EXPECT_FALSE(history.of().candidate.has_value());
    EXPECT_FALSE(history.of().cut_in_flight.has_value());
    EXPECT_EQ(history.verdict(1), Verdict::kRejected);
    EXPECT_EQ(history.verdict(2), Verdict::kMatched);
    EXPECT_EQ(history.state.retired.size(), 2U) << "its files are released like others";
    ASSERT_OK(history.apply({ChooseCut{history.table, at({7})}}));
    ASSERT_OK(history.apply({history.publish(history.table)}));
}

TEST(CandidateRule, NothingPassesACandidate) {
    Parked history;
    EXPECT_ERROR(history.apply({ChooseCut{history.table, std::nullopt}}), ErrorCode::kConflict);
    EXPECT_ERROR(history.apply({ChooseCut{history.table, at({7})}}), ErrorCode::kConflict);
    Publish publish = history.publish(history.table);
    EXPECT_ERROR(history.apply({publish}), ErrorCode::kConflict);
    EXPECT_ERROR(
        history.apply(
            {Park{history.table, publish.cut, publish.runs, {history.audit_of(history.a, true)}}}),
        ErrorCode::kConflict);
}

TEST(CandidateRule, RefusesAWordOnWhatDoesNotWait) {
    Parked history(true, false);
    const auto state_of = [&](uint64_t audit) {
        return std::string(history.apply({Judge{audit, true}}).error().sqlstate());
    };
    EXPECT_EQ(state_of(99), "42704");
    EXPECT_EQ(state_of(2), "55000");
    ASSERT_OK(history.apply({Judge{1, false}}));
    EXPECT_EQ(state_of(1), "55000");
}

TEST(CandidateRule, ADroppedViewTakesItsPartAlong) {
    Parked history;
    ASSERT_OK(history.apply({Judge{2, true}}));
    ASSERT_OK(history.apply({DropView{history.view_of(history.a)}}));
    EXPECT_EQ(history.verdict(1), Verdict::kRejected);
    EXPECT_EQ(history.oldest_of(history.b), RunKind::kBatch) << "nothing else had to wait";

    Parked waiting;
    ASSERT_OK(waiting.apply({DropView{waiting.view_of(waiting.a)}}));
    EXPECT_EQ(waiting.state.pending_audits(waiting.table), (Numbers{2}));
    ASSERT_OK(waiting.apply({DropView{waiting.view_of(waiting.b)}}));
    EXPECT_FALSE(waiting.of().candidate.has_value());
    EXPECT_FALSE(waiting.of().cut_in_flight.has_value());
    ASSERT_OK(waiting.apply({DropTable{waiting.table}}));
}

TEST(CandidateRule, AViewThatIsMadeMeanwhileIsLeftAlone) {
    Parked history;
    const VersionId late = history.add_view(history.table, "late");
    ASSERT_OK(history.apply(
        {Backfill{test_run(history.new_run(), late, RunKind::kBatch, box({0}, {9}))}}));
    ASSERT_OK(history.apply({Judge{1, true}, Judge{2, true}}));
    EXPECT_EQ(history.state.runs_of(late).size(), 1U);
    EXPECT_EQ(history.state.runs_of(late)[0].box, box({0}, {9}));
}

TEST(CandidateRule, PendingAuditsOutliveTheThousandNewest) {
    Parked history;
    const TableId other = history.add_table("u");
    history.add_view(other, "c");
    ASSERT_OK(history.apply({ChooseCut{other, at({0})}}));
    Publish publish = history.publish(other);
    const Audit matched{.table = other, .verdict = Verdict::kMatched};
    publish.audits.assign(1'500, matched);
    ASSERT_OK(history.apply({publish}));
    EXPECT_EQ(history.state.audits.size(), 1'000U);
    EXPECT_EQ(history.state.pending_audits(history.table), (Numbers{1, 2}));
    ASSERT_OK(history.apply({Judge{1, true}, Judge{2, true}}));
}

TEST(CandidateRule, ACandidateWantsAPendingAudit) {
    TestHistory history;
    const TableId table = history.add_table("t");
    const VersionId view = history.add_view(table, "a");
    ASSERT_OK(history.apply({ChooseCut{table, at({0})}}));
    const Publish publish = history.publish(table);
    const Audit matched{.table = table, .version = view, .verdict = Verdict::kMatched};
    EXPECT_ERROR(history.apply({Park{table, publish.cut, publish.runs, {matched}}}),
                 ErrorCode::kInternal);
}

}  // namespace
}  // namespace braid::manifest
