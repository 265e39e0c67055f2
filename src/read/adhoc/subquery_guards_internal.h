// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "plan/node.h"

namespace braid::read {

/// DuckDB makes a join of a subquery, and so evaluates it for every row, wherever it stands in an
/// expression. In the plan given back, a subquery that may fail and stands behind an AND, OR, CASE
/// or COALESCE that shields it has the shield as a condition of its own: for rows that SQL would
/// not ask it about, it reads nothing. `may_fail` tells of an expression without subqueries.
plan::NodePtr guard_subqueries(const plan::NodePtr& root,
                               const std::function<bool(const plan::Expr&)>& may_fail);

}  // namespace braid::read
