// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid {

/// Time as the rest of Braid may see it. A seam with two forms: SystemClock, and SteppedClock for
/// tests. Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;

    /// Microseconds since 1970-01-01 UTC; may jump.
    virtual int64_t wall_us() const = 0;
    /// Microseconds since an arbitrary start; never goes back.
    virtual int64_t monotonic_us() const = 0;
};

class SystemClock final : public Clock {
  public:
    int64_t wall_us() const override;
    int64_t monotonic_us() const override;
};

/// Stands still until told to move.
class SteppedClock final : public Clock {
  public:
    explicit SteppedClock(int64_t start_us = 1'700'000'000'000'000);
    int64_t wall_us() const override;
    int64_t monotonic_us() const override;
    void advance_us(int64_t delta_us);
    /// Only the wall clock: somebody has set it.
    void jump_us(int64_t delta_us);

  private:
    mutable int64_t now_us_;  // atomic access through std::atomic_ref
    mutable int64_t jumped_us_ = 0;
};

}  // namespace braid
