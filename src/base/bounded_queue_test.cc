// SPDX-License-Identifier: Apache-2.0
#include "base/bounded_queue.h"

#include <thread>

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(BoundedQueue, KeepsOrderAndLimit) {
    BoundedQueue<int> queue(2);
    EXPECT_TRUE(queue.try_push(1));
    EXPECT_TRUE(queue.try_push(2));
    EXPECT_FALSE(queue.try_push(3));
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_EQ(queue.try_pop(), 2);
    EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, ClosedDeclinesAndDrains) {
    BoundedQueue<int> queue(2);
    EXPECT_TRUE(queue.push(1));
    queue.close();
    EXPECT_FALSE(queue.push(2));
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, PushWaitsForRoom) {
    BoundedQueue<int> queue(1);
    constexpr int kCount = 1000;
    std::thread producer([&] {
        for (int number = 0; number < kCount; ++number) EXPECT_TRUE(queue.push(number));
    });
    for (int number = 0; number < kCount; ++number) EXPECT_EQ(queue.pop(), number);
    producer.join();
}

TEST(BoundedQueue, CloseWakesWaiters) {
    BoundedQueue<int> queue(1);
    EXPECT_TRUE(queue.push(1));
    std::thread producer([&] { EXPECT_FALSE(queue.push(2)); });
    queue.close();
    producer.join();
}

}  // namespace
}  // namespace braid
