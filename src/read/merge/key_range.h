// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/datum.h"
#include "plan/view_plan.h"
#include "runs/key_range.h"

namespace braid::read {

/// The keys that a statement asks for.
struct KeyRange : runs::KeyRange {
    /// The range is exactly one whole key, `from`.
    bool is_point = false;
    bool is_empty = false;
};

/// The smallest key that is greater than every key that starts with `prefix`; empty if there is
/// none.
std::string after_prefix(std::string prefix);

/// The conjuncts of a predicate: the arguments of nested ANDs.
std::vector<plan::ExprPtr> conjuncts_of(const plan::ExprPtr& predicate);

/// What the predicate (over the view's outputs) says about leading key columns: equalities with
/// constants on the first keys, then at most a lower and an upper bound on the next one. Conjuncts
/// that it cannot use are left to be evaluated; those that it used are still true to evaluate
/// again. `parameters` give $1, $2, ….
KeyRange key_range_of(const plan::ViewPlan& view, const plan::ExprPtr& predicate,
                      const std::vector<Datum>& parameters);

/// A value that a predicate compares with a key, as the key's own type: of that type, or an int4
/// for an int8 key.
Datum as_key(const Datum& value, const Type& key);

/// For each key column, the constant or parameter that the predicate sets it equal to; empty when
/// the predicate is anything but one such equality for every key. The expressions are kConstant or
/// kParameter; their values go through as_key().
std::vector<plan::ExprPtr> point_of(const plan::ViewPlan& view, const plan::ExprPtr& predicate);

}  // namespace braid::read
