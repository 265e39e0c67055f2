// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "base/store.h"
#include "housekeeping/compaction_plan.h"
#include "manifest/manifest.h"
#include "operators/fold/view_folder.h"

namespace braid::housekeeping {

struct CompactorParts {
    Store* store = nullptr;
    manifest::Manifest* manifest = nullptr;
    operators::BoundViews* views = nullptr;
};

/// Joins sealed runs: reads them in turn, writes their ⊕ as one file and commits that in one step,
/// in memory that does not depend on their size, and without what has expired. Whoever reads
/// meanwhile goes on with the old runs, which are retired. One thread at a time.
class Compactor {
  public:
    explicit Compactor(const CompactorParts& parts) : parts_(parts) {}

    /// False, and nothing changed, where the runs are not what they were when it was planned:
    /// others were faster. `go_on` is told now and then how many rows were read since; its error
    /// ends the work and is given back.
    using GoOn = std::function<Result<void>(uint64_t rows)>;
    Result<bool> compact(const CompactionPlan& plan, const GoOn& go_on);

  private:
    const CompactorParts parts_;
};

}  // namespace braid::housekeeping
