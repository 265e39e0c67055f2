// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "operators/expr/evaluator.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// The error that every event would meet, when a view can never count one: a constant that cannot
/// be computed (1 / 0), or a function that fails for any value whatever because of its constant
/// arguments (a regular expression that there is not, n / 0, a time zone that nobody knows). What
/// FILTER, CASE, COALESCE, AND or OR may keep from being computed is never refused.
Result<void> check_computable(const plan::ViewPlan& view, const EvaluationContext& context);

}  // namespace braid::operators
