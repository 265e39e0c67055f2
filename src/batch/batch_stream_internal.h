// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "batch/batch_layer.h"

namespace braid::batch {

/// Of who waits for another's work, at its own limits.
constexpr std::chrono::milliseconds kBetweenLooks(100);

/// The answer of a REFRESH whose audit differs, now or when the candidate was made.
Error audit_differs(const manifest::State& state, const catalog::Table& table);

/// One stream's refreshes, one at a time; waiting callers share the next one. Beside them its
/// back-fills, one at a time for each version.
struct BatchLayer::Stream {
    catalog::Table table;
    int64_t interval_us = 0;
    int64_t full_interval_us = 0;
    Workers::Handle schedule = 0;
    Workers::Handle backfills = 0;
    int64_t last_run_us = 0;
    int64_t no_retention_before_us = 0;  // where it failed
    std::shared_ptr<PartHealth> health;
    std::atomic<bool> is_closing = false;  // long scans end soon

    Mutex mutex;  // guards all below
    CondVar finished;
    bool is_running GUARDED_BY(mutex) = false;
    uint64_t requested GUARDED_BY(mutex) = 0;
    uint64_t completed GUARDED_BY(mutex) = 0;
    Reach reach GUARDED_BY(mutex) = Reach::kNew;  // the furthest that was requested since
    Result<void> outcome GUARDED_BY(mutex);
    std::map<VersionId, std::shared_ptr<ScanWatch>> filling GUARDED_BY(mutex);
};

/// Who watches a scan of segments, from other threads.
struct BatchLayer::ScanWatch {
    /// Asked now and then, by several threads: after each slice, and between rows of what is
    /// merged, written and audited.
    GoOn go_on;
    Tasks::Running task;  // 0 events of 0: the scan has not begun
};

/// A view version's states over a scan, written.
struct BatchLayer::Computed {
    operators::BoundView view;
    manifest::Run run;
    /// Where the dataset is to begin behind it (manifest::Publish::base_runs).
    std::optional<manifest::Run> base = {};
};

/// Versions that are computed from the same events.
struct BatchLayer::Scan {
    Positions from;
    Positions end;
    bool is_base = false;         // of the base runs
    std::vector<Computed> views;  // not computed yet
    std::vector<dataset::Split> splits;
    uint64_t events = 0;  // of the segments that they lie in
};

/// A publish, and the file in which its runs lie.
struct BatchLayer::Answer {
    manifest::Publish publish;
    runs::UnnamedFile file;

    bool is_matched() const;
};

/// All of them.
struct BatchLayer::Recomputed {
    std::vector<Computed> views;
    runs::UnnamedFile file;           // of all their runs
    std::optional<int64_t> clock_us;  // manifest::Backfill
};

}  // namespace braid::batch
