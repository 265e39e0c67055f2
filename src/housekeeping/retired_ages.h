// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "base/mutex.h"
#include "manifest/manifest.h"

namespace braid::housekeeping {

/// For how long runs have been retired, as this process has watched them by the monotonic clock: no
/// jump of the wall clock shortens the undo window or keeps runs for ever. A restart begins to
/// count anew. Thread-safe.
class RetiredAges {
  public:
    /// A manifest version that is true now.
    void note(const manifest::State& state, int64_t monotonic_us) {
        const ScopedLock lock(mutex_);
        std::map<RunId, int64_t> seen;
        for (const manifest::Retired& each : state.retired) {
            const auto before = seen_us_.find(each.run.id);
            seen[each.run.id] = before == seen_us_.end() ? monotonic_us : before->second;
        }
        seen_us_ = std::move(seen);
    }
    /// Since when; now if it was never noted.
    int64_t since_us(RunId run, int64_t monotonic_us) const {
        const ScopedLock lock(mutex_);
        const auto seen = seen_us_.find(run);
        return seen == seen_us_.end() ? monotonic_us : seen->second;
    }

  private:
    mutable Mutex mutex_;
    std::map<RunId, int64_t> seen_us_ GUARDED_BY(mutex_);
};

}  // namespace braid::housekeeping
