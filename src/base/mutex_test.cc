// SPDX-License-Identifier: Apache-2.0
#include "base/mutex.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace braid {
namespace {

TEST(Mutex, LetsOneInAtATime) {
    Mutex mutex;
    int sum = 0;
    {
        std::vector<Thread> threads;
        for (int thread = 0; thread < 4; ++thread) {
            threads.emplace_back("add", [&] {
                for (int round = 0; round < 10'000; ++round) {
                    const ScopedLock lock(mutex);
                    ++sum;
                }
            });
        }
    }
    EXPECT_EQ(sum, 40'000);
}

TEST(CondVar, WakesWhoWaitsForTheFact) {
    Mutex mutex;
    CondVar changed;
    bool asked = false;
    bool answered = false;
    Thread other("other", [&] {
        UniqueLock lock(mutex);
        changed.wait(lock, [&] { return asked; });
        answered = true;
        changed.notify_all();
    });
    UniqueLock lock(mutex);
    asked = true;
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::hours(1), [&] { return answered; }));
}

TEST(CondVar, ReturnsWhenItsTimeHasPassed) {
    Mutex mutex;
    CondVar never;
    UniqueLock lock(mutex);
    EXPECT_FALSE(never.wait_for(lock, std::chrono::microseconds(1), [] { return false; }));
    lock.unlock();
    const ScopedLock again(mutex);  // it was given back
}

}  // namespace
}  // namespace braid
