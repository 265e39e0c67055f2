// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace braid::log {

/// How long a log has been open, over all processes that had it: the clock that idempotency keys
/// age by. No jump of the wall clock moves it. A process that dies takes with it only what passed
/// since its last group. Thread-safe once restored.
class OpenTime {
  public:
    explicit OpenTime(const Clock& clock) : clock_(clock), started_us_(clock.monotonic_us()) {}

    /// What the log itself has recorded.
    void restore(int64_t recorded_us) { before_us_ = std::max(before_us_, recorded_us); }
    int64_t now_us() const { return before_us_ + clock_.monotonic_us() - started_us_; }

  private:
    const Clock& clock_;
    const int64_t started_us_;
    int64_t before_us_ = 0;
};

}  // namespace braid::log
