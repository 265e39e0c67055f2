// SPDX-License-Identifier: Apache-2.0
#include "app/clock_watch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/trace.h"

namespace braid::app {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;

class ClockWatchTest : public testing::Test {
  protected:
    void SetUp() override {
        set_trace_sink([this](TraceLevel, std::string_view, std::string_view text) {
            told_.emplace_back(text);
        });
        watch_.look();
    }
    void TearDown() override { set_trace_sink({}); }
    int64_t jumps() {
        return metrics_.get("braid_clock_jumps_total", Metrics::Kind::kCounter, "").get();
    }
    int64_t seconds() {
        return metrics_.get("braid_clock_jump_seconds", Metrics::Kind::kGauge, "").get();
    }
    SteppedClock clock_;
    Metrics metrics_;
    ClockWatch watch_{clock_, metrics_};
    std::vector<std::string> told_;
};

TEST_F(ClockWatchTest, TellsEachJumpOnce) {
    clock_.jump_us(25 * kHourUs);
    for (int look = 0; look < 3; ++look) watch_.look();
    EXPECT_EQ(jumps(), 1);
    EXPECT_EQ(seconds(), 90'000);
    ASSERT_EQ(told_.size(), 1U);
    EXPECT_NE(told_[0].find("jumped by 90000 s"), std::string::npos) << told_[0];
    clock_.jump_us(-25 * kHourUs);
    watch_.look();
    EXPECT_EQ(jumps(), 2);
    EXPECT_EQ(seconds(), -90'000);
}

TEST_F(ClockWatchTest, TimeThatPassesAndAClockThatIsDisciplinedAreNoJumps) {
    for (int look = 0; look < 100; ++look) {
        clock_.advance_us(kHourUs);
        clock_.jump_us(-500'000);
        watch_.look();
    }
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(jumps(), 0);
}

}  // namespace
}  // namespace braid::app
