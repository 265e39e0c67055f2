// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "base/worker.h"
#include "housekeeping/compactor.h"
#include "housekeeping/releaser.h"
#include "housekeeping/segment_merger.h"
#include "housekeeping/sweeper.h"
#include "manifest/manifest.h"
#include "model/health.h"
#include "model/tasks.h"
#include "plan/view_plan.h"

namespace braid::housekeeping {

struct HousekeepingOptions {
    /// Retired runs stay this long: longer than any statement may run.
    int64_t undo_window_us = 600'000'000;
    /// For so long what a statement, transaction or cursor has pinned stays, whatever became of it.
    int64_t snapshot_max_us = 3'600'000'000;
    MergeLimits segments = {};
};

struct HousekeepingParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    operators::BoundViews* views = nullptr;
    Metrics* metrics = nullptr;
    Health* health = nullptr;  // may be null
    Tasks* tasks = nullptr;
    /// A run's files are about to be deleted.
    std::function<void(RunId)> forget_run;
    DroppedTables dropped = {};
    /// As SegmentMergerParts::while_idle.
    std::function<Result<void>(TableId, const std::function<Result<void>()>&)> while_idle = {};
    /// Asks for a recomputation where the retention of a stream has enough to take away.
    std::function<void(TableId)> look_for_retention = {};
    /// Gives the machine memory that nobody uses; once a minute where anything was committed,
    /// and once a minute after that.
    std::function<void()> give_memory_back = {};
};

/// The one background worker that keeps a node from growing with its age, whatever else is
/// configured: compacts sealed runs, merges segments, releases what these replace, frees what was
/// dropped, trims the manifest. Each step does one
/// bounded thing, and can be cut off anywhere: what it wrote is garbage until one commit. What
/// fails is tried again later; the other work goes on. Thread-safe.
class Housekeeper {
  public:
    Housekeeper(HousekeepingParts parts, HousekeepingOptions options, Workers& workers);
    /// Ends a compaction that is under way; what it wrote is given up.
    ~Housekeeper();

    Result<uint64_t> release(int64_t undo_window_us) {
        return releaser_.release(undo_window_us, options_.snapshot_max_us);
    }

    /// Of an erasure; see Releaser. Waits for a merge or a compaction, which may read what goes.
    Result<void> destroy_segments(TableId table);
    Result<void> destroy_runs(TableId table);

  private:
    StepOutcome step();
    Result<bool> compact();
    Result<bool> compact(const CompactionPlan& plan);
    Result<bool> merge();
    Result<bool> merge(const MergePlan& plan);
    /// Shows in the task how far the work is, and ends it when the node stops.
    std::function<Result<void>(uint64_t)> go_on_with(const Tasks::Running& task) const;
    Result<bool> trim();
    Result<bool> sweep();
    void look_for_retention();
    void give_memory_back();

    const HousekeepingParts parts_;
    const HousekeepingOptions options_;
    Workers& workers_;
    Releaser releaser_;
    Mutex compacting_;
    Compactor compactor_ GUARDED_BY(compacting_);
    SegmentMerger merger_;
    Sweeper sweeper_;
    const std::shared_ptr<PartHealth> health_;
    std::map<TableId, int64_t> not_before_us_;  // of a stream whose compaction failed
    ManifestNumber nothing_to_join_at_;
    std::map<TableId, int64_t> no_merge_before_us_;  // of a stream where one failed
    ManifestNumber nothing_to_merge_at_;
    std::string nothing_to_merge_on_;  // the day
    ManifestNumber trimmed_at_;        // by this one; whoever ran before may have ended without
    ManifestNumber memory_back_at_;
    int64_t no_memory_before_us_ = 0;
    bool is_memory_owed_ = false;  // something was committed before it was given back last
    Metric* compactions_ = nullptr;
    Metric* compacted_rows_ = nullptr;
    Metric* merges_ = nullptr;
    Metric* merged_rows_ = nullptr;
    Metric* released_ = nullptr;
    Metric* trimmed_ = nullptr;
    Metric* swept_files_ = nullptr;
    Metric* swept_bytes_ = nullptr;
    std::atomic<bool> is_closing_ = false;
    Workers::Handle handle_ = 0;
};

}  // namespace braid::housekeeping
