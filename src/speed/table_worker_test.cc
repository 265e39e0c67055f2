// SPDX-License-Identifier: Apache-2.0
#include "speed/table_worker.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/test_support.h"
#include "base/trace.h"
#include "runs/snapshot.h"
#include "speed/stream_test_support.h"

namespace braid::speed {
namespace {

using Lines = std::vector<std::string>;

/// The clock stands: as good as for ever, but a pin that has to wait gives up soon.
constexpr int64_t kWaitUs = 1;

Lines lines_of(const runs::Tick& tick) {
    operators::GroupTable whole(operators::test_bound_view({}, {}).plan->aggregates);
    for (const auto& table : tick.tables.begin()->second) whole.merge(*table);
    return operators::lines_of(whole);
}

/// By one thread and by two.
class TableWorkerTest : public testing::TestWithParam<size_t> {
  protected:
    void SetUp() override {
        stream_.options.fold_threads = GetParam();
        stream_.open();
        worker_ = stream_.worker();
        ASSERT_OK(worker_->declare({stream_.new_view("v")}));
    }
    void append(uint32_t partition, const std::string& key, int64_t number) {
        stream_.append(partition, {TestStream::event(key, number)});
    }
    Lines answer(const std::string& view = "v") {
        const auto lines = stream_.answer(*worker_, view);
        EXPECT_OK(lines);
        return lines ? *lines : Lines();
    }
    /// Paths of all run files that there are, and of those that the manifest names.
    std::set<std::string> run_files() {
        std::set<std::string> files;
        const std::string directory = fmt::format("runs/{}", stream_.table.id.value);
        const auto names = stream_.files.list(directory);
        for (const std::string& name : names ? *names : std::vector<std::string>()) {
            files.insert(directory + "/" + name);
        }
        return files;
    }
    std::set<std::string> named_files() const {
        std::set<std::string> files;
        for (const manifest::Run& run : stream_.runs("v")) files.merge(run.files());
        return files;
    }
    TestStream stream_;
    std::unique_ptr<TableWorker> worker_;
};

/// On a log whose two partitions begin at 1,000 and at 7, and which gets a third.
class GrowingLogTest : public TableWorkerTest {
  protected:
    static constexpr int64_t kOrigin = 500;

    GrowingLogTest() { stream_.holes_seed = 3; }
    void grow() { stream_.add_partition(kOrigin); }
    Offset known_origin() const { return stream_.state().origin.of({2}); }
};

TEST_P(TableWorkerTest, AnswersWithWhatWasJustAppended) {
    append(0, "a", 1);
    append(1, "b", 2);
    append(1, "a", 1);
    EXPECT_EQ(answer(), (Lines{"a 2 2 1", "b 1 2 1"}));
}

TEST_P(TableWorkerTest, SealsEachEventOnce) {
    append(0, "a", 1);
    ASSERT_OK(worker_->seal());
    append(0, "a", 2);
    append(1, "b", 3);
    ASSERT_OK(worker_->seal());
    append(0, "a", 4);
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(answer(), (Lines{"a 3 7 3", "b 1 3 1"}));
    uint64_t counted = 0;
    for (const manifest::Run& run : stream_.runs("v")) counted += run.counted;
    EXPECT_EQ(counted, 4U);
    const size_t runs = stream_.runs("v").size();
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(stream_.runs("v").size(), runs) << "nothing new: nothing to seal";
}

TEST_P(TableWorkerTest, AccountsForEveryRecord) {
    stream_.append(0, {TestStream::event("a", 1), TestStream::event("a", -1), "nonsense",
                       R"({"k":"a","n":"many"})"});
    ASSERT_OK(worker_->seal());
    const std::vector<manifest::Run> runs = stream_.runs("v");
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].counted, 1U);
    EXPECT_EQ(runs[0].filtered, 1U);
    EXPECT_EQ(runs[0].quarantined, 2U);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
}

TEST_P(TableWorkerTest, FoldsAgainFromTheSealedFrontierAfterARestart) {
    append(0, "a", 1);
    ASSERT_OK(worker_->seal());
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    worker_ = stream_.worker();
    EXPECT_EQ(worker_->frontier(), manifest::at({1, 0}));
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

TEST_P(TableWorkerTest, DropsWhatItFoldedWhenItsSealIsRefused) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    const auto other = stream_.worker();  // the same stream, as after a pause that was too long
    ASSERT_OK(other->seal());
    EXPECT_ERROR(worker_->seal(), ErrorCode::kConflict);
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

/// Each step of a seal fails once, for want of something or altogether: all that was folded is
/// sealed by the next, each event once, no file is left over, and all is well again.
TEST_P(TableWorkerTest, SealsAgainAfterAnyStepHasFailedAndLeavesNothingBehind) {
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    Health health(stream_.clock, nullptr);
    SpeedParts parts = stream_.parts();
    parts.health = &health;
    ASSERT_OK_AND_ASSIGN(worker_,
                         TableWorker::open(parts, stream_.options, stream_.table, stream_.log));
    size_t failures = 0;
    bool is_over = false;
    for (uint64_t failing = 0; !is_over; ++failing) {
        SCOPED_TRACE(failing);
        append(0, "a", 1);
        EXPECT_EQ(answer(), Lines{fmt::format("a {0} {0} 1", failing + 1)});
        uint64_t step = 0;
        stream_.files.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
            const bool is_of_seal = operation.path.starts_with("runs") ||
                                    operation.path.starts_with("_tmp") ||
                                    operation.path.starts_with("manifest");
            const bool is_unknown = operation.kind == FileOperation::Kind::kSyncDirectory &&
                                    operation.path == "manifest";
            if (!is_of_seal || is_unknown || step++ != failing) return {};
            return exhausted("too many open files");
        });
        const auto sealed = worker_->seal();
        is_over = step <= failing;
        stream_.files.clear_faults();
        EXPECT_EQ(health.state() == HealthState::kWell, sealed.has_value());
        if (!sealed) {
            ++failures;
            EXPECT_EQ(run_files(), named_files()) << "nothing of it is left";
        }
        ASSERT_OK(worker_->seal());
        EXPECT_EQ(health.state(), HealthState::kWell);
        EXPECT_EQ(run_files(), named_files());
        EXPECT_TRUE(stream_.files.list("_tmp")->empty());
        EXPECT_EQ(answer(), Lines{fmt::format("a {0} {0} 1", failing + 1)});
    }
    EXPECT_GT(failures, 8U);
    set_trace_sink({});
}

TEST_P(TableWorkerTest, KeepsTheFileOfASealThatMayHaveHappened) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    stream_.files.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        // It has its name by then, and nobody can look whether it follows what was there.
        const bool is_manifest = operation.path.starts_with("manifest/");
        if (!is_manifest || operation.kind != FileOperation::Kind::kRead) return {};
        return io_error("the server is away");
    });
    for (int attempt = 0; attempt < 3; ++attempt) {
        EXPECT_ERROR(worker_->seal(), ErrorCode::kUnavailable);
        EXPECT_EQ(run_files().size(), 1U) << "that of the first, and no more";
    }
    stream_.files.clear_faults();
    append(0, "a", 2);
    // The first has happened: the next is refused by it and starts from there.
    EXPECT_ERROR(worker_->seal(), ErrorCode::kConflict);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    EXPECT_EQ(run_files(), named_files());
    EXPECT_EQ(run_files().size(), 2U);
}

TEST_P(TableWorkerTest, KeepsWhatItFoldedWhenASealCannotBeWritten) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    stream_.files.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.path.starts_with("runs/")) return io_error("the disk is away");
        return {};
    });
    EXPECT_ERROR(worker_->seal(), ErrorCode::kIo);
    stream_.files.clear_faults();
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

TEST_P(TableWorkerTest, ANewViewStartsAtTheSealedFrontier) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    append(0, "a", 2);  // acknowledged, but not folded yet
    append(1, "b", 3);
    ASSERT_OK(worker_->declare({stream_.new_view("late")}));
    EXPECT_EQ(stream_.first_seal("late"), manifest::at({1, 0}));
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({1, 0}));
    EXPECT_EQ(answer("late"), (Lines{"a 1 2 1", "b 1 3 1"}));
    EXPECT_EQ(answer("v"), (Lines{"a 2 3 2", "b 1 3 1"}));
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(answer("late"), (Lines{"a 1 2 1", "b 1 3 1"}));
}

TEST_P(TableWorkerTest, ADeclarationThatIsRefusedChangesNothing) {
    append(0, "a", 1);
    EXPECT_ERROR(worker_->declare({stream_.new_view("v")}), ErrorCode::kAlreadyExists);
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

TEST_P(TableWorkerTest, APinnedTickStaysAsItIs) {
    append(0, "a", 1);
    ASSERT_OK_AND_ASSIGN(const auto ticks, worker_->pin(stream_.log->durable_end(), kWaitUs));
    ASSERT_EQ(ticks.ticks.size(), 1U);
    EXPECT_EQ(ticks.end, stream_.log->durable_end());
    const runs::Tick& tick = *ticks.ticks[0];
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    EXPECT_EQ(lines_of(tick), Lines{"a 1 1 1"});
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(lines_of(tick), Lines{"a 1 1 1"});
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

TEST_P(TableWorkerTest, AnyNumberOfScansPinAndLayersMergeBackWhenTheyHaveEnded) {
    constexpr int64_t kScans = 20;
    std::vector<runs::PinnedTicks> pins;
    for (int64_t number = 1; number <= kScans; ++number) {
        append(0, "a", number);
        ASSERT_OK_AND_ASSIGN(auto ticks, worker_->pin(stream_.log->durable_end(), kWaitUs));
        const size_t layers =
            std::min<size_t>(static_cast<size_t>(number), stream_.options.layers_max + 1);
        EXPECT_EQ(ticks.ticks.size(), layers) << "the newest is a layer too, or a copy of one";
        pins.push_back(std::move(ticks));
    }
    for (int64_t number = 1; number <= kScans; ++number) {
        operators::GroupTable seen(operators::test_bound_view({}, {}).plan->aggregates);
        Positions end = manifest::at({0, 0});
        for (const runs::TickPtr& tick : pins[static_cast<size_t>(number) - 1].ticks) {
            for (const auto& table : tick->tables.begin()->second) seen.merge(*table);
            ASSERT_TRUE(extend(end, tick->box));
        }
        EXPECT_EQ(end, manifest::at({number, 0}));
        EXPECT_EQ(operators::lines_of(seen),
                  Lines{fmt::format("a {} {} {}", number, number * (number + 1) / 2, number)});
    }
    pins.clear();
    while (worker_->fold_step().progressed) {
    }
    ASSERT_OK_AND_ASSIGN(const auto ticks, worker_->pin(stream_.log->durable_end(), kWaitUs));
    EXPECT_EQ(ticks.ticks.size(), 1U);
    EXPECT_EQ(answer(), Lines{"a 20 210 20"});
}

TEST_P(TableWorkerTest, ALayerIsPinnedUntilItsLastScanHasEnded) {
    append(0, "a", 1);
    ASSERT_OK_AND_ASSIGN(auto first, worker_->pin(stream_.log->durable_end(), kWaitUs));
    ASSERT_OK_AND_ASSIGN(const auto second, worker_->pin(stream_.log->durable_end(), kWaitUs));
    first.ticks.clear();
    append(0, "a", 2);
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
    EXPECT_EQ(lines_of(*second.ticks[0]), Lines{"a 1 1 1"});
}

TEST_P(TableWorkerTest, ScansThatCopyShareOneCopyUntilTheStreamGoesOn) {
    stream_.options.layers_max = 0;
    worker_ = stream_.worker();
    append(0, "a", 1);
    ASSERT_OK_AND_ASSIGN(const auto first, worker_->pin(stream_.log->durable_end(), kWaitUs));
    ASSERT_OK_AND_ASSIGN(const auto second, worker_->pin(stream_.log->durable_end(), kWaitUs));
    EXPECT_EQ(first.ticks[0], second.ticks[0]);
    append(0, "a", 2);
    ASSERT_OK_AND_ASSIGN(const auto third, worker_->pin(stream_.log->durable_end(), kWaitUs));
    ASSERT_EQ(third.ticks.size(), 1U) << "a layer that was copied goes on";
    EXPECT_EQ(lines_of(*third.ticks[0]), Lines{"a 2 3 2"});
    EXPECT_EQ(lines_of(*first.ticks[0]), Lines{"a 1 1 1"});
}

TEST_P(TableWorkerTest, ALookSeesAllThatItAsksFor) {
    append(0, "a", 1);
    Lines seen;
    ASSERT_OK(worker_->look(stream_.log->durable_end(), kWaitUs,
                            [&](const std::vector<runs::TickPtr>& ticks) -> Result<void> {
                                seen = lines_of(*ticks.at(0));
                                return {};
                            }));
    EXPECT_EQ(seen, Lines{"a 1 1 1"});
}

TEST_P(TableWorkerTest, RefusesALogThatEndsBelowWhatWasSealed) {
    append(0, "a", 1);
    ASSERT_OK(worker_->seal());
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<log::PartitionedLog> empty,
                         log::open_embedded_log(stream_.files, stream_.clock, "log/other",
                                                stream_.table.log, 2, {}, nullptr));
    const auto refused = TableWorker::open(stream_.parts(), stream_.options, stream_.table, empty);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find("sealed"), std::string::npos);
}

TEST_P(TableWorkerTest, RefusesALogThatEndsBelowWhatWasArchived) {
    append(0, "a", 1);
    // As if its newest extent were gone: the dataset holds more than the log ever gave.
    ASSERT_OK(stream_.manifest->commit(
        {manifest::Archive{stream_.table.id, {manifest::test_segment(0, 0, 3)}}}));
    const auto refused =
        TableWorker::open(stream_.parts(), stream_.options, stream_.table, stream_.log);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find("archived"), std::string::npos);
}

/// A log that has lost its beginning, and says so or is only found out.
class TrimmedLog final : public log::PartitionedLog {
  public:
    explicit TrimmedLog(log::PartitionedLog& whole, Positions start = Positions::zero(2),
                        std::function<void()> when_asked = {})
        : whole_(whole), start_(std::move(start)), when_asked_(std::move(when_asked)) {}
    const LogId& id() const override { return whole_.id(); }
    uint32_t partition_count() const override { return whole_.partition_count(); }
    Result<log::AppendOutcome> append(PartitionId partition,
                                      const log::AppendRequest& request) override {
        return whole_.append(partition, request);
    }
    Positions origin() const override { return whole_.origin(); }
    Positions start() const override {
        if (when_asked_) when_asked_();
        return start_;
    }
    Positions durable_end() const override { return whole_.durable_end(); }
    Result<log::RecordBatch> read(const Interval& range, size_t) override {
        return not_found("offset {} is no longer in the log", range.from.value);
    }
    std::vector<log::SourcePosition> source_positions(PartitionId partition) const override {
        return whole_.source_positions(partition);
    }
    Result<void> trim(PartitionId, Offset) override { return {}; }
    Result<Positions> roll() override { return durable_end(); }
    void on_durable(std::function<void()> listener) override {
        whole_.on_durable(std::move(listener));
    }

  private:
    log::PartitionedLog& whole_;
    const Positions start_;
    const std::function<void()> when_asked_;
};

TEST_P(TableWorkerTest, RefusesALogThatWasTrimmedBeyondWhatIsArchived) {
    append(0, "a", 1);
    append(0, "a", 2);
    append(0, "a", 3);
    ASSERT_OK(worker_->seal());
    ASSERT_OK(stream_.manifest->commit(
        {manifest::Archive{stream_.table.id, {manifest::test_segment(0, 0, 2)}}}));
    const auto open = [&](int64_t start) {
        return TableWorker::open(
            stream_.parts(), stream_.options, stream_.table,
            std::make_shared<TrimmedLog>(*stream_.log, manifest::at({start, 0})));
    };
    EXPECT_OK(open(2));
    const auto refused = open(3);
    ASSERT_ERROR(refused, ErrorCode::kCorrupt);
    EXPECT_NE(refused.error().message().find("begins at 0:3"), std::string::npos);
}

TEST_P(TableWorkerTest, ALogThatIsArchivedAndTrimmedMeanwhileIsNotTooShort) {
    append(0, "a", 1);
    append(0, "a", 2);
    append(0, "a", 3);
    ASSERT_OK(worker_->seal());
    size_t asked = 0;
    const auto archive_and_trim = [&] {
        if (++asked > 1) return;
        ASSERT_OK(stream_.manifest->commit(
            {manifest::Archive{stream_.table.id, {manifest::test_segment(0, 0, 3)}}}));
    };
    EXPECT_OK(TableWorker::open(
        stream_.parts(), stream_.options, stream_.table,
        std::make_shared<TrimmedLog>(*stream_.log, manifest::at({3, 0}), archive_and_trim)));
    EXPECT_EQ(asked, 1U);
}

TEST_P(TableWorkerTest, ReadsFromTheDatasetWhatTheLogHasLost) {
    append(0, "a", 1);
    append(0, "a", 2);
    SpeedParts parts = stream_.parts();
    parts.refill = [&](TableId, const Interval& range, size_t records_max) {
        return stream_.log->read(range, records_max);
    };
    ASSERT_OK_AND_ASSIGN(worker_, TableWorker::open(parts, stream_.options, stream_.table,
                                                    std::make_shared<TrimmedLog>(*stream_.log)));
    EXPECT_EQ(answer(), Lines{"a 2 3 2"});
}

/// As the dataset gives the positions that a segment ends with: as a batch of no records.
TEST_P(GrowingLogTest, FoldsWhatLiesBehindAHoleThatComesAlone) {
    constexpr int64_t kEvents = 200;
    for (int64_t number = 1; number <= kEvents; ++number) append(0, "a", number);
    SpeedParts parts = stream_.parts();
    size_t holes = 0;
    parts.refill = [&](TableId, const Interval& range, size_t) -> Result<log::RecordBatch> {
        log::RecordBatch batch = TRY(stream_.log->read(range, 1));
        if (batch.offsets[0] == range.from) return batch;
        ++holes;
        log::RecordBatch hole;
        hole.partition = range.partition;
        hole.next = batch.offsets[0];
        return hole;
    };
    ASSERT_OK_AND_ASSIGN(worker_, TableWorker::open(parts, stream_.options, stream_.table,
                                                    std::make_shared<TrimmedLog>(*stream_.log)));
    EXPECT_EQ(answer(),
              Lines{fmt::format("a {} {} {}", kEvents, kEvents * (kEvents + 1) / 2, kEvents)});
    EXPECT_GT(holes, 5U);
}

TEST_P(TableWorkerTest, StopsAndSaysSoWhenNobodyHasTheNextOffset) {
    append(0, "a", 1);
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    ASSERT_OK_AND_ASSIGN(worker_, TableWorker::open(stream_.parts(), stream_.options, stream_.table,
                                                    std::make_shared<TrimmedLog>(*stream_.log)));
    EXPECT_FALSE(worker_->fold_step().progressed);
    set_trace_sink({});
    ASSERT_TRUE(worker_->failure().has_value());
    EXPECT_ERROR(worker_->pin(stream_.log->durable_end(), kWaitUs), ErrorCode::kNotFound);
    EXPECT_ERROR(worker_->seal(), ErrorCode::kNotFound);
    EXPECT_EQ(stream_.state().sealed_frontier, manifest::at({0, 0}));
}

TEST_P(GrowingLogTest, ANewPartitionIsFoldedFromItsOrigin) {
    append(0, "a", 1);
    append(1, "b", 2);
    EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1"}));
    grow();
    EXPECT_EQ(stream_.state().origin.partition_count(), 2U) << "nobody has looked";
    EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1"})) << "it has no events yet";
    EXPECT_EQ(known_origin(), Offset{kOrigin});
    append(2, "a", 5);
    append(0, "c", 3);
    const Lines all = {"a 2 6 2", "b 1 2 1", "c 1 3 1"};
    EXPECT_EQ(answer(), all);
    ASSERT_OK(worker_->seal());
    EXPECT_EQ(stream_.state().sealed_frontier, stream_.log->durable_end());
    EXPECT_EQ(answer(), all);
    worker_.reset();
    worker_ = stream_.worker();
    EXPECT_EQ(answer(), all);
}

TEST_P(GrowingLogTest, APartitionThatCameWhileNobodyFoldedIsFoundAtTheStart) {
    append(0, "a", 1);
    ASSERT_OK(worker_->seal());
    worker_.reset();
    grow();
    append(2, "b", 2);
    worker_ = stream_.worker();
    EXPECT_EQ(known_origin(), Offset{kOrigin});
    EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1"}));
}

TEST_P(GrowingLogTest, ASealOfWhatWasFoldedBeforeIsAccepted) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    bool is_done = false;
    // While the run is written the log grows, and folding goes on.
    stream_.files.set_fault_hook([&](const FileOperation& operation) -> Result<void> {
        if (is_done || !operation.path.starts_with("runs/")) return {};
        is_done = true;
        grow();
        append(2, "a", 5);
        while (worker_->fold_step().progressed) {
        }
        return {};
    });
    ASSERT_OK(worker_->seal_folded());
    stream_.files.clear_faults();
    ASSERT_TRUE(is_done);
    ASSERT_EQ(stream_.runs("v").size(), 1U);
    EXPECT_EQ(stream_.runs("v")[0].box.find({2}), nullptr);
    EXPECT_EQ(stream_.state().sealed_frontier.of({2}), Offset{kOrigin});
    EXPECT_EQ(answer(), Lines{"a 2 6 2"});
    ASSERT_OK(worker_->seal());
    ASSERT_EQ(stream_.runs("v").size(), 2U);
    EXPECT_EQ(stream_.runs("v")[1].box.find({2})->from, Offset{kOrigin});
    EXPECT_EQ(answer(), Lines{"a 2 6 2"});
}

TEST_P(GrowingLogTest, ASealFromBeforeThatComesTwiceIsRefused) {
    append(0, "a", 1);
    const auto second = stream_.worker();
    ASSERT_OK(second->pin(stream_.log->durable_end(), kWaitUs));
    grow();
    append(2, "b", 2);
    ASSERT_OK(worker_->seal());
    EXPECT_ERROR(second->seal_folded(), ErrorCode::kConflict);
    EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1"}));
    worker_ = nullptr;
    const auto lines = stream_.answer(*second, "v");
    ASSERT_OK(lines);
    EXPECT_EQ(*lines, (Lines{"a 1 1 1", "b 1 2 1"}));
}

TEST_P(GrowingLogTest, WhatWasPinnedBeforeStaysAsItIs) {
    append(0, "a", 1);
    ASSERT_OK_AND_ASSIGN(const auto before, worker_->pin(stream_.log->durable_end(), kWaitUs));
    const Positions end = before.end;
    const Box box = before.ticks.at(0)->box;
    grow();
    append(2, "a", 5);
    append(0, "a", 6);
    ASSERT_OK_AND_ASSIGN(const auto after, worker_->pin(stream_.log->durable_end(), kWaitUs));
    EXPECT_EQ(before.end, end);
    EXPECT_EQ(before.ticks[0]->box, box);
    EXPECT_EQ(box.intervals.size(), 2U);
    EXPECT_TRUE(after.end.dominates(end));
    EXPECT_EQ(after.end, stream_.log->durable_end());
    EXPECT_EQ(answer(), Lines{"a 3 12 3"});
    // A reader of the newest manifest version takes either.
    runs::Tiling tiling;
    tiling.end = stream_.first_seal("v");
    EXPECT_EQ(tiling.end.partition_count(), 3U);
    EXPECT_TRUE(runs::add_ticks(tiling, before.ticks));
    EXPECT_EQ(tiling.end.of({2}), Offset{kOrigin});
}

TEST_P(GrowingLogTest, ANewViewStartsBehindWhatIsSealedOfEachPartition) {
    append(0, "a", 1);
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    grow();
    append(2, "b", 2);
    ASSERT_OK(worker_->declare({stream_.new_view("late")}));  // nobody has folded b
    append(2, "c", 3);
    for (const bool is_sealed : {false, true}) {
        if (is_sealed) {
            ASSERT_OK(worker_->seal());
        }
        EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1", "c 1 3 1"}));
        EXPECT_EQ(answer("late"), (Lines{"b 1 2 1", "c 1 3 1"}));
    }
    EXPECT_EQ(stream_.first_seal("late").of({2}), Offset{kOrigin});
}

TEST_P(GrowingLogTest, WaitsUntilTheManifestKnowsThePartition) {
    append(0, "a", 1);
    Health health(stream_.clock, nullptr);
    SpeedParts parts = stream_.parts();
    parts.health = &health;
    ASSERT_OK_AND_ASSIGN(worker_,
                         TableWorker::open(parts, stream_.options, stream_.table, stream_.log));
    EXPECT_EQ(answer(), Lines{"a 1 1 1"});
    grow();
    append(2, "b", 2);
    set_trace_sink([](TraceLevel, std::string_view, std::string_view) {});
    stream_.files.fail_all_after(0);
    EXPECT_FALSE(worker_->fold_step().progressed);
    EXPECT_FALSE(worker_->pin(stream_.log->durable_end(), kWaitUs));
    EXPECT_EQ(health.state(), HealthState::kDegraded);
    EXPECT_EQ(worker_->failure(), std::nullopt);
    stream_.files.clear_faults();
    EXPECT_EQ(answer(), (Lines{"a 1 1 1", "b 1 2 1"}));
    EXPECT_EQ(health.state(), HealthState::kWell);
    set_trace_sink({});
}

TEST_P(GrowingLogTest, RefusesALogThatBeginsElsewhere) {
    worker_.reset();
    for (const Positions& origin :
         {manifest::at({1'000, 8}), manifest::at({1'000}), manifest::at({0, 7, 9})}) {
        const auto log = std::make_shared<log::MemoryLog>(stream_.clock, stream_.table.log, origin);
        const auto refused =
            TableWorker::open(stream_.parts(), stream_.options, stream_.table, log);
        ASSERT_ERROR(refused, ErrorCode::kCorrupt);
        EXPECT_NE(refused.error().message().find("has its origin at " + origin.to_string()),
                  std::string::npos)
            << refused.error().message();
    }
    EXPECT_EQ(stream_.state().origin, manifest::at({1'000, 7})) << "nothing was committed";
}

INSTANTIATE_TEST_SUITE_P(FoldThreads, TableWorkerTest, testing::Values(1, 2));
INSTANTIATE_TEST_SUITE_P(FoldThreads, GrowingLogTest, testing::Values(1, 2));

}  // namespace
}  // namespace braid::speed
