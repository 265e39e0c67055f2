// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "operators/expr/evaluator.h"
#include "plan/node.h"
#include "read/merge/row_pieces.h"
#include "read/merge/row_source.h"

namespace braid::read {

/// True when a plan needs nothing but the kernel: scans, constant rows, filters, projections,
/// limits, and aggregates with combine, without subqueries.
bool is_kernel_plan(const plan::Node& node);

/// Runs such a plan. `open_leaf` opens scans; a filter directly over a scan is handed over together
/// with it through `open_filtered`, which may use it to read less (the filter runs again here);
/// `open_pieces_of_view` does the same for several threads.
struct KernelPipeline {
    operators::EvaluationContext context;
    OpenLeaf open_leaf;
    std::function<Result<RowSourcePtr>(const plan::Node& scan, const plan::ExprPtr& predicate)>
        open_filtered;
    std::function<Result<RowPiecesPtr>(const plan::Node& scan, const plan::ExprPtr& predicate)>
        open_pieces_of_view;

    Result<RowSourcePtr> open(const plan::Node& node) const;
    /// For several threads: a view, filtered or not, comes in pieces, anything else in one.
    Result<RowPiecesPtr> open_pieces(const plan::Node& node) const;
};

}  // namespace braid::read
