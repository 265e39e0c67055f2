// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "manifest/manifest.h"

namespace braid::housekeeping {

/// For how long runs have been retired, and cuts published, as this process has watched them by the
/// monotonic clock: no jump of the wall clock shortens the undo window or keeps runs for ever. A
/// restart begins to count anew. Thread-safe.
class RetiredAges {
  public:
    /// A manifest version that is true now. Most retire and publish nothing, and cost nothing.
    void note(const manifest::State& state, int64_t monotonic_us) {
        const ScopedLock lock(mutex_);
        const RunId newest = state.retired.empty() ? RunId() : state.retired.back().run.id;
        const std::pair now(newest, state.next_cut);
        if (std::exchange(noted_, now) == now) return;
        std::map<RunId, int64_t> runs;
        for (const manifest::Retired& each : state.retired) {
            runs[each.run.id] = seen(runs_us_, each.run.id, monotonic_us);
        }
        runs_us_ = std::move(runs);
        std::map<uint64_t, int64_t> cuts;
        for (const auto& [id, table] : state.tables) {
            for (const manifest::PublishedCut& cut : table.cuts) {
                cuts[cut.number] = seen(cuts_us_, cut.number, monotonic_us);
            }
        }
        cuts_us_ = std::move(cuts);
    }
    /// Since when a run is retired; now if it was never noted.
    int64_t retired_us(RunId run, int64_t monotonic_us) const {
        const ScopedLock lock(mutex_);
        return seen(runs_us_, run, monotonic_us);
    }
    /// Since when a cut is published.
    int64_t published_us(uint64_t cut, int64_t monotonic_us) const {
        const ScopedLock lock(mutex_);
        return seen(cuts_us_, cut, monotonic_us);
    }

  private:
    template <typename Key>
    static int64_t seen(const std::map<Key, int64_t>& since_us, const Key& key, int64_t now_us) {
        const auto place = since_us.find(key);
        return place == since_us.end() ? now_us : place->second;
    }

    mutable Mutex mutex_;
    /// The newest retired run and the next cut of the version that was noted last.
    std::pair<RunId, uint64_t> noted_ GUARDED_BY(mutex_);
    std::map<RunId, int64_t> runs_us_ GUARDED_BY(mutex_);
    std::map<uint64_t, int64_t> cuts_us_ GUARDED_BY(mutex_);
};

}  // namespace braid::housekeeping
