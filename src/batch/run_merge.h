// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "operators/aggregate/state_row.h"
#include "plan/view_plan.h"
#include "runs/run_file.h"

namespace braid::batch {

/// ⊕ of sorted runs as one sorted stream, in memory that does not depend on their size (a k-way
/// merge; Knuth, TAOCP vol. 3, 5.4.1): by section, the failed events last, then by key and subkey.
Result<void> merge_runs(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                        const std::vector<plan::Aggregate>& aggregates,
                        const operators::RowVisitor& into);

/// The digest that a run holding the ⊕ of these runs would have.
Result<Digest> digest_of_merge(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                               const std::vector<plan::Aggregate>& aggregates);

}  // namespace braid::batch
