// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/state_row.h"
#include "plan/view_plan.h"

/// Many sorted streams of rows as one, in memory that does not depend on their length (a k-way
/// merge; Knuth, TAOCP vol. 3, 5.4.1). Cursors belong to one thread.
namespace braid::runs {

/// The rows of all: equal ones follow one another.
operators::RowCursorPtr ordered_rows(std::vector<operators::RowCursorPtr> cursors);

/// The rows of all, equal ones as their ⊕. Of one section, which is not that of failed events.
operators::RowCursorPtr merged_rows(std::vector<operators::RowCursorPtr> cursors,
                                    const std::vector<plan::Aggregate>& aggregates,
                                    uint32_t section);

}  // namespace braid::runs
