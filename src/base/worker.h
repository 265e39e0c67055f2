// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metric.h"

namespace braid {

/// For a step that will be woken when there is something to do.
constexpr int64_t kUntilWoken = std::numeric_limits<int64_t>::max();

/// What one call of a step did.
struct StepOutcome {
    bool progressed = false;
    /// When not progressed: look again after this time even if nobody wakes us.
    int64_t idle_us = 100'000;
};

/// What sort of work a step does, and so whom it may keep waiting.
enum class StepKind : uint8_t {
    kWatch,       // looks at something and is done
    kFold,        // has a processor for itself while it works
    kSource,      // waits for disks and for the log
    kSeal,        // may take seconds
    kBackground,  // the same, but nobody waits for it
    kLong,        // may take hours, and nobody waits for it
};
constexpr size_t kStepKindCount = 6;

/// Runs named steps: small bounded pieces of work, each never entered twice at once. A seam with
/// two forms: ThreadWorkers runs them on a fixed number of threads; SteppedWorkers runs one only
/// when a test says so, which makes a whole node deterministic. A step reports its own failures; it
/// cannot throw.
///
/// A step may wait for what some thread has begun (a commit, a seal, a refresh that others asked
/// for), never for a step that is yet to run: so steps of one kind can keep each other waiting, but
/// not for ever, however few threads there are.
class Workers {
  public:
    using Step = std::function<StepOutcome()>;
    using Handle = uint64_t;

    virtual ~Workers() = default;
    /// What is of kBackground or kLong takes what processor time the others leave, and a small
    /// share when they leave none.
    virtual Handle start(std::string name, StepKind kind, Step step) = 0;
    /// There is new work for this step. Callable from any thread, also from a step. One that runs
    /// by now runs once more.
    virtual void wake(Handle handle) = 0;
    /// Returns once the step is not running and will never run again. Not callable from that step.
    virtual void stop(Handle handle) = 0;
};

struct ThreadWorkersOptions {
    /// By kind. A kind has no more threads than it ever had steps.
    std::array<size_t, kStepKindCount> threads_max = {1, 64, 4, 4, 2, 2};
    const Clock* clock = nullptr;  // null: the system's
    Metrics* metrics = nullptr;    // may be null
};

/// Each kind has its own threads. Among the steps of a kind whoever has waited longest is next, and
/// one that has progressed waits behind all others.
class ThreadWorkers final : public Workers {
  public:
    explicit ThreadWorkers(ThreadWorkersOptions options = {});
    /// Stops all steps.
    ~ThreadWorkers() override;
    Handle start(std::string name, StepKind kind, Step step) override;
    void wake(Handle handle) override;
    void stop(Handle handle) override;

  private:
    class Pool;
    Pool& pool_of(Handle handle) { return *pools_[handle % kStepKindCount]; }

    SystemClock system_clock_;
    std::array<std::unique_ptr<Pool>, kStepKindCount> pools_;
};

/// Nothing runs until step() or run_until_idle() is called, on the caller's thread.
class SteppedWorkers final : public Workers {
  public:
    Handle start(std::string name, StepKind kind, Step step) override;
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
