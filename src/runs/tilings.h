// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "base/mutex.h"
#include "base/result.h"
#include "manifest/manifest.h"
#include "runs/snapshot.h"

namespace braid::runs {

class RunCache;

/// The tilings of one manifest version, each made when it is first asked for. Thread-safe.
class TilingSet {
  public:
    TilingSet(manifest::StatePtr state, RunCache& runs) : state_(std::move(state)), runs_(runs) {}

    const manifest::StatePtr& state() const { return state_; }
    /// Errors: those of choose_runs, or that a run cannot be opened.
    Result<RunTilingPtr> get(VersionId version, ReadMode mode, uint64_t cut_number);

  private:
    Result<RunTilingPtr> make(VersionId version, ReadMode mode, uint64_t cut_number) const;

    const manifest::StatePtr state_;
    RunCache& runs_;
    Mutex mutex_;
    std::map<std::tuple<VersionId, ReadMode, uint64_t>, RunTilingPtr> made_ GUARDED_BY(mutex_);
};

/// Gives the tilings of manifest versions: those of the newest that was asked for are kept, those
/// of an older one as long as somebody holds them. `runs` must outlive it and what it gives.
/// Thread-safe.
class Tilings {
  public:
    explicit Tilings(RunCache& runs) : runs_(runs) {}
    std::shared_ptr<TilingSet> at(const manifest::StatePtr& state);

  private:
    RunCache& runs_;
    Mutex mutex_;
    std::shared_ptr<TilingSet> newest_ GUARDED_BY(mutex_);
    std::map<ManifestNumber, std::weak_ptr<TilingSet>> older_ GUARDED_BY(mutex_);
};

}  // namespace braid::runs
