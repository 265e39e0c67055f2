// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "housekeeping/merge_plan.h"
#include "manifest/manifest.h"

namespace braid::housekeeping {

struct SegmentMergerParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    /// Calls while nothing of the stream is put into its dataset; empty: nothing is in any case.
    std::function<Result<void>(TableId, const std::function<Result<void>()>&)> while_idle = {};
};

/// Makes few segments of many. What it writes is garbage until one commit; then the manifest's
/// readers go on with it, and the day's folder is exchanged, so that those who list it do too. The
/// segments that were replaced are retired. Thread-safe: one thread works at a time, others wait.
class SegmentMerger {
  public:
    explicit SegmentMerger(SegmentMergerParts parts) : parts_(std::move(parts)) {}

    /// False where the segments are not what they were when it was planned. `go_on` is told now and
    /// then how many rows were read since; its error ends the work and is given back.
    using GoOn = std::function<Result<void>(uint64_t rows)>;
    Result<bool> merge(const MergePlan& plan, const GoOn& go_on) EXCLUDES(mutex_);
    /// Shows days of which a retention has taken segments away, or whose folders could not be
    /// exchanged when they should have been, and removes those that were exchanged `after_us` ago.
    Result<void> finish(int64_t after_us) EXCLUDES(mutex_);

    /// Of a stream with a pending erasure: shows each day of which a file was replaced, if the
    /// store can exchange directories, and then calls while still nothing is put into its dataset.
    /// It commits first: a process that has lost the directory does neither.
    Result<void> show_all(TableId table, const std::function<Result<void>()>& then)
        EXCLUDES(mutex_);

  private:
    Result<void> show_now(TableId table, const std::string& ingest_day);
    Result<void> show(TableId table, const std::string& ingest_day) REQUIRES(mutex_);
    void look_for_starts(const manifest::State& state) REQUIRES(mutex_);

    const SegmentMergerParts parts_;
    Mutex mutex_;  // of who changes what is shown of a dataset, too
    std::set<std::pair<TableId, std::string>> not_shown_ GUARDED_BY(mutex_);  // days
    std::map<TableId, Positions> starts_ GUARDED_BY(mutex_);  // of datasets, as they are shown
    ManifestNumber starts_at_ GUARDED_BY(mutex_);  // the version that was looked at for them
    struct Left {
        std::string directory;
        int64_t since_us = 0;  // by the monotonic clock
    };
    std::vector<Left> left_;  // oldest first; what is left when this ends the next start removes
};

}  // namespace braid::housekeeping
