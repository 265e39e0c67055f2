// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/memory_share.h"
#include "base/result.h"

namespace braid {

/// Set from another thread to stop a statement (57014).
struct CancelToken {
    std::atomic<bool> cancelled{false};
};

/// How long a statement may go on, until somebody cancels it or a moment of a clock's monotonic
/// time, which outlives this; and how much memory what it computes may take at a time. For ever and
/// any, without either. Every loop that a statement can sit in asks. Copies belong to the same
/// statement. Thread-safe.
class StatementLimits {
  public:
    StatementLimits() = default;
    StatementLimits(std::shared_ptr<const CancelToken> cancel, const Clock& clock,
                    int64_t deadline_us);
    /// `all`: what all statements may hold together, outlives this; null: any.
    StatementLimits(std::shared_ptr<const CancelToken> cancel, const Clock& clock,
                    int64_t deadline_us, uint64_t memory_bytes_max, MemoryShare* all = nullptr);

    /// Cancelled or Timeout, both 57014, once it should end.
    Result<void> check() const;

  private:
    friend class HeldMemory;
    struct Memory {
        const uint64_t bytes_max;
        MemoryShare* const all;
        std::atomic<uint64_t> bytes{0};
    };

    std::shared_ptr<const CancelToken> cancel_;  // null: nobody can
    const Clock* clock_ = nullptr;               // null: there is no deadline
    int64_t deadline_us_ = std::numeric_limits<int64_t>::max();
    std::shared_ptr<Memory> memory_;  // null: any
};

/// What some part of a statement has taken of its memory; given back when this ends. One thread at
/// a time.
class HeldMemory {
  public:
    HeldMemory() = default;
    explicit HeldMemory(const StatementLimits& limits) : memory_(limits.memory_) {}
    HeldMemory(const HeldMemory&) = delete;
    HeldMemory& operator=(const HeldMemory&) = delete;
    ~HeldMemory() { give_back(); }

    /// Exhausted (53200), and nothing is taken, where the statement would hold too much, or all
    /// together.
    Result<void> take(uint64_t bytes);
    void give_back();

  private:
    std::shared_ptr<StatementLimits::Memory> memory_;
    uint64_t bytes_ = 0;
};

}  // namespace braid
