// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "model/statement_limits.h"
#include "operators/fold/view_folder.h"
#include "plan/node.h"
#include "read/merge/piece_threads.h"
#include "read/merge/row_source.h"
#include "read/merge/view_scan.h"

namespace braid::read {

/// True for an aggregate that must see kept states: one with combine(column) over a scan of one
/// materialized view, below it at most filters and projections on key columns.
bool has_combine(const plan::Node& node);

/// What such an aggregate reads, and how long it may.
struct AggregateReading {
    const operators::BoundView& view;
    const runs::Tiling& tiling;
    const operators::EvaluationContext& context;
    const StatementLimits& limits;
};

/// SELECT key expressions, combine(column)…, ordinary aggregates… FROM view WHERE … GROUP BY key
/// expressions: the view's states re-aggregated under the coarser key, beside ordinary aggregates
/// over its finished rows. Gives (group keys…, aggregates…) as plan::Node says. Errors as SQL would
/// raise them. All is read before it returns, in
/// pieces on `threads`; ends as `limits` say.
Result<RowSourcePtr> open_view_aggregate(const plan::Node& node, const AggregateReading& reading,
                                         PieceThreads& threads);

}  // namespace braid::read
