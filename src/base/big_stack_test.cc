// SPDX-License-Identifier: Apache-2.0
#include "base/big_stack.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace braid {
namespace {

// Keeps a frame of a kilobyte alive on each level.
int descend(int levels) {
    volatile char frame[1024];
    frame[0] = static_cast<char>(levels);
    if (levels == 0) return 0;
    return descend(levels - 1) + (frame[0] == static_cast<char>(levels) ? 1 : 0);
}

TEST(BigStack, HoldsWhatAnOrdinaryStackDoesNot) {
    int reached = 0;
    ASSERT_TRUE(run_on_big_stack([&] { reached = descend(15'000); }));
    EXPECT_EQ(reached, 15'000);
}

TEST(BigStack, RunsInPlaceFromWithin) {
    std::thread::id outer;
    std::thread::id inner;
    ASSERT_TRUE(run_on_big_stack([&] {
        outer = std::this_thread::get_id();
        EXPECT_TRUE(run_on_big_stack([&] { inner = std::this_thread::get_id(); }));
    }));
    EXPECT_EQ(outer, inner);
    EXPECT_NE(outer, std::this_thread::get_id());
}

TEST(BigStack, ServesMoreCallersThanItKeepsThreads) {
    std::atomic<int> sum = 0;
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 24; ++i) {
            callers.emplace_back([&] {
                for (int round = 0; round < 20; ++round) {
                    EXPECT_TRUE(run_on_big_stack([&] { sum += 1; }));
                }
            });
        }
    }
    EXPECT_EQ(sum, 24 * 20);
}

}  // namespace
}  // namespace braid
