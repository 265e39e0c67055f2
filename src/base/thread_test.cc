// SPDX-License-Identifier: Apache-2.0
#include "base/thread.h"

#include <atomic>
#include <utility>

#include <gtest/gtest.h>

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
}  // namespace braid
