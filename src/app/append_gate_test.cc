// SPDX-License-Identifier: Apache-2.0
#include "app/append_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/test_support.h"

namespace braid::app {
namespace {

class AppendGateTest : public testing::Test {
  protected:
    SteppedClock clock_;
    Health health_{clock_, nullptr};
    std::shared_ptr<PartHealth> manifest_ = health_.add("manifest");
    std::shared_ptr<PartHealth> seal_ = health_.add("seal", "t");
    std::shared_ptr<PartHealth> fold_ = health_.add("fold", "t");
    std::shared_ptr<PartHealth> other_ = health_.add("fold", "other");
    AppendGate gate_{health_, "t", 100};
};

TEST_F(AppendGateTest, StandsOpenWhileItsOwnStreamIsWell) {
    EXPECT_OK(gate_.admit(1000));
    other_->fell_ill(io_error("elsewhere"));
    EXPECT_OK(gate_.admit(1000));
    seal_->tell(HealthState::kDegraded, io_error("slow"));
    EXPECT_OK(gate_.admit(1000));
}

TEST_F(AppendGateTest, ClosesAtOnceWhenNoSealCanEverSucceed) {
    fold_->fell_ill(io_error("a block is damaged"));
    const auto refused = gate_.admit(1);
    ASSERT_ERROR(refused, ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().detail(), testing::HasSubstr("a block is damaged"));
    fold_->recovered();
    EXPECT_OK(gate_.admit(1));
    manifest_->fell_ill(io_error("outcome unknown"));
    EXPECT_ERROR(gate_.admit(1), ErrorCode::kUnavailable);
}

TEST_F(AppendGateTest, TakesABoundedBacklogWhileSealsFail) {
    seal_->fell_ill(io_error("no room"));
    EXPECT_OK(gate_.admit(60));
    EXPECT_OK(gate_.admit(40));
    EXPECT_ERROR(gate_.admit(1), ErrorCode::kUnavailable);
    seal_->recovered();
    EXPECT_OK(gate_.admit(100));
    seal_->fell_ill(io_error("again"));
    EXPECT_OK(gate_.admit(100)) << "what was sealed meanwhile does not count";
    EXPECT_ERROR(gate_.admit(1), ErrorCode::kUnavailable);
}

TEST_F(AppendGateTest, ARecoveryBesideAnotherIllnessIsNoticedToo) {
    seal_->fell_ill(io_error("no room"));
    EXPECT_OK(gate_.admit(100));
    other_->fell_ill(io_error("elsewhere"));
    seal_->recovered();
    EXPECT_OK(gate_.admit(1000));
}

}  // namespace
}  // namespace braid::app
