// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "base/worker.h"
#include "batch/run_merge.h"
#include "dataset/splits.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/health.h"
#include "model/progress.h"
#include "model/statement_limits.h"
#include "model/tasks.h"
#include "operators/fold/view_folder.h"
#include "runs/run_file.h"

namespace braid::batch {

struct BatchOptions {
    /// Recompute every so often; 0 = only on demand. A stream's option `batch_interval` overrides
    /// it.
    int64_t interval_us = 0;
    /// A batch of the schedule goes on where the one before has ended. One that computes everything
    /// again takes its place where the last of those is so long ago; 0 = always. A stream's option
    /// `batch_full_interval` overrides it.
    int64_t full_interval_us = 86'400'000'000;
    /// Beyond this the tables of a recomputation spill to sorted runs that are merged at the end.
    uint64_t memory_bytes_max = 4ULL << 30;
    /// Of each recomputation, for as long as it goes on.
    size_t threads = 1;
    uint64_t split_rows_max = 1'000'000;
};

/// What the batch layer may ask of the parts that it must not include.
struct BatchHooks {
    std::function<Result<void>(TableId)> seal;
    std::function<Result<void>(TableId, const Positions&)> archive_to;
    /// Of an erasure: PartitionedLog::roll; trims the log as far as may be, and gives where it then
    /// begins.
    std::function<Result<Positions>(TableId)> roll = {};
    std::function<Result<Positions>(TableId)> trim = {};
    /// Removes the files of replaced segments, or of replaced runs as well, whoever reads them.
    std::function<Result<void>(TableId)> destroy_segments = {};
    std::function<Result<void>(TableId)> destroy = {};
};

/// Which events of a stream are to be erased: those for which it is true.
struct ErasePredicate {
    plan::ExprPtr expr;  // over the declared columns, then plan::system_columns()
    operators::EvaluationContext context;
};

struct BatchParts {
    Store* store = nullptr;
    Store* local = nullptr;  // spills
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    operators::BoundViews* views = nullptr;
    runs::RunCache* runs = nullptr;
    Metrics* metrics = nullptr;
    Tasks* tasks = nullptr;  // may be null
    BatchHooks hooks;
    Health* health = nullptr;  // may be null
};

/// The batch layer: answers from the dataset alone and never reads speed state. Thread-safe.
class BatchLayer {
  public:
    BatchLayer(BatchParts parts, BatchOptions options, Workers& workers);
    ~BatchLayer();

    void add_table(const catalog::Table& table);
    void remove_table(TableId table);

    /// Returns when a version has its history: a run over [origin, first_seal) from the segments,
    /// or what a REFRESH has published meanwhile. NotFound when it is dropped first. A version that
    /// wants it and has nobody who waits is filled by a step of its stream.
    Result<void> backfill(VersionId version, const StatementLimits& limits = {});
    /// A version of the stream may want its history and have nobody who waits.
    void look_for_backfills(TableId table);
    /// Where at least an eighth of a stream's retention can leave its dataset everything is
    /// computed again, by its schedule's step, whatever the interval says.
    void look_for_retention(TableId table);
    /// How far the scan of a version's history has got; nothing when none runs.
    std::optional<Progress> backfill_progress(VersionId version) const;
    /// Seal, archive to that frontier, choose the cut, recompute all views of the stream from the
    /// origin in one scan, audit against the runs that are replaced, publish. Callers that come
    /// while one runs share the next one; the limits of one end its own waiting or work, never that
    /// of another. Where the audit differs nothing is published: XB001, and what was computed waits
    /// as a candidate, as do later refreshes and the schedule, until it is judged.
    Result<void> refresh(TableId table, const StatementLimits& limits = {});
    /// Erases events that were durable when this began: from the stream, its views, and all files.
    /// Returns when nothing is left of them, with how many there were. Where the predicate fails
    /// for one nothing is erased, and its error is given; nor where the limits end it before the
    /// events are gone from the stream. After that a step of the stream goes on with what is left
    /// to do, as it does after a restart. XB001 while a candidate waits.
    Result<uint64_t> erase(TableId table, const ErasePredicate& predicate,
                           const StatementLimits& limits = {});
    /// A person's word on a pending audit; the last one accepted publishes exactly the candidate,
    /// one rejected drops it. Gives how many audits of the candidate still wait. The same word
    /// twice is no error.
    Result<uint64_t> judge(uint64_t audit, bool is_accepted);

  private:
    /// What a batch computes: everything from the origin, or for each version what lies behind its
    /// batch runs.
    enum class Reach : uint8_t { kAll, kNew };
    /// Into which splits events are divided: what is computed twice is so in two ways.
    enum class Division : uint8_t { kUsual, kOther };
    struct Stream;
    struct Computed;
    struct Recomputed;
    struct Answer;
    struct Scan;
    struct ScanWatch;

    Result<std::shared_ptr<Stream>> find(TableId table) const;
    StepOutcome scheduled_step(Stream& stream);
    /// Where the dataset may begin once everything below the cut is computed again.
    static Positions start_behind(const manifest::State& state, TableId table, const Cut& cut,
                                  int64_t grace_us = 0);
    bool is_retention_due(const manifest::State& state, TableId table) const;
    bool is_recompute_due(const Stream& stream, const manifest::TableState& table) const;
    Result<void> run_in_turn(Stream& stream, Reach reach, const StatementLimits& limits);
    /// One at a time with batches and each other.
    Result<void> in_turn(Stream& stream, const StatementLimits& limits,
                         const std::function<Result<void>()>& work);
    Result<void> run_with_attempts(const Stream& stream, Reach reach,
                                   const StatementLimits& limits);
    StepOutcome backfill_step(Stream& stream);
    Result<void> fill_in_turn(Stream& stream, VersionId version, const StatementLimits& limits);
    Result<void> fill(const Stream& stream, VersionId version, const StatementLimits& limits,
                      ScanWatch& watch);
    Result<void> fill_once(const Stream& stream, VersionId version, const StatementLimits& limits,
                           ScanWatch& watch);
    Result<void> run_once(const Stream& stream, Reach reach, const StatementLimits& limits);
    /// What a cut is to be answered with, audited; the dataset is to begin at `start`.
    Result<Answer> answer(const Stream& stream, const manifest::StatePtr& state, const Cut& cut,
                          Reach reach, const Positions& start, ScanWatch& watch);
    Result<void> publish_or_park(Answer answer, const catalog::Table& table);
    Error ended(const Stream& stream) const;
    /// An error of work on segments that an erasure has replaced meanwhile is Conflict.
    Error overtaken_or(const Stream& stream, const manifest::State& state, Error error) const;

    // batch_erasure.cc
    struct Found;
    Result<void> seal_to(const Stream& stream, Cut& ends, const GoOn& go_on);
    Result<uint64_t> erase_from_stream(const Stream& stream, const ErasePredicate& predicate,
                                       const StatementLimits& limits);
    /// Conflict: segments are not what they were, or another erasure was faster.
    Result<uint64_t> erase_once(const Stream& stream, const ErasePredicate& predicate,
                                const Cut& ends, const GoOn& go_on);
    /// What is left to do for erasures that were committed.
    Result<void> finish_erasures(const Stream& stream, const StatementLimits& limits);
    Result<void> trim_to(const Stream& stream, const Cut& ends, const GoOn& go_on);
    /// Again, and not the same: Internal.
    Result<void> check_twice(const Stream& stream, const manifest::StatePtr& state,
                             const Recomputed& recomputed, const Cut& cut, ScanWatch& watch);
    Result<std::vector<Computed>> bind(const std::vector<VersionId>& versions) const;
    /// [its beginning, end) of each version, as of a manifest version; those that have all are left
    /// out, as are those that are gone. Of everything the part below `start` makes base runs.
    Result<Recomputed> recompute(const Stream& stream, manifest::StatePtr state,
                                 const std::vector<VersionId>& versions, Cut end, Reach reach,
                                 const Positions& start, ScanWatch& watch,
                                 Division division = Division::kUsual);
    Result<std::vector<Scan>> scans_of(const manifest::State& state, const catalog::Table& table,
                                       const std::vector<VersionId>& versions, const Cut& end,
                                       Reach reach, const Positions& start,
                                       Division division) const;
    Result<void> split(const manifest::TableState& table, Scan& scan, Division division) const;
    Result<manifest::Audit> audit(const manifest::State& state, const Computed& computed,
                                  const Cut& cut, const GoOn& go_on);

    const BatchParts parts_;
    const BatchOptions options_;
    Workers& workers_;
    mutable Mutex mutex_;
    std::map<TableId, std::shared_ptr<Stream>> streams_ GUARDED_BY(mutex_);
};

}  // namespace braid::batch
