// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(SteppedClock, StandsStillUntilMoved) {
    SteppedClock clock(1000);
    EXPECT_EQ(clock.wall_us(), 1000);
    EXPECT_EQ(clock.wall_us(), 1000);
    clock.advance_us(5);
    EXPECT_EQ(clock.wall_us(), 1005);
    EXPECT_EQ(clock.monotonic_us(), 1005);
}

TEST(SteppedClock, JumpsWithItsWallTimeOnly) {
    SteppedClock clock(1000);
    clock.jump_us(-300);
    EXPECT_EQ(clock.wall_us(), 700);
    EXPECT_EQ(clock.monotonic_us(), 1000);
    clock.advance_us(5);
    EXPECT_EQ(clock.wall_us(), 705);
}

TEST(SystemClock, MonotonicTimeNeverGoesBack) {
    const SystemClock clock;
    int64_t last = clock.monotonic_us();
    for (int look = 0; look < 1000; ++look) {
        const int64_t now = clock.monotonic_us();
        EXPECT_GE(now, last);
        last = now;
    }
}

TEST(SystemClock, WallTimeCountsFrom1970) {
    EXPECT_GT(SystemClock().wall_us(), 1'600'000'000'000'000);
}

}  // namespace
}  // namespace braid
