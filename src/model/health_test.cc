// SPDX-License-Identifier: Apache-2.0
#include "model/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"

namespace braid {
namespace {

using testing::HasSubstr;
using testing::Not;

class HealthTest : public testing::Test {
  protected:
    SteppedClock clock_;
    Metrics metrics_;
    Health health_{clock_, &metrics_};
};

TEST_F(HealthTest, TellsWhichPartIsIllAndWhy) {
    const auto manifest = health_.add("manifest");
    const auto seal = health_.add("seal", "access");
    EXPECT_TRUE(health_.has_no_illness());
    clock_.advance_us(5);
    seal->fell_ill(io_error("no room"));
    const auto reports = health_.report();
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].part, "manifest");
    EXPECT_EQ(reports[0].state, HealthState::kWell);
    EXPECT_EQ(reports[1].stream, "access");
    EXPECT_EQ(reports[1].state, HealthState::kIll);
    EXPECT_THAT(reports[1].reason, HasSubstr("no room"));
    EXPECT_EQ(reports[1].since_us, clock_.wall_us());
    EXPECT_EQ(health_.state(), HealthState::kIll);
    EXPECT_FALSE(health_.has_no_illness());
    EXPECT_THAT(metrics_.to_prometheus(),
                HasSubstr("braid_part_state{part=\"seal\",table=\"access\"} 2"));
}

TEST_F(HealthTest, AnIllnessEndsWithARecoveryOrWithItsPart) {
    const auto seal = health_.add("seal", "a");
    auto fold = health_.add("fold", "a");
    seal->fell_ill(io_error("once"));
    seal->fell_ill(io_error("twice"));
    fold->tell(HealthState::kIll, io_error("x"));
    fold->tell(HealthState::kDegraded, io_error("y"));
    EXPECT_FALSE(health_.has_no_illness());
    seal->recovered();
    EXPECT_TRUE(health_.has_no_illness());
    EXPECT_EQ(health_.state(), HealthState::kDegraded);
    fold->fell_ill(io_error("z"));
    fold.reset();
    EXPECT_TRUE(health_.has_no_illness());
    EXPECT_EQ(health_.report().size(), 1U);
}

TEST_F(HealthTest, NamesOfStreamsAreEscapedInMetrics) {
    const auto part = health_.add("seal", "a\"b\\\n");
    EXPECT_THAT(metrics_.to_prometheus(), HasSubstr("table=\"a\\\"b\\\\\\n\"} 0"));
}

TEST(PartHealth, NeedsNobodyToTell) {
    const auto part = Health::add_to(nullptr, "seal");
    part->fell_ill(io_error("x"));
    EXPECT_EQ(part->state(), HealthState::kIll);
}

}  // namespace
}  // namespace braid
