// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <atomic>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/test_support.h"

namespace braid {
namespace {

TEST(Thread, IsJoinedWhenItsObjectEnds) {
    std::atomic<bool> ran = false;
    {
        Thread thread("worker", [&] { ran = true; });
    }
    EXPECT_TRUE(ran);
}

TEST(Thread, JoinsTheOldOneOnAssignment) {
    std::atomic<int> count = 0;
    Thread thread("first", [&] { ++count; });
    thread = Thread("second", [&] { ++count; });
    thread.join();
    thread.join();
    EXPECT_EQ(count, 2);
}

}  // namespace
TEST(OnThreads, CallsEachNumberOnce) {
    for (const size_t threads : {1U, 2U, 7U}) {
        std::vector<std::atomic<int>> calls(threads);
        ASSERT_OK(on_threads(threads, "test", [&](size_t number) -> Result<void> {
            ++calls[number];
            return {};
        }));
        for (const auto& each : calls) EXPECT_EQ(each, 1);
    }
}

TEST(OnThreads, GivesTheErrorOfTheLowestNumberWhenAllHaveEnded) {
    std::atomic<int> ended = 0;
    const auto done = on_threads(5, "test", [&](size_t number) -> Result<void> {
        ++ended;
        if (number % 2 == 1) return invalid_input("number {}", number);
        return {};
    });
    EXPECT_EQ(ended, 5);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().message(), "number 1");
}

TEST(ForEachOnThreads, CallsEachItemOnceWhateverTheThreads) {
    for (const size_t threads : {1U, 2U, 7U}) {
        for (const size_t count : {0U, 1U, 3U, 200U}) {
            std::vector<std::atomic<int>> calls(count);
            ASSERT_OK(for_each_on_threads(threads, "test", count, [&](size_t item) -> Result<void> {
                ++calls[item];
                return {};
            }));
            for (const auto& each : calls) EXPECT_EQ(each, 1);
        }
    }
}

TEST(ForEachOnThreads, BeginsNothingAfterAnErrorAndGivesTheLowest) {
    constexpr size_t kCount = 10'000;
    for (int round = 0; round < 50; ++round) {
        Mutex mutex;
        std::set<size_t> failed;
        size_t calls = 0;
        const auto done = for_each_on_threads(4, "test", kCount, [&](size_t item) -> Result<void> {
            const ScopedLock lock(mutex);
            ++calls;
            if (item < 20) return {};
            failed.insert(item);
            return invalid_input("item {}", item);
        });
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().message(), "item " + std::to_string(*failed.begin()));
        EXPECT_LE(failed.size(), 4U) << "one for each thread";
        EXPECT_LT(calls, kCount);
    }
}

}  // namespace braid
