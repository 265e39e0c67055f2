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
    /// How far the scan of a version's history has got; nothing when none runs.
    std::optional<Progress> backfill_progress(VersionId version) const;
    /// Seal, archive to that frontier, choose the cut, recompute all views of the stream from the
    /// origin in one scan, audit against the runs that are replaced, publish. Callers that come
    /// while one runs share the next one; the limits of one end its own waiting or work, never that
    /// of another. Where the audit differs nothing is published: XB001, and what was computed waits
    /// as a candidate, as do later refreshes and the schedule, until it is judged.
    Result<void> refresh(TableId table, const StatementLimits& limits = {});
    /// A person's word on a pending audit; the last one accepted publishes exactly the candidate,
    /// one rejected drops it. Gives how many audits of the candidate still wait. The same word
    /// twice is no error.
    Result<uint64_t> judge(uint64_t audit, bool is_accepted);

  private:
    /// What a batch computes: everything from the origin, or for each version what lies behind its
    /// batch runs.
    enum class Reach : uint8_t { kAll, kNew };
    struct Stream;
    struct Computed;
    struct Recomputed;
    struct Scan;
    struct ScanWatch;

    Result<std::shared_ptr<Stream>> find(TableId table) const;
    StepOutcome scheduled_step(Stream& stream);
    bool is_recompute_due(const Stream& stream, const manifest::TableState& table) const;
    Result<void> run_in_turn(Stream& stream, Reach reach, const StatementLimits& limits);
    StepOutcome backfill_step(Stream& stream);
    Result<void> fill_in_turn(Stream& stream, VersionId version, const StatementLimits& limits);
    Result<void> fill(const Stream& stream, VersionId version, const StatementLimits& limits,
                      ScanWatch& watch);
    Result<void> fill_once(const Stream& stream, VersionId version, const StatementLimits& limits,
                           ScanWatch& watch);
    Result<void> run_once(const Stream& stream, Reach reach, const StatementLimits& limits);
    /// Its runs lie in the file.
    Result<void> publish_or_park(manifest::Publish publish, runs::UnnamedFile file,
                                 const catalog::Table& table);
    Error ended(const Stream& stream) const;
    Result<std::vector<Computed>> bind(const std::vector<VersionId>& versions) const;
    /// [its beginning, end) of each version, as of a manifest version; those that have all are left
    /// out, as are those that are gone.
    Result<Recomputed> recompute(const Stream& stream, manifest::StatePtr state,
                                 const std::vector<VersionId>& versions, Cut end, Reach reach,
                                 ScanWatch& watch);
    Result<std::vector<Scan>> scans_of(const manifest::State& state, const catalog::Table& table,
                                       const std::vector<VersionId>& versions, const Cut& end,
                                       Reach reach) const;
    Result<manifest::Audit> audit(const manifest::State& state, const manifest::Run& run,
                                  const operators::BoundView& view, const Cut& cut,
                                  const GoOn& go_on);

    const BatchParts parts_;
    const BatchOptions options_;
    Workers& workers_;
    mutable Mutex mutex_;
    std::map<TableId, std::shared_ptr<Stream>> streams_ GUARDED_BY(mutex_);
};

}  // namespace braid::batch
