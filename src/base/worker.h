// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace braid {

/// What one call of a step did.
struct StepOutcome {
    bool progressed = false;
    /// When not progressed: look again after this time even if nobody wakes us.
    int64_t idle_us = 100'000;
};

/// Runs named steps: small bounded pieces of work, each never entered twice at once. A seam with
/// two forms: ThreadWorkers gives every step a thread of its own; SteppedWorkers runs one only when
/// a test says so, which makes a whole node deterministic. A step reports its own failures; it
/// cannot throw.
class Workers {
  public:
    using Step = std::function<StepOutcome()>;
    using Handle = uint64_t;

    virtual ~Workers() = default;
    virtual Handle start(std::string name, Step step) = 0;
    /// Work that nobody waits for and that may lag: it takes what processor time the others leave,
    /// and a small share when they leave none.
    virtual Handle start_background(std::string name, Step step) = 0;
    /// There is new work for this step. Callable from any thread, also from a step.
    virtual void wake(Handle handle) = 0;
    /// Returns once the step is not running and will never run again. Not callable from that step.
    virtual void stop(Handle handle) = 0;
};

class ThreadWorkers final : public Workers {
  public:
    ThreadWorkers();
    ~ThreadWorkers() override;
    Handle start(std::string name, Step step) override;
    Handle start_background(std::string name, Step step) override;
    void wake(Handle handle) override;
    void stop(Handle handle) override;

  private:
    struct Thread;
    Handle start(std::string name, Step step, int niceness);
    Mutex mutex_;
    std::vector<std::unique_ptr<Thread>> threads_;
    Handle next_ = 1;
};

/// Nothing runs until step() or run_until_idle() is called, on the caller's thread.
class SteppedWorkers final : public Workers {
  public:
    Handle start(std::string name, Step step) override;
    Handle start_background(std::string name, Step step) override;
    void wake(Handle handle) override;
    void stop(Handle handle) override;

    /// Runs one step by name; false when it made no progress or does not exist.
    bool step(const std::string& name);
    /// Runs all steps in order of start until none progresses, at most `rounds_max` rounds.
    void run_until_idle(int rounds_max = 10'000);
    std::vector<std::string> names() const;

  private:
    struct Entry {
        Handle handle;
        std::string name;
        Step step;
    };
    std::vector<Entry> entries_;
    Handle next_ = 1;
};

}  // namespace braid
