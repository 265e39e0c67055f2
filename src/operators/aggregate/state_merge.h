// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// ⊕ of the encoded states of equal rows, without a table. One thread at a time.
class StateMerge {
  public:
    /// Of rows of this section.
    StateMerge(const std::vector<plan::Aggregate>& aggregates, uint32_t section);
    ~StateMerge();

    /// The first state: what was before is forgotten.
    void start(std::string_view state);
    /// One more. Corrupt if one of the two is no state.
    Result<void> add(std::string_view state);
    /// The sum's one byte form; valid until the next call. A state that came alone stays as it is.
    std::string_view sum();

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::operators
