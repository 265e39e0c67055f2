// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace braid {
namespace {

constexpr int64_t kForEverUs = 3600LL * 1'000'000;

TEST(ThreadWorkers, RunAStepAgainWhenWoken) {
    std::atomic<int> runs = 0;
    std::promise<void> first;
    std::promise<void> second;
    ThreadWorkers workers;
    const auto handle = workers.start("step", StepKind::kSeal, [&] {
        const int run = ++runs;
        if (run == 1) first.set_value();
        if (run == 2) second.set_value();
        return StepOutcome{.progressed = false, .idle_us = kForEverUs};
    });
    first.get_future().wait();
    workers.wake(handle);
    second.get_future().wait();
    workers.stop(handle);
    EXPECT_EQ(runs, 2);
}

TEST(ThreadWorkers, BackgroundStepsAloneYieldToOthers) {
    ThreadWorkers workers;
    const auto niceness = [&](StepKind kind) {
        std::promise<int> found;
        const Workers::Step step = [&] {
            found.set_value(::getpriority(PRIO_PROCESS, 0));  // of this thread, on Linux
            return StepOutcome{.progressed = false, .idle_us = kForEverUs};
        };
        const auto handle = workers.start("step", kind, step);
        const int result = found.get_future().get();
        workers.stop(handle);
        return result;
    };
    constexpr int kNicest = 19;  // whoever is that nice already cannot yield further
    const int own = ::getpriority(PRIO_PROCESS, 0);
    EXPECT_GE(niceness(StepKind::kBackground), std::min(own + 1, kNicest));
    EXPECT_GE(niceness(StepKind::kLong), std::min(own + 1, kNicest));
    EXPECT_EQ(niceness(StepKind::kSeal), own);
}

TEST(ThreadWorkers, RunOnWhileThereIsProgress) {
    std::promise<void> done;
    int runs = 0;
    ThreadWorkers workers;
    workers.start("step", StepKind::kSeal, [&] {
        if (++runs == 100) done.set_value();
        return StepOutcome{.progressed = runs < 100, .idle_us = kForEverUs};
    });
    done.get_future().wait();
}

TEST(ThreadWorkers, StopReturnsWhenTheStepWillNeverRunAgain) {
    std::atomic<bool> stopped = false;
    ThreadWorkers workers;
    const auto handle = workers.start("busy", StepKind::kSeal, [&] {
        EXPECT_FALSE(stopped);
        return StepOutcome{.progressed = true};
    });
    workers.stop(handle);
    stopped = true;
    workers.wake(handle);  // of a step that is gone: nothing
    workers.stop(handle);
}

TEST(ThreadWorkers, AStepMayWakeAnother) {
    std::promise<void> done;
    std::atomic<bool> asked = false;
    ThreadWorkers workers;
    const auto second = workers.start("second", StepKind::kSeal, [&] {
        if (asked.exchange(false)) done.set_value();
        return StepOutcome{.progressed = false, .idle_us = kForEverUs};
    });
    workers.start("first", StepKind::kSeal, [&] {
        asked = true;
        workers.wake(second);
        return StepOutcome{.progressed = false, .idle_us = kForEverUs};
    });
    done.get_future().wait();
}

/// Says no more than that `count` steps were in their first run at one time.
class Gathering {
  public:
    explicit Gathering(int count) : count_(count) {}
    void come() {
        UniqueLock lock(mutex_);
        ++here_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return here_ >= count_; });
    }

  private:
    const int count_;
    Mutex mutex_;
    CondVar changed_;
    int here_ = 0;
};

size_t threads_of_process() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/task"))
        ++count;
    return count;
}

TEST(ThreadWorkers, HaveNoMoreThreadsThanTheyMay) {
    constexpr int kSteps = 500;
    const size_t before = threads_of_process();
    Gathering together(3);
    std::atomic<int> ran = 0;
    std::promise<void> all;
    ThreadWorkers workers({.threads_max = {1, 1, 1, 3, 1, 1}});
    for (int number = 0; number < kSteps; ++number) {
        workers.start("step", StepKind::kSeal, [&] {
            const int run = ++ran;
            if (run <= 3) together.come();
            if (run == kSteps) all.set_value();
            return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
        });
    }
    all.get_future().wait();
    EXPECT_LE(threads_of_process(), before + 3);
}

/// How many of so many steps, which all want to be inside together, were that.
int most_together(int steps, int threads) {
    Gathering together(std::min(steps, threads));
    std::atomic<int> begun = 0;
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<int> left = steps;
    std::promise<void> all;
    ThreadWorkers workers({.threads_max = {1, 1, 1, static_cast<size_t>(threads), 1, 1}});
    for (int number = 0; number < steps; ++number) {
        workers.start("step", StepKind::kSeal, [&] {
            const int now = ++inside;
            int seen = most;
            while (seen < now && !most.compare_exchange_weak(seen, now)) {
            }
            if (++begun <= threads) together.come();
            --inside;
            if (--left == 0) all.set_value();
            return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
        });
    }
    all.get_future().wait();
    return most;
}

TEST(ThreadWorkers, AStepBeyondTheThreadsWaits) {
    EXPECT_EQ(most_together(2, 3), 2);
    EXPECT_EQ(most_together(3, 3), 3);
    EXPECT_EQ(most_together(4, 3), 3);
}

TEST(ThreadWorkers, AStepThatProgressesWaitsBehindTheOthers) {
    std::promise<void> all_there;
    std::promise<void> done;
    auto there = all_there.get_future();
    std::string order;
    ThreadWorkers workers({.threads_max = {1, 1, 1, 1, 1, 1}});
    workers.start("gate", StepKind::kSeal, [&] {
        there.wait();
        return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
    });
    for (const char name : {'a', 'b', 'c'}) {
        workers.start(std::string(1, name), StepKind::kSeal, [&, name] {
            order += name;
            if (order.size() == 9) done.set_value();
            return StepOutcome{.progressed = order.size() <= 6, .idle_us = kUntilWoken};
        });
    }
    all_there.set_value();
    done.get_future().wait();
    EXPECT_EQ(order, "abcabcabc");
}

TEST(ThreadWorkers, AStepIsNeverEnteredTwiceAtOnce) {
    std::atomic<int> inside = 0;
    std::atomic<int> runs = 0;
    std::promise<void> done;
    ThreadWorkers workers;
    const auto handle = workers.start("step", StepKind::kSeal, [&] {
        EXPECT_EQ(++inside, 1);
        if (++runs == 1000) done.set_value();
        --inside;
        return StepOutcome{.progressed = false, .idle_us = 1};
    });
    for (int other = 0; other < 3; ++other) {
        workers.start("other", StepKind::kSeal, [&] {
            workers.wake(handle);
            return StepOutcome{.progressed = true};
        });
    }
    done.get_future().wait();
    workers.stop(handle);
    EXPECT_EQ(inside, 0);
}

TEST(ThreadWorkers, ATimerRingsWhileAStepTakesLong) {
    std::promise<void> rang;
    auto has_rung = rang.get_future();
    int runs = 0;
    ThreadWorkers workers({.threads_max = {1, 1, 1, 2, 1, 1}});
    workers.start("long", StepKind::kSeal, [&] {
        has_rung.wait();
        return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
    });
    workers.start("timer", StepKind::kSeal, [&] {
        if (++runs == 3) rang.set_value();
        return StepOutcome{.progressed = false, .idle_us = runs < 3 ? 1000 : kUntilWoken};
    });
    has_rung.wait();
}

TEST(ThreadWorkers, AWakeDuringARunIsNotLost) {
    std::promise<void> second;
    Workers::Handle own = 0;
    Mutex mutex;
    int runs = 0;
    ThreadWorkers workers;
    {
        const ScopedLock lock(mutex);
        own = workers.start("step", StepKind::kSeal, [&] {
            const ScopedLock inner(mutex);
            if (++runs == 1) workers.wake(own);
            if (runs == 2) second.set_value();
            return StepOutcome{.progressed = false, .idle_us = kUntilWoken};
        });
    }
    second.get_future().wait();
}

TEST(ThreadWorkers, CountTheirRuns) {
    Metrics metrics;
    {
        std::promise<void> done;
        int runs = 0;
        ThreadWorkers workers({.metrics = &metrics});
        workers.start("step", StepKind::kSource, [&] {
            if (++runs == 5) done.set_value();
            return StepOutcome{.progressed = runs < 5, .idle_us = kUntilWoken};
        });
        done.get_future().wait();
    }
    EXPECT_NE(metrics.to_prometheus().find("braid_steps_total{kind=\"source\"} 5\n"),
              std::string::npos);
}

TEST(SteppedWorkers, RunNothingByThemselves) {
    SteppedWorkers workers;
    int runs = 0;
    const auto handle = workers.start("a", StepKind::kSeal, [&] {
        ++runs;
        return StepOutcome{.progressed = true};
    });
    workers.wake(handle);
    EXPECT_EQ(runs, 0);
    EXPECT_TRUE(workers.step("a"));
    EXPECT_EQ(runs, 1);
    EXPECT_FALSE(workers.step("unknown"));
    workers.stop(handle);
    EXPECT_FALSE(workers.step("a"));
}

TEST(SteppedWorkers, RunUntilNobodyProgresses) {
    SteppedWorkers workers;
    std::string order;
    int left = 2;
    workers.start("a", StepKind::kSeal, [&] {
        order += 'a';
        return StepOutcome{.progressed = left-- > 0};
    });
    workers.start("b", StepKind::kSeal, [&] {
        order += 'b';
        return StepOutcome{};
    });
    workers.run_until_idle();
    EXPECT_EQ(order, "ababab");
    EXPECT_EQ(workers.names(), (std::vector<std::string>{"a", "b"}));
}

TEST(SteppedWorkers, AStepMayStopAndStartOthers) {
    SteppedWorkers workers;
    bool ran = false;
    Workers::Handle victim = 0;
    workers.start("a", StepKind::kSeal, [&] {
        workers.stop(victim);
        if (!ran) {
            workers.start("c", StepKind::kSeal, [&] {
                ran = true;
                return StepOutcome{};
            });
        }
        return StepOutcome{.progressed = !ran};
    });
    victim = workers.start("b", StepKind::kSeal, [&]() -> StepOutcome {
        ADD_FAILURE() << "was stopped";
        return {};
    });
    workers.run_until_idle();
    EXPECT_TRUE(ran);
}

TEST(SteppedWorkers, GiveUpAfterTheLastRound) {
    SteppedWorkers workers;
    int runs = 0;
    workers.start("endless", StepKind::kSeal, [&] {
        ++runs;
        return StepOutcome{.progressed = true};
    });
    workers.run_until_idle(7);
    EXPECT_EQ(runs, 7);
}

}  // namespace
}  // namespace braid
