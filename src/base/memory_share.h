// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/metric.h"

namespace braid {

/// What all of one kind may hold of memory together, in bytes, and hold. Whoever is refused tells
/// its client so and goes without; nobody waits here. Thread-safe.
class MemoryShare {
  public:
    /// Shown as braid_memory_bytes, braid_memory_limit_bytes and braid_memory_refusals_total with
    /// the label `share`; the registry outlives this.
    MemoryShare(std::string name, uint64_t bytes_max, Metrics& metrics);
    MemoryShare(const MemoryShare&) = delete;
    MemoryShare& operator=(const MemoryShare&) = delete;

    const std::string& name() const { return name_; }
    uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    uint64_t bytes_max() const { return bytes_max_; }

    /// False, and nothing is taken, where all would hold too much.
    bool take(uint64_t bytes);
    void give_back(uint64_t bytes);
    /// For whom take() was false: Exhausted, 53200.
    Error refusal() const;

  private:
    const std::string name_;
    const uint64_t bytes_max_;
    std::atomic<uint64_t> bytes_{0};
    Metric& shown_;
    Metric& refusals_;
};

/// What one holder has of a share; given back when this ends. One thread at a time.
class MemoryClaim {
  public:
    MemoryClaim() = default;
    explicit MemoryClaim(MemoryShare* share) : share_(share) {}  // null: of no account
    MemoryClaim(MemoryClaim&& other) noexcept
        : share_(other.share_), bytes_(std::exchange(other.bytes_, 0)) {}
    MemoryClaim& operator=(MemoryClaim&& other) noexcept;
    ~MemoryClaim() { (void)hold(0); }

    /// Holds so much from now on, be it more or less. False, and all as it was, where there is not
    /// so much more.
    [[nodiscard]] bool hold(uint64_t bytes);
    uint64_t bytes() const { return bytes_; }
    /// What hold() was refused for.
    Error refusal() const { return share_->refusal(); }

  private:
    MemoryShare* share_ = nullptr;
    uint64_t bytes_ = 0;
};

}  // namespace braid
