// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_scan.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "read/merge/pieces_test_support.h"

namespace braid::read::test {
namespace {

/// Each time that it is asked a microsecond has gone by.
class CountingClock final : public Clock {
  public:
    int64_t wall_us() const override { return 0; }
    int64_t monotonic_us() const override { return ++asked_; }

  private:
    mutable int64_t asked_ = 0;
};

Events each_once(int64_t keys) {
    Events events;
    for (int64_t key = 0; key < keys; ++key) events.emplace_back(key, 1);
    return events;
}

ViewRows all_columns(StatementLimits limits) {
    ViewRows rows{{0, 1, 2, 3, 4}, nullptr, {}};
    rows.context.limits = std::move(limits);
    return rows;
}

/// One run streams, the other is merged before.
class ViewScanTest : public ::testing::Test {
  protected:
    ViewScanTest() {
        tiling_.add_run(each_once(20'000));
        tiling_.add_run(each_once(20'000));
    }

    Result<RowSourcePtr> open(StatementLimits limits) {
        return ViewScan::open(pieces_view(), tiling_.tiling(), ViewPiece{},
                              all_columns(std::move(limits)));
    }

    PiecesTiling tiling_;
};

TEST_F(ViewScanTest, MergingEndsAtTheDeadline) {
    const CountingClock clock;
    EXPECT_ERROR(open({nullptr, clock, 3}), ErrorCode::kTimeout, "57014");
}

TEST_F(ViewScanTest, StreamingKeysThatAreAllMergedEndsAtTheDeadline) {
    const SteppedClock clock;
    const auto cancel = std::make_shared<CancelToken>();
    ASSERT_OK_AND_ASSIGN(const RowSourcePtr rows, open({cancel, clock, INT64_MAX}));
    cancel->cancelled = true;
    Batch batch;
    EXPECT_ERROR(rows->next(batch), ErrorCode::kCancelled, "57014");
}

TEST_F(ViewScanTest, WithoutLimitsAllIsRead) {
    ASSERT_OK_AND_ASSIGN(const RowSourcePtr rows, open({}));
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> lines, lines_of(*rows));
    EXPECT_EQ(lines.size(), 20'000U);
}

}  // namespace
}  // namespace braid::read::test
