// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(CheckDeathTest, NamesExpressionAndBothValues) {
    const int left = 1;
    EXPECT_DEATH(CHECK_EQ(left, 2), "check failed: left == 2 \\(1 vs. 2\\)");
    EXPECT_DEATH(CHECK(left > 3), "check failed: left > 3");
}

TEST(Check, LetsTheTruthPass) {
    CHECK(true);
    CHECK_EQ(1, 1);
    CHECK_LT(1, 2);
    CHECK_GE(2, 2);
}

}  // namespace
}  // namespace braid
