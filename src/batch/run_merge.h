// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/group_table.h"
#include "runs/run_file.h"

namespace braid::batch {

/// Where merged rows go, in key order: first all main rows, then set 0, set 1, …, then the failed
/// events.
struct MergedRows {
    std::function<Result<void>(std::string_view key, std::string_view state)> row;
    std::function<Result<void>(int set, std::string_view key, std::string_view value)> set_value;
    std::function<Result<void>(std::string_view event, std::string_view reason)> failed_event;
};

/// ⊕ of sorted runs as one sorted stream, in memory that does not depend on their size (a k-way
/// merge; Knuth, TAOCP vol. 3, 5.4.1).
Result<void> merge_runs(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                        const std::vector<plan::Aggregate>& aggregates, const MergedRows& into);

/// The digest that a run holding the ⊕ of these runs would have.
Result<Digest> digest_of_merge(const std::vector<std::shared_ptr<const runs::RunReader>>& runs,
                               const std::vector<plan::Aggregate>& aggregates);

}  // namespace braid::batch
