// SPDX-License-Identifier: Apache-2.0
#include "model/tasks.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

TEST(Tasks, ShowsWhatHasNotEnded) {
    SteppedClock clock;
    Tasks tasks(clock);
    EXPECT_THAT(tasks.report(), IsEmpty());
    std::optional<Tasks::Running> refresh = tasks.begin("refresh", {7}, "events");
    const Tasks::Running compact = tasks.begin("compact", {9}, "rows");
    refresh->begin(100);
    refresh->advance(30);
    refresh->advance(12);
    const auto reports = tasks.report();
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].kind, "refresh");
    EXPECT_EQ(reports[0].table, TableId{7});
    EXPECT_EQ(reports[0].done, 42U);
    EXPECT_EQ(reports[0].all, 100U);
    EXPECT_EQ(reports[0].unit, "events");
    EXPECT_EQ(reports[0].began_at_us, clock.wall_us());
    refresh.reset();
    EXPECT_THAT(tasks.report(), ElementsAre(Field(&TaskReport::kind, "compact")));
}

TEST(Tasks, GoOnAsLongAsSomebodyHoldsThem) {
    const SteppedClock clock;
    Tasks tasks(clock);
    std::optional<Tasks::Running> task = tasks.begin("backfill", {1}, "events");
    std::optional<Tasks::Running> held = task;
    task.reset();
    held->begin(5);
    EXPECT_THAT(tasks.report(), ElementsAre(Field(&TaskReport::all, 5U)));
    held.reset();
    EXPECT_THAT(tasks.report(), IsEmpty());
}

TEST(Tasks, OfNothingCountNothing) {
    const Tasks::Running none;
    none.begin(3);
    none.advance(1);
    EXPECT_EQ(none.done(), 0U);
    EXPECT_EQ(none.all(), 0U);
}

}  // namespace
}  // namespace braid
