// SPDX-License-Identifier: Apache-2.0
#include "app/clock_watch.h"

#include <cstdlib>

#include "base/trace.h"

namespace braid::app {

namespace {

/// Two clocks that are read so far apart say nothing about each other.
constexpr int64_t kReadUsMax = 100'000;

}  // namespace

ClockWatch::ClockWatch(const Clock& clock, Metrics& metrics)
    : clock_(clock),
      jumps_(metrics.get("braid_clock_jumps_total", Metrics::Kind::kCounter,
                         "How often the wall clock jumped.", "")),
      seconds_(metrics.get("braid_clock_jump_seconds", Metrics::Kind::kGauge,
                           "By how many seconds the wall clock jumped last.", "")) {}

void ClockWatch::look() {
    const int64_t before_us = clock_.monotonic_us();
    const int64_t ahead_us = clock_.wall_us() - before_us;
    if (clock_.monotonic_us() - before_us > kReadUsMax) return;
    const int64_t jumped_us = ahead_us_ ? ahead_us - *ahead_us_ : 0;
    ahead_us_ = ahead_us;
    if (std::abs(jumped_us) < kJumpUsMin) return;
    jumps_.add(1);
    seconds_.set(jumped_us / 1'000'000);
    trace(TraceLevel::kWarning, "clock",
          "the wall clock jumped by {} s: it was set, or the machine slept; until it is right the "
          "ingest times of new records are wrong by as much",
          jumped_us / 1'000'000);
}

}  // namespace braid::app
