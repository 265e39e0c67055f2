// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "housekeeping/retired_ages.h"
#include "manifest/manifest.h"

namespace braid::housekeeping {

/// Lets go of what nobody needs any more. Thread-safe.
class Releaser {
  public:
    /// `forget_run` is told of each run whose file is about to be deleted; may be empty.
    Releaser(Store& store, manifest::Manifest& manifest, const Clock& clock,
             std::function<void(RunId)> forget_run);

    /// Releases runs and segments that were retired longer ago than the undo window, and runs of
    /// views that were dropped; 0 releases everything retired. A segment that is still listed waits
    /// for that. Their files are deleted, now or later, once no
    /// pinned state names them any more; pins older than `snapshot_max_us` do not count. How many
    /// were released. Forgets the cuts that were replaced as long ago.
    Result<uint64_t> release(int64_t undo_window_us, int64_t snapshot_max_us) EXCLUDES(mutex_);

    /// Of a stream with a pending erasure: removes all files of its dataset that its list of
    /// segments does not name, and all names that these have below `unlisted/`, at once, whoever
    /// reads them. Only once each day is shown, and while nothing of the stream is written there.
    Result<void> destroy_segments(TableId table) EXCLUDES(mutex_);
    /// The same of its retired runs, also of those that were released and are still read.
    Result<void> destroy_runs(TableId table) EXCLUDES(mutex_);

  private:
    manifest::ForgetCuts old_cuts(const manifest::State& state, int64_t now_us,
                                  int64_t undo_window_us) const;
    /// Runs and segments that no version names any more, but states that are pinned may.
    struct Garbage {
        ManifestNumber since;  // the first version that does not
        std::vector<manifest::Run> runs;
        std::set<std::string> segments;  // where they lie
    };
    Result<std::vector<manifest::ReleaseSegments>> old_segments(const manifest::State& state,
                                                                int64_t now_us,
                                                                int64_t undo_window_us)
        REQUIRES(mutex_);
    Result<void> delete_unpinned(int64_t snapshot_max_us) REQUIRES(mutex_);
    /// Files of runs that no other garbage has, and no run that is named; and of segments.
    Result<void> delete_files(const std::vector<manifest::Run>& runs,
                              std::set<std::string> segments) REQUIRES(mutex_);

    Store& store_;
    manifest::Manifest& manifest_;
    const Clock& clock_;
    const std::function<void(RunId)> forget_run_;
    const std::shared_ptr<RetiredAges> ages_;  // the manifest tells it, perhaps after our end
    Mutex mutex_;  // one release at a time: two would find the same runs
    /// Oldest first. What is left when this ends the next start removes: no manifest names it.
    std::vector<Garbage> garbage_ GUARDED_BY(mutex_);
    /// Since when retired segments have been seen, by the monotonic clock.
    std::map<std::string, int64_t> segments_us_ GUARDED_BY(mutex_);
};

/// Deletes files below `directory`, three levels of directories deep, that are not in `named`, and
/// directories that are left empty.
Result<void> remove_unnamed(Store& store, const std::string& directory,
                            const std::set<std::string>& named);

/// Deletes run files and segments that no manifest version names, and all of `_tmp/` and `spill/`,
/// left by a crash, once the dataset shows what the manifest names. Only before anything writes.
Result<void> remove_orphans(Store& store, Store& local, const manifest::State& state);

}  // namespace braid::housekeeping
