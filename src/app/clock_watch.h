// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/metric.h"

namespace braid::app {

/// Tells when the wall clock was set: it ran away from the monotonic one by more than a clock
/// that is only disciplined does. Nothing of Braid orders or ages by the wall clock, so all that a
/// jump leaves is wrong `_ingested_at` and `at` values of that time; but who reads them must hear
/// of it. One thread.
class ClockWatch {
  public:
    static constexpr int64_t kJumpUsMin = 1'000'000;

    ClockWatch(const Clock& clock, Metrics& metrics);
    void look();

  private:
    const Clock& clock_;
    Metric& jumps_;
    Metric& seconds_;
    std::optional<int64_t> ahead_us_;  // wall clock minus monotonic one, at the last look
};

}  // namespace braid::app
