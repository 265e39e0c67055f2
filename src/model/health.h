// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/metric.h"
#include "base/mutex.h"

namespace braid {

enum class HealthState : uint8_t {
    kWell,
    kDegraded,  // some of it does not work; what is answered and acknowledged is as it should be
    kIll,
};
std::string_view name_of(HealthState state);

/// How one part is, for people and probes.
struct HealthReport {
    std::string part;
    std::string stream;  // empty: the whole node
    HealthState state = HealthState::kWell;
    std::string reason;
    int64_t since_us = 0;  // Unix microseconds; of the state
};

class Health;

/// How one part of the work goes: the sealing of a stream, say. Its owner tells; anybody may ask.
/// Thread-safe, and telling what was told before costs one load.
class PartHealth {
  public:
    PartHealth() = default;
    ~PartHealth();
    PartHealth(const PartHealth&) = delete;
    PartHealth& operator=(const PartHealth&) = delete;

    void tell(HealthState state, const Error& reason);
    void fell_ill(const Error& reason) { tell(HealthState::kIll, reason); }
    void recovered();
    HealthState state() const { return state_.load(std::memory_order_acquire); }
    HealthReport report() const;

  private:
    friend class Health;
    void set(HealthState state, std::string reason);

    Health* owner_ = nullptr;
    std::string part_;
    std::string stream_;
    Metric* metric_ = nullptr;
    std::atomic<HealthState> state_ = HealthState::kWell;
    mutable Mutex mutex_;
    std::string reason_;
    int64_t since_us_ = 0;
};

/// All parts of a node. Outlives them. Thread-safe.
class Health {
  public:
    /// `metrics` may be null.
    Health(const Clock& clock, Metrics* metrics) : clock_(clock), metrics_(metrics) {}

    /// A part, for as long as somebody holds it.
    std::shared_ptr<PartHealth> add(std::string part, std::string stream = {});
    /// The same; one that nobody sees when there is no health to tell.
    static std::shared_ptr<PartHealth> add_to(Health* health, std::string part,
                                              std::string stream = {});
    /// Every part, in the order of their names.
    std::vector<HealthReport> report() const;
    /// The worst of all.
    HealthState state() const;
    /// Whether no part is ill: one load.
    bool has_no_illness() const { return ill_parts_.load(std::memory_order_acquire) == 0; }

  private:
    friend class PartHealth;

    const Clock& clock_;
    Metrics* const metrics_;
    std::atomic<int> ill_parts_ = 0;
    mutable Mutex mutex_;
    std::vector<std::weak_ptr<PartHealth>> parts_;
};

}  // namespace braid
