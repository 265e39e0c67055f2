// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/metric.h"

namespace braid::speed {

/// What the states of all streams of a speed layer hold together, and may: beyond that folding
/// waits for seals. Each stream says what its own hold. Thread-safe.
class StatesMemory {
  public:
    /// What is held is shown by a metric, which outlives this.
    StatesMemory(uint64_t bytes_max, Metric& shown) : bytes_max_(bytes_max), shown_(shown) {}
    StatesMemory(const StatesMemory&) = delete;
    StatesMemory& operator=(const StatesMemory&) = delete;

    uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    bool is_full() const { return bytes() >= bytes_max_; }
    /// Whether sealing a stream that holds so much gains something worth a seal of its own.
    bool is_much(uint64_t bytes) const {
        constexpr uint64_t kShareWorthASeal = 16;
        return bytes > 0 && bytes >= bytes_max_ / kShareWorthASeal;
    }

  private:
    friend class StreamMemory;

    const uint64_t bytes_max_;
    Metric& shown_;
    std::atomic<uint64_t> bytes_{0};
};

/// One stream's part of it; given back when this ends. One thread at a time.
class StreamMemory {
  public:
    explicit StreamMemory(StatesMemory* all) : all_(all) {}  // null: of no account
    StreamMemory(const StreamMemory&) = delete;
    StreamMemory& operator=(const StreamMemory&) = delete;
    ~StreamMemory() { hold(0); }

    void hold(uint64_t bytes) {
        if (all_ != nullptr) {
            all_->bytes_.fetch_add(bytes - bytes_, std::memory_order_relaxed);
            all_->shown_.add(static_cast<int64_t>(bytes - bytes_));
        }
        bytes_ = bytes;
    }

  private:
    StatesMemory* const all_;
    uint64_t bytes_ = 0;
};

}  // namespace braid::speed
