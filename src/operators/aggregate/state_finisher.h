// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/state_row.h"
#include "operators/expr/evaluator.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// Finishes the rows of groups as they come from a run, without a table and without an allocation
/// for each. One thread at a time.
class StateFinisher {
  public:
    /// `wanted`, by aggregate: its value is asked for. `aggregates` must outlive it.
    StateFinisher(const std::vector<plan::Aggregate>& aggregates, std::vector<bool> wanted);
    ~StateFinisher();

    /// One more row: that of section 0 begins a group, then come those of its sections >= 1, each
    /// subkey once. Its key is not read. Corrupt if the bytes are no state.
    Result<void> add(uint32_t section, const StateRow& row);
    /// By aggregate: the values of the groups begun since the last time; nothing where not wanted.
    std::vector<Evaluated> take();

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::operators
