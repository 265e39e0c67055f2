// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runs/key_filter.h"

namespace braid::runs {

class RunReader;
using RunReaders = std::vector<std::shared_ptr<const RunReader>>;

/// The filters of many runs side by side, so that a point read asks each with one look into memory.
/// A run of several parts, or without a filter, may hold any key. Immutable; the runs must outlive
/// it.
class PointProbes {
  public:
    explicit PointProbes(const RunReaders& runs);
    /// Calls visit(index of a run) -> Result<void> for each that may hold a key with this hash, in
    /// order, until one fails.
    template <typename Visit>
    Result<void> visit(uint64_t hash, Visit&& visit) const {
        const KeyFilter::Block mask = KeyFilter::mask_of(hash);
        for (size_t index = 0; index < probes_.size(); ++index) {
            const Probe& probe = probes_[index];
            if (index + kAhead < probes_.size()) {
                const Probe& later = probes_[index + kAhead];
                __builtin_prefetch(later.blocks + KeyFilter::place_of(hash, later.count));
            }
            const bool may_hold =
                probe.count == 0 ||
                KeyFilter::passes(probe.blocks[KeyFilter::place_of(hash, probe.count)], mask);
            if (may_hold) TRY(visit(probe.run));
        }
        return {};
    }

  private:
    struct Probe {
        const KeyFilter::Block* blocks = nullptr;
        uint32_t count = 0;  // 0: no filter
        uint32_t run = 0;
    };
    static constexpr size_t kAhead = 8;

    std::vector<Probe> probes_;
};

/// Probes that are made when a point read first asks for them. Thread-safe.
class LazyProbes {
  public:
    const PointProbes& get(const RunReaders& runs) const {
        if (const PointProbes* made = shown_.load(std::memory_order_acquire)) return *made;
        return make(runs);
    }

  private:
    const PointProbes& make(const RunReaders& runs) const;

    mutable Mutex mutex_;
    mutable std::unique_ptr<const PointProbes> made_ GUARDED_BY(mutex_);
    mutable std::atomic<const PointProbes*> shown_ = nullptr;
};

}  // namespace braid::runs
