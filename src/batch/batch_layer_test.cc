// SPDX-License-Identifier: Apache-2.0
#include "batch/batch_layer.h"

#include <algorithm>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "dataset/segment.h"
#include "manifest/test_support.h"
#include "operators/decode/declared_decoder.h"
#include "operators/fold/fold_test_support.h"
#include "runs/test_support.h"

namespace braid::batch {
namespace {

using Records = std::vector<std::string>;
using Lines = std::vector<std::string>;

std::string event(const std::string& key, int64_t number) {
    return fmt::format(R"({{"k":"{}","n":{}}})", key, number);
}

/// A stream of one partition whose records lie in memory; what speed and archive do is done by
/// hand.
class BatchLayerTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        table_ = manifest::test_table(manifest_->new_id().value(), "t");
        table_.columns = operators::test_stream_columns();
        if (!retention_.empty()) table_.options["retention"] = retention_;
        ASSERT_OK(manifest_->commit({manifest::CreateTable{table_}}));
        view_ = manifest_->new_id().value();
        version_ = create_view(view_, "v");
        open_layer();
    }
    void open_layer() {
        BatchParts parts{&files_, &files_, &clock_,   manifest_.get(),
                         &views_, &runs_,  &metrics_, {}};
        parts.hooks.seal = [this](TableId) { return seal(); };
        parts.hooks.archive_to = [this](TableId, const Positions& end) {
            if (const auto meanwhile = std::exchange(while_archiving_, nullptr)) meanwhile();
            return archive(end.at[0]);
        };
        layer_ = std::make_unique<BatchLayer>(parts, options_, workers_);
        layer_->add_table(table_);
    }
    void TearDown() override { set_trace_sink({}); }

    VersionId create_view(ViewId id, const std::string& name, bool wants_backfill = false) {
        const VersionId version = manifest_->new_id().value();
        auto view = manifest::test_view(id, version, table_.id, name);
        view.versions.front().wants_backfill = wants_backfill;
        EXPECT_OK(manifest_->commit({manifest::CreateView{std::move(view)}}));
        return version;
    }
    manifest::StatePtr head() const { return manifest_->head(); }
    const manifest::TableState& state() const { return *head()->table(table_.id); }
    Records between(Offset from, Offset to) const {
        return {records_.begin() + from.value, records_.begin() + to.value};
    }

    /// Everything up to now as one box, with a run for each version. A speed layer that miscounts
    /// folds `wrong` instead.
    Result<void> seal() {
        const Offset from = state().sealed_frontier.at[0];
        const Offset to{static_cast<int64_t>(records_.size())};
        if (from == to) return {};
        manifest::Seal change{table_.id, manifest::box({from.value}, {to.value}), {}};
        if (!retention_.empty()) change.clock_us = clock_.wall_us();
        const operators::TestFold fold =
            operators::fold_records(wrong_.empty() ? between(from, to) : wrong_);
        const manifest::StatePtr now = head();
        for (const catalog::MaterializedView* view : now->catalog.views_of(table_.id)) {
            const RunId id = manifest_->new_run_id().value();
            const VersionId version = view->current;
            manifest::Run run =
                TRY(runs::write_table(files_, runs::run_path(table_.id, id), fold.table));
            run.id = id;
            run.version = version;
            run.box = change.box;
            run.counted = fold.account.counted;
            change.runs.push_back(std::move(run));
        }
        TRY(manifest_->commit({std::move(change)}));
        return {};
    }

    /// One segment up to `end`, or further: the archive does not know the cut.
    Result<void> archive(Offset end) {
        end.value =
            std::min<int64_t>(end.value + archive_ahead_, static_cast<int64_t>(records_.size()));
        const Offset from = state().archive_end.at[0];
        if (from >= end) return {};
        const dataset::SegmentSpec spec = dataset::SegmentSpec::of(table_);
        const std::string path =
            dataset::segment_path(spec.folder, "2026-11-22", spec.log, state().archive_end);
        const auto writer = TRY(dataset::SegmentWriter::create(files_, spec, path, {0}, from));
        const auto decoder = TRY(operators::make_decoder_of(table_));
        const Records records = between(from, end);
        const std::vector<std::string_view> raw(records.begin(), records.end());
        operators::RecordSlice slice;
        slice.offsets = Offsets(from);
        slice.records = raw;
        std::vector<bool> wanted(table_.columns.fields.size() + plan::kSystemColumnCount, false);
        std::fill_n(wanted.begin(), table_.columns.fields.size(), true);
        operators::DecodedSlice decoded;
        decoder->decode(slice, wanted, decoded);
        TRY(writer->add(decoded, raw, clock_.wall_us(), end));
        TRY(manifest_->commit({manifest::Archive{table_.id, {TRY(writer->move_in())}}}));
        return {};
    }

    Lines lines(const manifest::Run& run) { return runs::lines_of(files_, {&run, 1}).value(); }
    std::vector<manifest::Run> runs_of(VersionId version) const {
        const manifest::StatePtr state = head();
        return {state->runs_of(version).begin(), state->runs_of(version).end()};
    }
    static Lines expected(const Records& records) {
        return operators::lines_of(operators::fold_records(records).table);
    }
    bool exists(const manifest::Run& run) { return files_.exists(run.parts.front().file).value(); }

    MemoryFileSystem files_;
    SteppedClock clock_;
    SteppedWorkers workers_;
    Metrics metrics_;
    BatchOptions options_;
    operators::TestViews views_;
    runs::RunCache runs_{files_};
    std::unique_ptr<manifest::Manifest> manifest_;
    std::unique_ptr<BatchLayer> layer_;
    catalog::Table table_;
    ViewId view_;
    VersionId version_;
    Records records_;
    Records wrong_;
    std::string retention_;
    int64_t archive_ahead_ = 0;
    std::function<void()> while_archiving_;
};

TEST_F(BatchLayerTest, RefreshReplacesEverythingBelowTheCut) {
    records_ = {event("a", 1), event("b", 2)};
    ASSERT_OK(seal());
    records_.insert(records_.end(), {event("a", 3), "nonsense", event("a", -1)});
    ASSERT_OK(layer_->refresh(table_.id));
    const std::vector<manifest::Run> runs = runs_of(version_);
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].kind, manifest::RunKind::kBatch);
    EXPECT_EQ(runs[0].box, manifest::box({0}, {5}));
    EXPECT_EQ(lines(runs[0]), expected(records_));
    EXPECT_EQ(runs[0].counted, 3U);
    EXPECT_EQ(runs[0].filtered, 1U);
    EXPECT_EQ(runs[0].quarantined, 1U);
    EXPECT_EQ(state().cuts.back().cut, manifest::at({5}));
    EXPECT_FALSE(state().cut_in_flight.has_value());
    EXPECT_EQ(head()->retired.size(), 2U);
}

TEST_F(BatchLayerTest, CountsOnlyBelowACutThatLiesInsideASegment) {
    for (int64_t cut = 0; cut <= 6; ++cut) {
        for (int64_t number = 0; number < 3; ++number) records_.push_back(event("a", number));
        ASSERT_OK(seal());
        for (int64_t number = 7; number < 9; ++number) records_.push_back(event("b", number));
        ASSERT_OK(archive(Offset{static_cast<int64_t>(records_.size())}));
        const int64_t sealed = state().sealed_frontier.at[0].value;
        // No further seal: the archive is ahead of the cut.
        BatchParts parts{&files_, &files_, &clock_,   manifest_.get(),
                         &views_, &runs_,  &metrics_, {}};
        parts.hooks.seal = [](TableId) { return Result<void>(); };
        parts.hooks.archive_to = [](TableId, const Positions&) { return Result<void>(); };
        BatchLayer layer(parts, options_, workers_);
        layer.add_table(table_);
        ASSERT_OK(layer.refresh(table_.id));
        EXPECT_EQ(lines(runs_of(version_).front()), expected(between({0}, {sealed})));
    }
}

TEST_F(BatchLayerTest, PublishesAllViewsOfTheStreamTogether) {
    records_ = {event("a", 1)};
    ASSERT_OK(layer_->refresh(table_.id));
    const VersionId other = create_view(manifest_->new_id().value(), "other");
    records_.push_back(event("b", 2));
    ASSERT_OK(layer_->refresh(table_.id));
    for (const VersionId version : {version_, other}) {
        ASSERT_EQ(runs_of(version).size(), 1U);
        EXPECT_EQ(lines(runs_of(version)[0]), expected(records_));
    }
    EXPECT_EQ(state().cuts.back().runs.size(), 2U);
}

TEST_F(BatchLayerTest, ComputesTheSameWithinAnyMemory) {
    for (int64_t number = 0; number < 200; ++number) {
        records_.push_back(event(fmt::format("key {}", number % 17), number % 5));
        if (number % 40 != 39) continue;
        ASSERT_OK(archive(Offset{number + 1}));
    }
    BatchParts parts{&files_, &files_, &clock_, manifest_.get(), &views_, &runs_, &metrics_, {}};
    parts.hooks.seal = [this](TableId) { return seal(); };
    parts.hooks.archive_to = [](TableId, const Positions&) { return Result<void>(); };
    options_.memory_bytes_max = 1;
    for (const size_t threads : {1U, 3U}) {
        options_.threads = threads;
        BatchLayer thrifty(parts, options_, workers_);
        thrifty.add_table(table_);
        ASSERT_OK(thrifty.refresh(table_.id));
        EXPECT_EQ(lines(runs_of(version_)[0]), expected(records_));
        EXPECT_EQ(head()->audits.back().verdict, manifest::Verdict::kMatched);
    }
}

TEST_F(BatchLayerTest, SeveralThreadsComputeTheSameAndAuditIt) {
    for (int64_t number = 0; number < 300; ++number) {
        records_.push_back(event(fmt::format("key {}", number % 90), number % 7 - 1));
        if (number % 20 == 19) {
            ASSERT_OK(seal());
        }
        if (number % 25 == 24) {
            ASSERT_OK(archive(Offset{number + 1}));
        }
    }
    ASSERT_OK(layer_->refresh(table_.id));
    const Digest alone = runs_of(version_)[0].digest;
    BatchParts parts{&files_, &files_, &clock_, manifest_.get(), &views_, &runs_, &metrics_, {}};
    parts.hooks.seal = [this](TableId) { return seal(); };
    parts.hooks.archive_to = [](TableId, const Positions&) { return Result<void>(); };
    options_.threads = 4;
    BatchLayer layer(parts, options_, workers_);
    layer.add_table(table_);
    ASSERT_OK(layer.refresh(table_.id));
    EXPECT_EQ(runs_of(version_)[0].digest, alone);
    EXPECT_EQ(runs_of(version_)[0].counted + runs_of(version_)[0].filtered, records_.size());
    EXPECT_EQ(head()->audits.back().verdict, manifest::Verdict::kMatched);
}

/// Speed has counted `wrong` instead of what came in, and batch has found it out.
class MismatchTest : public BatchLayerTest {
  protected:
    void SetUp() override {
        BatchLayerTest::SetUp();
        records_ = {event("a", 1)};
        ASSERT_OK(layer_->backfill(version_));
        records_.insert(records_.end(), {event("b", 2), event("c", 3)});
        wrong_ = {event("a", 1), event("b", 2)};
        set_trace_sink([&](TraceLevel level, std::string_view, std::string_view message) {
            if (level == TraceLevel::kError) errors_.emplace_back(message);
        });
        const auto refused = layer_->refresh(table_.id);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().sqlstate(), "XB001");
        EXPECT_NE(refused.error().detail().find("k=c"), std::string::npos);
    }
    /// The layer of a process that was started later.
    void restart() {
        layer_.reset();
        ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
        BatchParts parts{&files_, &files_, &clock_,   manifest_.get(),
                         &views_, &runs_,  &metrics_, {}};
        parts.hooks.seal = [this](TableId) { return seal(); };
        parts.hooks.archive_to = [this](TableId, const Positions& end) {
            return archive(end.at[0]);
        };
        layer_ = std::make_unique<BatchLayer>(parts, options_, workers_);
        layer_->add_table(table_);
    }
    manifest::Verdict verdict() const { return head()->audits.back().verdict; }
    int64_t mismatches() {
        return metrics_.get("braid_audit_mismatches", Metrics::Kind::kGauge, "").get();
    }

    std::vector<std::string> errors_;
};

TEST_F(MismatchTest, KeepsTheOldAnswerAndShowsTheDifference) {
    EXPECT_EQ(lines(runs_of(version_).back()), expected(wrong_));
    EXPECT_TRUE(state().cuts.empty());
    EXPECT_TRUE(head()->retired.empty());
    const manifest::Audit& audit = head()->audits.back();
    EXPECT_EQ(audit.verdict, manifest::Verdict::kPending);
    EXPECT_NE(audit.difference.find("k=c"), std::string::npos) << audit.difference;
    ASSERT_EQ(errors_.size(), 1U);
    EXPECT_NE(errors_[0].find("\"v\""), std::string::npos);
    EXPECT_EQ(mismatches(), 1);
}

TEST_F(MismatchTest, RefusesToRefreshUntilItIsJudged) {
    const auto runs = head()->open_runs;
    EXPECT_EQ(layer_->refresh(table_.id).error().sqlstate(), "XB001");
    EXPECT_EQ(head()->audits.size(), 1U);
    EXPECT_EQ(head()->open_runs, runs) << "nothing was computed again";
}

TEST_F(MismatchTest, PublishesExactlyWhatWasAccepted) {
    ASSERT_TRUE(state().candidate.has_value());
    const RunId candidate = state().candidate->runs[0].id;
    records_.push_back(event("late", 9));
    restart();
    EXPECT_EQ(mismatches(), 1);
    EXPECT_EQ(layer_->judge(1, true).value(), 0U);
    EXPECT_EQ(runs_of(version_)[0].id, candidate);
    EXPECT_EQ(lines(runs_of(version_)[0]), expected(between({0}, {3})));
    EXPECT_EQ(verdict(), manifest::Verdict::kAccepted);
    EXPECT_EQ(mismatches(), 0);
    EXPECT_EQ(layer_->judge(1, true).value(), 0U) << "the same word again";
    EXPECT_ERROR(layer_->judge(1, false), ErrorCode::kInvalidInput);
    wrong_.clear();
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(lines(runs_of(version_)[0]), expected(records_));
}

TEST_F(MismatchTest, DropsWhatWasRejected) {
    const manifest::Run candidate = state().candidate->runs[0];
    restart();
    ASSERT_TRUE(exists(candidate));
    EXPECT_EQ(layer_->judge(1, false).value(), 0U);
    EXPECT_EQ(lines(runs_of(version_).back()), expected(wrong_));
    EXPECT_EQ(verdict(), manifest::Verdict::kRejected);
    EXPECT_EQ(mismatches(), 0);
    EXPECT_EQ(head()->retired.back().run.id, candidate.id);
    EXPECT_EQ(layer_->refresh(table_.id).error().sqlstate(), "XB001") << "it is as wrong as before";
    EXPECT_EQ(head()->audits.back().number, 2U);
}

TEST_F(MismatchTest, TheScheduleWaits) {
    layer_->remove_table(table_.id);
    table_.options["batch_interval"] = "10 minutes";
    layer_->add_table(table_);
    clock_.advance_us(600'000'000);
    workers_.run_until_idle();
    EXPECT_EQ(errors_.size(), 1U);
    EXPECT_EQ(head()->audits.size(), 1U);
    ASSERT_OK(layer_->judge(1, true));
    wrong_.clear();
    records_.push_back(event("d", 4));
    clock_.advance_us(600'000'000);
    workers_.run_until_idle();
    EXPECT_EQ(state().cuts.size(), 2U);
}

/// A stream that keeps its events for ten minutes.
class RetainedStreamTest : public BatchLayerTest {
  protected:
    RetainedStreamTest() { retention_ = "10 minutes"; }
    void SetUp() override {
        BatchLayerTest::SetUp();
        ASSERT_OK(layer_->backfill(version_));
    }
    /// A segment of these, so much later.
    void come(const Records& records, int64_t later_us = 600'000'001) {
        clock_.advance_us(later_us);
        records_.insert(records_.end(), records.begin(), records.end());
        ASSERT_OK(seal());
        ASSERT_OK(archive(Offset{static_cast<int64_t>(records_.size())}));
    }
    Lines all_lines() {
        const auto runs = runs_of(version_);
        return runs::lines_of(files_, runs).value();
    }
};

TEST_F(RetainedStreamTest, WhatIsOldBecomesABaseRun) {
    come({event("a", 1), event("b", 2)});
    come({event("b", 3)});
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(state().start, manifest::at({2}));
    EXPECT_EQ(state().removed_rows, 2U);
    const auto runs = runs_of(version_);
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(lines(runs[0]), expected(between({0}, {2})));
    EXPECT_EQ(lines(runs[1]), expected(between({2}, {3})));
    EXPECT_EQ(runs[0].counted, 2U);
    EXPECT_EQ(head()->audits.back().verdict, manifest::Verdict::kMatched);
    EXPECT_EQ(head()->audits.back().batch, head()->audits.back().speed);
    // What comes then is computed from there.
    come({event("c", 4)}, 1);
    ASSERT_OK(layer_->refresh(table_.id));
    ASSERT_EQ(runs_of(version_).size(), 2U);
    EXPECT_EQ(runs_of(version_)[0].id, runs[0].id);
    EXPECT_EQ(lines(runs_of(version_)[1]), expected(between({2}, {4})));
    EXPECT_EQ(all_lines(), expected(records_));
}

TEST_F(RetainedStreamTest, WhereTheAuditDiffersNothingGoesAndKeysAreNamed) {
    std::vector<std::string> errors;
    set_trace_sink([&](TraceLevel level, std::string_view, std::string_view message) {
        if (level == TraceLevel::kError) errors.emplace_back(message);
    });
    wrong_ = {event("a", 1), event("z", 2)};
    come({event("a", 1), event("b", 2)});
    wrong_.clear();
    come({event("c", 3)});
    const auto refused = layer_->refresh(table_.id);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().sqlstate(), "XB001");
    EXPECT_NE(refused.error().detail().find("k=b"), std::string::npos);
    EXPECT_EQ(errors.size(), 1U);
    EXPECT_EQ(state().start, manifest::at({0}));
    ASSERT_EQ(state().candidate->runs.size(), 1U);
    EXPECT_EQ(lines(state().candidate->runs[0]), expected(records_));
    const std::string folder = parent_directory(runs::run_path(table_.id, {1}));
    EXPECT_EQ(files_.list(folder)->size(), 3U) << "what was computed in two is gone";
    workers_.run_until_idle();
    EXPECT_EQ(head()->audits.size(), 1U) << "nothing is asked for while it waits";
    ASSERT_OK(layer_->judge(1, true));
    EXPECT_EQ(state().start, manifest::at({0}));
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(state().start, manifest::at({2}));
    EXPECT_EQ(all_lines(), expected(records_));
}

TEST_F(RetainedStreamTest, IsAskedForOnceAnEighthCanGo) {
    come({event("a", 1)});
    workers_.run_until_idle();
    come({event("b", 2)}, 600'000'000 + 75'000'000 - 1);
    layer_->look_for_retention(table_.id);
    workers_.run_until_idle();
    EXPECT_TRUE(state().cuts.empty()) << "one below";
    come({event("c", 3)}, 10'000'000);
    layer_->look_for_retention(table_.id);
    workers_.run_until_idle();
    ASSERT_EQ(state().cuts.size(), 1U);
    EXPECT_EQ(state().start, manifest::at({1}));
    layer_->look_for_retention(table_.id);
    workers_.run_until_idle();
    EXPECT_EQ(state().cuts.size(), 1U);
}

TEST_F(RetainedStreamTest, AnIncrementGoesOnAndTheStartStays) {
    come({event("a", 1)});
    ASSERT_OK(layer_->refresh(table_.id));
    layer_->remove_table(table_.id);
    table_.options["batch_interval"] = "10 minutes";
    layer_->add_table(table_);
    come({event("b", 2)}, 610'000'000);
    workers_.run_until_idle();
    ASSERT_EQ(state().cuts.size(), 2U);
    EXPECT_EQ(state().start, manifest::at({0})) << "less than an eighth more than ten minutes";
    ASSERT_EQ(runs_of(version_).size(), 2U);
    EXPECT_EQ(runs_of(version_)[1].increments, 1U);
}

TEST_F(RetainedStreamTest, AViewOfLaterIsFilledFromTheStart) {
    come({event("a", 1)});
    come({event("b", 2)});
    ASSERT_OK(layer_->refresh(table_.id));
    const VersionId late = create_view(manifest_->new_id().value(), "late");
    ASSERT_OK(layer_->backfill(late));
    ASSERT_EQ(runs_of(late).size(), 1U);
    EXPECT_EQ(runs_of(late)[0].box, manifest::box({1}, {2}));
    EXPECT_EQ(lines(runs_of(late)[0]), expected(between({1}, {2})));
    // One that comes while a batch goes on.
    come({event("c", 3)});
    VersionId meanwhile;
    while_archiving_ = [&] {
        meanwhile = create_view(manifest_->new_id().value(), "meanwhile");
        ASSERT_OK(layer_->backfill(meanwhile));
    };
    records_.push_back(event("d", 4));
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(state().start, manifest::at({2}));
    EXPECT_EQ(head()->begin_of(meanwhile), manifest::at({1}));
    EXPECT_EQ(runs_of(meanwhile).size(), 2U);
    EXPECT_EQ(runs_of(version_).size(), 3U);
    EXPECT_EQ(all_lines(), expected(records_));
}

TEST_F(BatchLayerTest, ADamagedAnswerIsReplacedOnceAPersonAgrees) {
    records_ = {event("a", 1)};
    ASSERT_OK(seal());
    ASSERT_OK(layer_->backfill(version_));
    ASSERT_OK(files_.flip_bit(runs_of(version_).back().parts.front().file, 40, 3));
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    const auto refused = layer_->refresh(table_.id);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().sqlstate(), "XB001");
    EXPECT_NE(refused.error().detail().find("is damaged"), std::string::npos)
        << refused.error().to_string();
    ASSERT_OK(layer_->judge(1, true));
    EXPECT_EQ(lines(runs_of(version_)[0]), expected(records_));
}

TEST_F(BatchLayerTest, BackfillCoversExactlyWhatIsMissing) {
    ASSERT_OK(layer_->backfill(version_));
    records_ = {event("a", 1), event("b", 2)};
    ASSERT_OK(seal());
    const VersionId late = create_view(manifest_->new_id().value(), "late");
    records_.push_back(event("a", 3));
    ASSERT_OK(seal());
    ASSERT_OK(layer_->backfill(late));
    const std::vector<manifest::Run> runs = runs_of(late);
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(runs[0].box, manifest::box({0}, {2}));
    EXPECT_EQ(lines(runs[0]), expected(between({0}, {2})));
    EXPECT_EQ(runs[1].box, manifest::box({2}, {3}));
    ASSERT_OK(layer_->backfill(late));
    EXPECT_EQ(runs_of(late).size(), 2U) << "it has its history already";
    EXPECT_ERROR(layer_->backfill({99}), ErrorCode::kNotFound);
}

TEST_F(BatchLayerTest, BackfillSeesWhatARefreshHasPublishedMeanwhile) {
    records_ = {event("a", 1), event("b", 2)};
    ASSERT_OK(seal());
    const VersionId late = create_view(manifest_->new_id().value(), "late", true);
    while_archiving_ = [this] { ASSERT_OK(layer_->refresh(table_.id)); };
    ASSERT_OK(layer_->backfill(late));
    ASSERT_EQ(runs_of(late).size(), 1U);
    EXPECT_EQ(lines(runs_of(late)[0]), expected(records_));
    EXPECT_FALSE(head()->catalog.view_of_version(late)->find(late)->wants_backfill);
    EXPECT_EQ(state().cuts.size(), 1U);
}

TEST_F(BatchLayerTest, BackfillOfAViewThatIsDroppedMeanwhileLeavesNothing) {
    records_ = {event("a", 1)};
    ASSERT_OK(seal());
    const ViewId view = manifest_->new_id().value();
    const VersionId late = create_view(view, "late", true);
    const std::string folder = fmt::format("runs/{}", table_.id.value);
    bool is_dropped = false;
    ASSERT_OK_AND_ASSIGN(const auto before, files_.list(folder));
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (is_dropped || !operation.path.starts_with("runs/")) return {};
        is_dropped = true;
        EXPECT_OK(manifest_->commit({manifest::DropView{view}}));
        return {};
    });
    EXPECT_ERROR(layer_->backfill(late), ErrorCode::kNotFound);
    EXPECT_TRUE(is_dropped);
    files_.clear_faults();
    EXPECT_EQ(files_.list(folder).value(), before);
}

/// Each step of a refresh or a back-fill fails once: the next one publishes, and no run file is
/// there that the manifest does not name.
TEST_F(BatchLayerTest, GoesOnAfterAnyStepHasFailedAndLeavesNothingBehind) {
    const std::string folder = fmt::format("runs/{}", table_.id.value);
    const auto run_files = [&] {
        std::set<std::string> found;
        const std::vector<std::string> names = files_.list(folder).value();
        for (const std::string& name : names) found.insert(folder + "/" + name);
        return found;
    };
    const auto named_files = [&] {
        std::set<std::string> named;
        const manifest::StatePtr now = head();
        for (const auto& [version, list] : now->runs) {
            for (const manifest::Run& run : list) named.merge(run.files());
        }
        for (const manifest::Retired& retired : now->retired) named.merge(retired.run.files());
        return named;
    };
    size_t failures = 0;
    bool is_over = false;
    for (uint64_t failing = 0; !is_over; ++failing) {
        SCOPED_TRACE(failing);
        records_.push_back(event("a", 1));
        ASSERT_OK(seal());
        ASSERT_OK(archive(state().sealed_frontier.at[0]));
        const ViewId view = manifest_->new_id().value();
        const VersionId late = create_view(view, "late", true);
        uint64_t step = 0;
        is_over = true;
        for (const bool is_refresh : {false, true}) {
            step = 0;
            files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
                const bool is_unknown = operation.kind == FileOperation::Kind::kSyncDirectory &&
                                        operation.path == "manifest";
                // Of which there are more each time.
                const bool is_event = operation.path.starts_with("dataset/");
                if (is_unknown || is_event || step++ != failing) return {};
                return exhausted("too many open files");
            });
            const auto done = is_refresh ? layer_->refresh(table_.id) : layer_->backfill(late);
            is_over = is_over && step <= failing;
            files_.clear_faults();
            EXPECT_EQ(run_files(), named_files());
            if (done) continue;
            ++failures;
            ASSERT_OK(is_refresh ? layer_->refresh(table_.id) : layer_->backfill(late));
            EXPECT_EQ(run_files(), named_files());
        }
        EXPECT_TRUE(files_.list("_tmp")->empty());
        ASSERT_EQ(runs_of(version_).size(), 1U);
        EXPECT_EQ(runs_of(version_).front().counted, failing + 1);
        EXPECT_EQ(runs_of(late).front().counted, failing + 1);
        ASSERT_OK(manifest_->commit({manifest::DropView{view}}));
    }
    EXPECT_GT(failures, 16U);
}

TEST_F(BatchLayerTest, ARefreshOfAStreamThatIsDroppedMeanwhileSaysSo) {
    records_ = {event("a", 1)};
    bool is_dropped = false;
    files_.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        const bool is_read = operation.kind == FileOperation::Kind::kRead;
        if (is_dropped || !is_read || !operation.path.starts_with("dataset/")) return {};
        is_dropped = true;
        EXPECT_OK(manifest_->commit({manifest::DropView{view_}, manifest::DropTable{table_.id}}));
        layer_->remove_table(table_.id);
        return {};
    });
    EXPECT_ERROR(layer_->refresh(table_.id), ErrorCode::kNotFound);
    EXPECT_TRUE(is_dropped);
    files_.clear_faults();
}

TEST_F(BatchLayerTest, BackfillGoesOnAfterARestartWhereItIsWanted) {
    records_ = {event("a", 1)};
    ASSERT_OK(seal());
    const VersionId wanted = create_view(manifest_->new_id().value(), "wanted", true);
    const VersionId unwanted = create_view(manifest_->new_id().value(), "unwanted", false);
    layer_.reset();
    ASSERT_OK_AND_ASSIGN(manifest_, manifest::Manifest::open(files_, clock_, "manifest"));
    open_layer();
    while (workers_.step("backfill 1")) {
    }
    ASSERT_EQ(runs_of(wanted).size(), 1U);
    EXPECT_EQ(lines(runs_of(wanted)[0]), expected(records_));
    EXPECT_TRUE(runs_of(unwanted).empty());
}

TEST_F(BatchLayerTest, PassesOnWhyItCouldNot) {
    EXPECT_ERROR(layer_->refresh({99}), ErrorCode::kNotFound);
    BatchParts parts{&files_, &files_, &clock_, manifest_.get(), &views_, &runs_, &metrics_, {}};
    parts.hooks.seal = [](TableId) { return Result<void>(); };
    parts.hooks.archive_to = [](TableId, const Positions&) -> Result<void> {
        return io_error("the disk is away");
    };
    BatchLayer layer(parts, options_, workers_);
    layer.add_table(table_);
    const auto refused = layer.refresh(table_.id);
    ASSERT_ERROR(refused, ErrorCode::kIo);
    EXPECT_NE(refused.error().to_string().find("archiving"), std::string::npos);
}

TEST_F(BatchLayerTest, ADamagedSegmentStopsTheRefreshAndTheNextOneStartsAfresh) {
    records_ = {event("a", 1)};
    ASSERT_OK(seal());
    ASSERT_OK(archive({1}));
    const std::string file = state().segments.begin()->file;
    ASSERT_OK(files_.flip_bit(file, 40, 3));
    const auto refused = layer_->refresh(table_.id);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().to_string().find(file), std::string::npos);
    EXPECT_TRUE(state().cut_in_flight.has_value());
    EXPECT_EQ(runs_of(version_).size(), 1U) << "nothing was replaced";
    ASSERT_OK(files_.flip_bit(file, 40, 3));
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(lines(runs_of(version_)[0]), expected(records_));
}

TEST_F(BatchLayerTest, RunsByItselfAtTheIntervalOfTheStream) {
    layer_->remove_table(table_.id);
    table_.options["batch_interval"] = "10 minutes";
    layer_->add_table(table_);
    records_ = {event("a", 1)};
    workers_.run_until_idle();
    EXPECT_TRUE(state().cuts.empty());
    clock_.advance_us(600'000'000);
    workers_.run_until_idle();
    ASSERT_EQ(state().cuts.size(), 1U);
    workers_.run_until_idle();
    EXPECT_EQ(state().cuts.size(), 1U);
}

TEST_F(BatchLayerTest, EndsWithTheLimitsOfWhoAskedForIt) {
    for (int number = 0; number < 5; ++number) records_.push_back(event("a", number));
    const auto cancel = std::make_shared<CancelToken>();
    const StatementLimits limits(cancel, clock_, INT64_MAX);
    cancel->cancelled = true;
    const IsError cancelled(ErrorCode::kCancelled, "57014");
    EXPECT_TRUE(cancelled(layer_->refresh(table_.id, limits)));
    EXPECT_TRUE(state().cuts.empty());
    const VersionId late = create_view(manifest_->new_id().value(), "late", true);
    EXPECT_TRUE(cancelled(layer_->backfill(late, limits)));
    EXPECT_TRUE(head()->runs_of(late).empty());
    EXPECT_EQ(files_.list(fmt::format("runs/{}", table_.id.value)).value().size(), 1U) << "sealed";

    const StatementLimits late_limits(nullptr, clock_, clock_.monotonic_us() + 1);
    clock_.advance_us(2);
    EXPECT_TRUE(IsError(ErrorCode::kTimeout, "57014")(layer_->refresh(table_.id, late_limits)));

    ASSERT_OK(layer_->backfill(late));
    ASSERT_OK(layer_->refresh(table_.id));
    EXPECT_EQ(lines(runs_of(version_).front()), expected(records_));
}

/// A stream of one view, whose schedule is due at each step.
class IncrementalBatchTest : public BatchLayerTest {
  protected:
    void SetUp() override {
        options_.interval_us = 1'000'000;
        options_.full_interval_us = 100'000'000;
        BatchLayerTest::SetUp();
    }
    /// One of the schedule, now.
    void run_batch() {
        clock_.advance_us(1'000'000);
        workers_.step(fmt::format("batch {}", table_.id.value));
    }
    void add(int count) {
        for (int more = 0; more < count; ++more) {
            const auto number = static_cast<int64_t>(records_.size());
            records_.push_back(event(fmt::format("k{}", number % 3), number));
        }
    }
    Lines answer() const {
        const auto runs = runs_of(version_);
        return runs::lines_of(const_cast<MemoryFileSystem&>(files_), runs).value();
    }
};

TEST_F(IncrementalBatchTest, ComputesWhatIsNew) {
    add(5);
    run_batch();
    ASSERT_EQ(runs_of(version_).size(), 1U);
    EXPECT_EQ(runs_of(version_)[0].increments, 0U);
    for (int batch = 1; batch <= 3; ++batch) {
        add(4);
        ASSERT_OK(seal());
        add(2);
        run_batch();
        const auto runs = runs_of(version_);
        ASSERT_EQ(runs.size(), 1U + static_cast<size_t>(batch));
        EXPECT_EQ(runs.back().kind, manifest::RunKind::kBatch);
        EXPECT_EQ(runs.back().increments, 1U);
        EXPECT_EQ(runs.back().box, manifest::box({6 * batch - 1}, {6 * batch + 5}));
        EXPECT_EQ(answer(), expected(records_));
        EXPECT_EQ(head()->audits.back().verdict, manifest::Verdict::kMatched);
        EXPECT_EQ(head()->audits.back().batch, runs.back().digest);
    }
    const ManifestNumber before = head()->number;
    run_batch();
    EXPECT_EQ(head()->number, before) << "nothing is new";
}

/// The archive does not know the cut: what lies before it in the same segment was answered.
TEST_F(IncrementalBatchTest, BeginsInTheMiddleOfASegment) {
    add(5);
    archive_ahead_ = 3;
    while_archiving_ = [this] { add(3); };
    run_batch();
    ASSERT_EQ(state().archive_end, manifest::at({8}));
    ASSERT_EQ(state().cuts.back().cut, manifest::at({5}));
    add(2);
    run_batch();
    ASSERT_EQ(runs_of(version_).size(), 2U);
    EXPECT_EQ(runs_of(version_)[1].box, manifest::box({5}, {10}));
    EXPECT_EQ(runs_of(version_)[1].kind, manifest::RunKind::kBatch) << "it was published";
    EXPECT_EQ(answer(), expected(records_));
    EXPECT_EQ(head()->audits.back().verdict, manifest::Verdict::kMatched);
}

TEST_F(IncrementalBatchTest, RecomputesEverythingNowAndThen) {
    for (int batch = 0; batch < 3; ++batch) {
        add(3);
        run_batch();
    }
    EXPECT_EQ(runs_of(version_).size(), 3U);
    clock_.advance_us(options_.full_interval_us);
    add(1);
    run_batch();
    ASSERT_EQ(runs_of(version_).size(), 1U);
    EXPECT_EQ(runs_of(version_)[0].increments, 0U);
    add(1);
    run_batch();
    EXPECT_EQ(runs_of(version_).size(), 2U);
    ASSERT_OK(layer_->refresh(table_.id));  // the proof, on demand
    EXPECT_EQ(runs_of(version_).size(), 1U);
    EXPECT_EQ(answer(), expected(records_));
}

TEST_F(IncrementalBatchTest, ReachesBackForAViewThatLacksItsHistory) {
    add(5);
    run_batch();
    add(3);
    ASSERT_OK(seal());
    const VersionId late = create_view(manifest_->new_id().value(), "late");
    add(3);
    run_batch();
    ASSERT_EQ(runs_of(version_).size(), 2U);
    ASSERT_EQ(runs_of(late).size(), 1U);
    EXPECT_EQ(runs_of(late)[0].increments, 0U);
    EXPECT_EQ(lines(runs_of(late)[0]), expected(records_));
    EXPECT_EQ(answer(), expected(records_));
}

/// What is wrong in a sealed run is found by the batch that would replace it, and waits; accepted,
/// it goes on from where batch had ended.
TEST_F(IncrementalBatchTest, ParksWhatDiffers) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    add(5);
    run_batch();
    add(4);
    wrong_ = {event("k0", 1), event("k0", 2), event("k0", 3), event("k0", 4)};
    ASSERT_OK(seal());
    wrong_.clear();
    run_batch();
    ASSERT_TRUE(state().candidate.has_value());
    EXPECT_EQ(state().candidate->runs[0].increments, 1U);
    const auto pending = head()->pending_audits(table_.id);
    ASSERT_EQ(pending.size(), 1U);
    ASSERT_OK(layer_->judge(pending[0], true));
    ASSERT_EQ(runs_of(version_).size(), 2U);
    EXPECT_EQ(answer(), expected(records_));
}

}  // namespace
}  // namespace braid::batch
