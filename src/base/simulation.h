// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/turns.h"

namespace braid {

/// Real threads of which exactly one runs: it holds the baton. At every lock, unlock, wait and
/// notice the baton may pass to another, chosen by a seed, so one seed is one interleaving, for
/// ever the same. The seed also chooses the temper: how often the baton passes, and how often a
/// thread is set aside for long, as a busy machine does.
///
/// Its clock moves a little with each turn, and to the next deadline when all wait. When all wait
/// and no deadline will come the process ends and says where each of them stands; the same when
/// they turn for ever.
///
/// A thread belongs to it when a thread of it has started it (Thread, ThreadWorkers). What they
/// share must be guarded by Mutex, or be touched between two turns.
class Simulation final : public Clock {
  public:
    static constexpr int64_t kStartUs = 1'700'000'000'000'000;

    explicit Simulation(uint64_t seed);
    ~Simulation() override;
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    /// Runs the body on the calling thread as the first of the simulation. It joins all threads
    /// that it starts.
    void run(const std::function<void()>& body);

    int64_t wall_us() const override { return now_us_.load(std::memory_order_relaxed); }
    int64_t monotonic_us() const override { return wall_us(); }
    /// For threads of the simulation: lets the others go on for this time.
    void rest_us(int64_t us, const Place& at = Place::current());
    /// Uniform in [0, bound), from the same seed. For threads of the simulation.
    uint64_t below(uint64_t bound);
    /// How often the baton was offered.
    uint64_t turns() const { return turns_; }

  private:
    struct Actor;

    Actor& add(std::string name);
    bool is_rare(uint64_t one_in) { return one_in != 0 && below(one_in) == 0; }
    void advance_to(int64_t us);
    /// Takes the baton from `from` to whoever is next; returns when it is back.
    void hand_on(Actor& from);
    Actor& choose_next();
    [[noreturn]] void give_up(const char* why) const;

    const uint64_t seed_;
    uint64_t random_;
    uint64_t pass_one_in_;
    uint64_t stall_one_in_;
    std::atomic<int64_t> now_us_ = kStartUs;
    uint64_t turns_ = 0;
    // By the holder of the baton alone, as all above.
    std::vector<std::unique_ptr<Actor>> actors_;
};

}  // namespace braid
