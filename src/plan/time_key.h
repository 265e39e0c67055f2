// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/view_plan.h"

namespace braid::plan {

/// Which GROUP BY column tells how old a group is: the first that never falls where the
/// stream's event time, column `event_time` of the input (-1: it names none), rises, and reads
/// nothing else: the column itself, `date_bin(const, column, const)` or
/// `date_trunc(const, column [, const])`. InvalidInput (42P17, with a hint) without one.
Result<size_t> time_key_of(const ViewPlan& view, int event_time);

}  // namespace braid::plan
