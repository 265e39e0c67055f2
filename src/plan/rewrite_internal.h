// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "plan/expr.h"
#include "plan/node.h"

namespace braid::plan {

using ExprMap = std::function<ExprPtr(const ExprPtr&)>;

/// The expression with each child (arguments, not subqueries) replaced by what `map` gives; the
/// same pointer when nothing changed.
ExprPtr map_arguments(const ExprPtr& expr, const ExprMap& map);

/// Gives the map to use `depth` query levels further in.
using ExprMapAtDepth = std::function<ExprPtr(const ExprPtr&, int depth)>;

/// The plan with every expression replaced by what `map` gives. Expressions of `node` itself stand
/// at `depth`; the right input of a lateral join stands one level further in than the join.
NodePtr map_expressions(const NodePtr& node, int depth, const ExprMapAtDepth& map);

}  // namespace braid::plan
