// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <atomic>
#include <chrono>

namespace braid {

namespace {

template <typename Source>
int64_t now_us() {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    return duration_cast<microseconds>(Source::now().time_since_epoch()).count();
}

}  // namespace

int64_t SystemClock::wall_us() const { return now_us<std::chrono::system_clock>(); }
int64_t SystemClock::monotonic_us() const { return now_us<std::chrono::steady_clock>(); }

SteppedClock::SteppedClock(int64_t start_us) : now_us_(start_us) {}

int64_t SteppedClock::wall_us() const {
    return std::atomic_ref(now_us_).load() + std::atomic_ref(jumped_us_).load();
}
int64_t SteppedClock::monotonic_us() const { return std::atomic_ref(now_us_).load(); }
void SteppedClock::advance_us(int64_t delta_us) { std::atomic_ref(now_us_).fetch_add(delta_us); }
void SteppedClock::jump_us(int64_t delta_us) { std::atomic_ref(jumped_us_).fetch_add(delta_us); }

}  // namespace braid
