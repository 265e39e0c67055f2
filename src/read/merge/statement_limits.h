// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "read/merge/read_options.h"

namespace braid::read {

/// How long a statement may go on: until somebody cancels it, or a moment of a clock's monotonic
/// time, which outlives this. For ever without either. Thread-safe.
class StatementLimits {
  public:
    StatementLimits() = default;
    StatementLimits(std::shared_ptr<const CancelToken> cancel, const Clock& clock,
                    int64_t deadline_us)
        : cancel_(std::move(cancel)), clock_(&clock), deadline_us_(deadline_us) {}

    /// Cancelled or Timeout, both 57014, once it should end.
    Result<void> check() const;

  private:
    std::shared_ptr<const CancelToken> cancel_;  // null: nobody can
    const Clock* clock_ = nullptr;               // null: there is no deadline
    int64_t deadline_us_ = std::numeric_limits<int64_t>::max();
};

}  // namespace braid::read
