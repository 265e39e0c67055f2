// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "model/box.h"
#include "model/health.h"
#include "model/statement_limits.h"
#include "runs/snapshot.h"

namespace braid::read {

/// Holds views to their keys_max: an answer with more groups is refused, one with as many is given.
/// How many there are below a tiling's end is a fact of the events, whatever the tiling is made of
/// (the cut law), and never gets less at one horizon; so what was counted once is remembered by
/// where it ended.
/// Only a view whose runs and ticks together have more rows than its limit is counted at all.
/// Thread-safe.
class KeyCounts {
  public:
    /// `health`, which may be null, is told of views that are full. It must outlive this.
    explicit KeyCounts(Health* health = nullptr) : health_(health) {}

    /// 53400 where the tiling has more groups than the view may have. Ends as the limits say.
    Result<void> check(const catalog::MaterializedView& view, const runs::Tiling& tiling,
                       const StatementLimits& limits);
    /// What can be said without reading anything; nullopt: that it must be counted.
    std::optional<Result<void>> judge(const catalog::MaterializedView& view,
                                      const runs::Tiling& tiling);
    /// Of all views that are not in the catalog any more.
    void forget_dropped(const catalog::Catalog& catalog);
    /// A person has put other states in the place of some.
    void forget_counts();

  private:
    struct Known {
        std::optional<int64_t> horizon_us;  // all below is of this one
        std::optional<Positions> fits_at;
        std::optional<Positions> full_from;
        std::optional<Positions> runs_end;  // runs up to there have so many groups
        uint64_t runs_keys = 0;
        std::shared_ptr<PartHealth> health;
    };
    /// Of the tiling's horizon: what is known of another is forgotten.
    Known& known_of(const runs::Tiling& tiling) REQUIRES(mutex_);
    /// Up to `keys_max` + 1.
    Result<uint64_t> count_runs(uint64_t keys_max, const runs::Tiling& tiling,
                                const StatementLimits& limits);
    Error note_full(const catalog::MaterializedView& view, const runs::Tiling& tiling);

    Health* const health_;
    Mutex mutex_;
    std::map<VersionId, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace braid::read
