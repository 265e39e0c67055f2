// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "model/fold_account.h"
#include "operators/fold/failed_events.h"
#include "runs/snapshot.h"

namespace braid::read {

/// What became of the events below a tiling's end: the sum over its runs and ticks.
FoldAccount account_of(const runs::Tiling& tiling);

/// The failed events of a tiling: ⊕ over its runs and ticks.
Result<operators::FailedEvents> gather_failed(const runs::Tiling& tiling);

}  // namespace braid::read
