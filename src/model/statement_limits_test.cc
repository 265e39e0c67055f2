// SPDX-License-Identifier: Apache-2.0
#include "model/statement_limits.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid {
namespace {

TEST(StatementLimits, WithoutAnyNothingEnds) {
    const StatementLimits limits;
    EXPECT_OK(limits.check());
    HeldMemory held(limits);
    EXPECT_OK(held.take(UINT64_MAX));
}

TEST(StatementLimits, EndAtTheDeadlineAndWhenCancelled) {
    SteppedClock clock;
    const auto cancel = std::make_shared<CancelToken>();
    const StatementLimits limits(cancel, clock, clock.monotonic_us() + 1);
    EXPECT_OK(limits.check());
    clock.advance_us(1);
    EXPECT_ERROR(limits.check(), ErrorCode::kTimeout, "57014");
    cancel->cancelled = true;
    EXPECT_ERROR(limits.check(), ErrorCode::kCancelled, "57014");
}

TEST(StatementLimits, MemoryIsOfTheStatementAndComesBack) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, 100);
    const StatementLimits same = limits;
    HeldMemory first(limits);
    {
        HeldMemory second(same);
        EXPECT_OK(first.take(60));
        EXPECT_OK(second.take(40));
        EXPECT_ERROR(first.take(1), ErrorCode::kExhausted, "53200");
    }
    EXPECT_OK(first.take(40));
    first.give_back();
    EXPECT_OK(first.take(100));
    EXPECT_ERROR(first.take(1), ErrorCode::kExhausted, "53200");
}

TEST(StatementLimits, ShareTheMemoryOfAll) {
    Metrics metrics;
    MemoryShare all("statements", 100, metrics);
    SteppedClock clock;
    const StatementLimits one({}, clock, INT64_MAX, 80, &all);
    const StatementLimits other({}, clock, INT64_MAX, 80, &all);
    {
        HeldMemory held(one);
        HeldMemory more(other);
        ASSERT_OK(held.take(80));
        EXPECT_ERROR(held.take(1), ErrorCode::kExhausted, "53200");
        ASSERT_OK(more.take(20));
        EXPECT_ERROR(more.take(1), ErrorCode::kExhausted, "53200");
        EXPECT_EQ(more.take(1).error().detail(), "All statements together may hold 0 MiB.");
        held.give_back();
        ASSERT_OK(more.take(60));
    }
    EXPECT_EQ(all.bytes(), 0U);
}

}  // namespace
}  // namespace braid
