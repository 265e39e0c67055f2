// SPDX-License-Identifier: Apache-2.0
#include "base/simulation.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/big_stack.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "base/worker.h"

namespace braid {
namespace {

constexpr int64_t kHourUs = 3600LL * 1'000'000;

/// Three threads that write their names down, each five times, under one lock.
std::string order_of(uint64_t seed) {
    Simulation simulation(seed);
    std::string order;
    simulation.run([&] {
        Mutex mutex;
        std::vector<Thread> threads;
        for (const char name : {'a', 'b', 'c'}) {
            threads.emplace_back(std::string(1, name), [&mutex, &order, name] {
                for (int round = 0; round < 5; ++round) {
                    const ScopedLock lock(mutex);
                    order += name;
                }
            });
        }
    });
    return order;
}

TEST(Simulation, GivesOneInterleavingForOneSeed) {
    std::set<std::string> orders;
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        const std::string order = order_of(seed);
        EXPECT_EQ(order.size(), 15U);
        EXPECT_EQ(order, order_of(seed)) << seed;
        orders.insert(order);
    }
    EXPECT_GT(orders.size(), 10U);
}

TEST(Simulation, FindsAnUpdateThatIsLost) {
    std::set<int> sums;
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Simulation simulation(seed);
        int sum = 0;
        simulation.run([&] {
            Mutex mutex;
            const auto add = [&] {
                UniqueLock lock(mutex);
                const int before = sum;
                lock.unlock();
                lock.lock();
                sum = before + 1;
            };
            Thread first("first", add);
            Thread second("second", add);
        });
        sums.insert(sum);
    }
    EXPECT_EQ(sums, (std::set<int>{1, 2}));
}

TEST(Simulation, MovesItsClockWhenAllWait) {
    Simulation simulation(7);
    simulation.run([&] {
        Mutex mutex;
        CondVar never;
        UniqueLock lock(mutex);
        EXPECT_FALSE(never.wait_for(lock, std::chrono::hours(1)));
        EXPECT_GE(simulation.monotonic_us(), Simulation::kStartUs + kHourUs);
        lock.unlock();
        simulation.rest_us(kHourUs);
        EXPECT_GE(simulation.monotonic_us(), Simulation::kStartUs + 2 * kHourUs);
    });
}

TEST(Simulation, RunsWorkersAsItsThreads) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
        Simulation simulation(seed);
        simulation.run([&] {
            ThreadWorkers workers({.clock = &simulation});
            int idle_runs = 0;
            int woken_runs = 0;
            const auto idle = workers.start("idle", StepKind::kWatch, [&] {
                ++idle_runs;
                return StepOutcome{.progressed = false, .idle_us = kHourUs};
            });
            const auto woken = workers.start("woken", StepKind::kBackground, [&] {
                ++woken_runs;
                return StepOutcome{.progressed = false, .idle_us = 1000 * kHourUs};
            });
            simulation.rest_us(10 * kHourUs + kHourUs / 2);
            EXPECT_EQ(woken_runs, 1);
            workers.wake(woken);
            simulation.rest_us(kHourUs);
            EXPECT_EQ(woken_runs, 2);
            EXPECT_GE(idle_runs, 9);
            workers.stop(idle);
        });
    }
}

TEST(Simulation, WorksOnABigStackInTheTurnsOfItsCaller) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Simulation simulation(seed);
        simulation.run([&] {
            Mutex mutex;
            CondVar changed;
            int given = 0;
            int taken = 0;
            Thread giver("giver", [&] {
                const bool ran = run_on_big_stack([&] {
                    for (int item = 1; item <= 20; ++item) {
                        UniqueLock lock(mutex);
                        changed.wait(lock, [&] { return given < taken + 2; });
                        ++given;
                        changed.notify_all();
                    }
                });
                EXPECT_TRUE(ran);
            });
            while (taken < 20) {
                UniqueLock lock(mutex);
                changed.wait(lock, [&] { return taken < given; });
                ++taken;
                changed.notify_all();
            }
            EXPECT_EQ(given, 20);
        });
    }
}

TEST(Simulation, SaysWhereEachStandsWhenNobodyCanGoOn) {
    ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
    const auto embrace = [] {
        for (uint64_t seed = 1; seed <= 100; ++seed) {
            Simulation simulation(seed);
            simulation.run([&] {
                Mutex left;
                Mutex right;
                const auto take = [](Mutex& one, Mutex& other) {
                    const ScopedLock first(one);
                    const ScopedLock second(other);
                };
                Thread one("one", [&] { take(left, right); });
                Thread two("two", [&] { take(right, left); });
            });
        }
    };
    EXPECT_DEATH(embrace(),
                 "nobody can go on(.|\n)*main waits at(.|\n)*"
                 "one waits at .*simulation_test.cc(.|\n)*"
                 "two waits at .*simulation_test.cc");
}

}  // namespace
}  // namespace braid
