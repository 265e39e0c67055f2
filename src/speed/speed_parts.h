// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/metric.h"
#include "base/result.h"
#include "base/store.h"
#include "log/commit_order.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/health.h"
#include "operators/fold/view_folder.h"
#include "speed/states_memory.h"

namespace braid::speed {

/// For how many intervals a few new events may wait for their seal.
constexpr int64_t kSmallSealIntervals = 12;

/// Limits of the speed layer; ARCHITECTURE.md says why each has its value.
struct SpeedOptions {
    size_t slice_records_max = 4096;
    int64_t seal_interval_us = 5'000'000;
    /// A stream with fewer new events than this is not worth a seal each interval: it waits for
    /// kSmallSealIntervals of them, or until it has as many. 0: every stream is.
    uint64_t seal_events_min = 1'000;
    uint64_t seal_bytes_max = 256ULL << 20;
    /// Of the states of all streams together; beyond it folding waits for seals.
    uint64_t memory_bytes_max = 2ULL << 30;
    /// A layer with at most this many groups is merged back into the one before it in one step, and
    /// copied in one.
    size_t merge_groups_max = 65'536;
    /// How many threads fold, of all streams together. With one, states are folded in place; with
    /// more, in shards.
    size_t fold_threads = 1;
    /// With more layers a scan copies the newest instead of pinning it.
    size_t layers_max = 4;
};

/// What a worker stands on; all of it outlives the worker.
struct SpeedParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    operators::BoundViews* views = nullptr;
    Metrics* metrics = nullptr;
    Health* health = nullptr;  // may be null
    /// Gives records that the log no longer holds, from the dataset: same form as
    /// PartitionedLog::read.
    std::function<Result<log::RecordBatch>(TableId, const Interval&, size_t)> refill;
    StatesMemory* memory = nullptr;  // of all streams; null: unbounded
    /// Of the logs; needed to pin several streams at one moment.
    const log::CommitOrder* order = nullptr;
    /// There is more to fold than one thread can take: called by a thread that folds, with a lock
    /// held; may be empty.
    std::function<void()> call_helpers;
    /// There is something to fold that the log has not told of: called with a lock held; may be
    /// empty.
    std::function<void()> has_work;
};

}  // namespace braid::speed
