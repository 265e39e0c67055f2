// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/store.h"
#include "batch/run_merge.h"
#include "plan/view_plan.h"
#include "runs/run_file.h"

namespace braid::batch {

struct AuditOutcome {
    bool matched = false;
    Digest batch;            // of what was computed
    Digest digest;           // of the merge of what is replaced
    std::string difference;  // the first keys that differ, as people read them; empty when matched
};

/// Holds a recomputed run, or several that follow one another, against the merge of the runs that
/// it replaces: digests first, on so many threads, keys only when they differ. `floor`: what the
/// recomputed run left out as expired; null: nothing. Where some horizons are forgotten
/// (TableState::thinned_below) the run may count what was seen to expire: `is_thinned` takes both
/// for one. Of several runs no keys are named.
Result<AuditOutcome> compare(Store& store, std::span<const manifest::Run> batch,
                             const RunReaders& replaced, const plan::ViewPlan& view,
                             size_t threads = 1, const GoOn& go_on = {},
                             const operators::KeyFloor* floor = nullptr, bool is_thinned = false);

}  // namespace braid::batch
