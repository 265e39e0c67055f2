// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "operators/expr/evaluator.h"
#include "plan/node.h"
#include "read/merge/row_source.h"

namespace braid::read {

/// VALUES whose cells need no input: the columns wanted, computed as the rows are read. The node
/// must outlive the source.
Result<RowSourcePtr> open_values(const plan::Node& node, std::vector<int> columns,
                                 const operators::EvaluationContext& context);

}  // namespace braid::read
