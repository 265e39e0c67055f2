// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <set>

#include "base/mutex.h"
#include "batch/batch_layer.h"

namespace braid::batch {

/// One stream's refreshes, one at a time; waiting callers share the next one. Beside them its
/// back-fills, one at a time for each version.
struct BatchLayer::Stream {
    catalog::Table table;
    int64_t interval_us = 0;
    Workers::Handle schedule = 0;
    Workers::Handle backfills = 0;
    int64_t last_run_us = 0;
    std::shared_ptr<PartHealth> health;
    std::atomic<bool> is_closing = false;  // long scans end soon

    Mutex mutex;  // guards all below
    CondVar finished;
    bool is_running = false;
    uint64_t requested = 0;
    uint64_t completed = 0;
    Result<void> outcome;
    std::set<VersionId> filling;
};

/// A view version's states over a scan, written.
struct BatchLayer::Computed {
    operators::BoundView view;
    manifest::Run run;
};

}  // namespace braid::batch
