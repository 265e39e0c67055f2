// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <sys/resource.h>

#include <gtest/gtest.h>

namespace braid {
namespace {

constexpr int64_t kForEverUs = 3600LL * 1'000'000;

TEST(ThreadWorkers, RunAStepAgainWhenWoken) {
    ThreadWorkers workers;
    std::atomic<int> runs = 0;
    std::promise<void> first;
    std::promise<void> second;
    const auto handle = workers.start("step", [&] {
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
    const auto niceness = [&](bool background) {
        std::promise<int> found;
        const Workers::Step step = [&] {
            found.set_value(::getpriority(PRIO_PROCESS, 0));  // of this thread, on Linux
            return StepOutcome{.progressed = false, .idle_us = kForEverUs};
        };
        const auto handle =
            background ? workers.start_background("step", step) : workers.start("step", step);
        const int result = found.get_future().get();
        workers.stop(handle);
        return result;
    };
    constexpr int kNicest = 19;  // whoever is that nice already cannot yield further
    const int own = ::getpriority(PRIO_PROCESS, 0);
    EXPECT_GE(niceness(true), std::min(own + 1, kNicest));
    EXPECT_EQ(niceness(false), own);
}

TEST(ThreadWorkers, RunOnWhileThereIsProgress) {
    ThreadWorkers workers;
    std::promise<void> done;
    int runs = 0;
    workers.start("step", [&] {
        if (++runs == 100) done.set_value();
        return StepOutcome{.progressed = runs < 100, .idle_us = kForEverUs};
    });
    done.get_future().wait();
}

TEST(ThreadWorkers, StopReturnsWhenTheStepWillNeverRunAgain) {
    ThreadWorkers workers;
    std::atomic<bool> stopped = false;
    const auto handle = workers.start("busy", [&] {
        EXPECT_FALSE(stopped);
        return StepOutcome{.progressed = true};
    });
    workers.stop(handle);
    stopped = true;
    workers.wake(handle);  // of a step that is gone: nothing
    workers.stop(handle);
}

TEST(ThreadWorkers, AStepMayWakeAnother) {
    ThreadWorkers workers;
    std::promise<void> done;
    std::atomic<bool> asked = false;
    const auto second = workers.start("second", [&] {
        if (asked.exchange(false)) done.set_value();
        return StepOutcome{.progressed = false, .idle_us = kForEverUs};
    });
    workers.start("first", [&] {
        asked = true;
        workers.wake(second);
        return StepOutcome{.progressed = false, .idle_us = kForEverUs};
    });
    done.get_future().wait();
}

TEST(SteppedWorkers, RunNothingByThemselves) {
    SteppedWorkers workers;
    int runs = 0;
    const auto handle = workers.start("a", [&] {
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
    workers.start("a", [&] {
        order += 'a';
        return StepOutcome{.progressed = left-- > 0};
    });
    workers.start("b", [&] {
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
    workers.start("a", [&] {
        workers.stop(victim);
        if (!ran) {
            workers.start("c", [&] {
                ran = true;
                return StepOutcome{};
            });
        }
        return StepOutcome{.progressed = !ran};
    });
    victim = workers.start("b", [&]() -> StepOutcome {
        ADD_FAILURE() << "was stopped";
        return {};
    });
    workers.run_until_idle();
    EXPECT_TRUE(ran);
}

TEST(SteppedWorkers, GiveUpAfterTheLastRound) {
    SteppedWorkers workers;
    int runs = 0;
    workers.start("endless", [&] {
        ++runs;
        return StepOutcome{.progressed = true};
    });
    workers.run_until_idle(7);
    EXPECT_EQ(runs, 7);
}

}  // namespace
}  // namespace braid
