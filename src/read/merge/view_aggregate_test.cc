// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/test_support.h"
#include "plan/function.h"
#include "read/merge/pieces_test_support.h"

namespace braid::read::test {
namespace {

using plan::Node;

/// SELECT … FROM the view: all its columns, then the aggregates of the test by `groups`.
std::shared_ptr<Node> combine_by(const std::vector<int>& groups) {
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kAggregate;
    const auto outputs = pieces_view().plan->outputs;
    for (size_t column = 0; column < outputs.size(); ++column) {
        scan->scan_columns.push_back(static_cast<int>(column));
        scan->output.fields.push_back({outputs[column].name, outputs[column].expr->type});
    }
    for (const int group : groups) {
        node->exprs.push_back(plan::column_ref(group, kInt8));
        node->output.fields.push_back({"key", kInt8});
    }
    for (const int column : {2, 3, 4}) {
        const Type type = scan->output.fields[static_cast<size_t>(column)].type;
        node->aggregates.push_back(
            {.name = "combine", .arguments = {plan::column_ref(column, type)}, .result = type});
        node->output.fields.push_back({"combined", type});
    }
    node->aggregates.push_back({.name = "count", .result = kInt8});
    node->output.fields.push_back({"rows", kInt8});
    node->aggregates.push_back(
        {.name = "max", .arguments = {plan::column_ref(2, kInt8)}, .result = kInt8});
    node->output.fields.push_back({"largest", kInt8});
    node->inputs = {std::move(scan)};
    return node;
}

Result<std::vector<std::string>> combined(const PiecesTiling& tiling, const Node& node,
                                          size_t threads, const StatementLimits& limits = {}) {
    PieceThreads pieces({.threads = threads, .rows_min = 10});
    const operators::BoundView view = pieces_view();
    const RowSourcePtr rows =
        TRY(open_view_aggregate(node, {view, tiling.tiling(), view.context, limits}, pieces));
    return sorted(TRY(lines_of(*rows)));
}

plan::ExprPtr below(int column, int64_t value) {
    return plan::call(plan::function_by_key("<(int8,int8)"),
                      {plan::column_ref(column, kInt8), plan::constant(Datum::int8(value))});
}

TEST(ViewAggregate, EndsWhenTheStatementShould) {
    Random random(1);
    PiecesTiling tiling;
    tiling.add_run(random_events(random, 3'000, 2'000));
    const auto node = combine_by({0});
    const SystemClock clock;
    const auto cancel = std::make_shared<CancelToken>();
    cancel->cancelled = true;
    const StatementLimits is_cancelled(cancel, clock, std::numeric_limits<int64_t>::max());
    const StatementLimits is_late(nullptr, clock, clock.monotonic_us());
    for (const size_t threads : {1, 2}) {
        EXPECT_ERROR(combined(tiling, *node, threads, is_cancelled), ErrorCode::kCancelled);
        EXPECT_ERROR(combined(tiling, *node, threads, is_late), ErrorCode::kTimeout);
    }
}

TEST(ViewAggregate, IsTheSameByAnyNumberOfThreads) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
        Random random(seed);
        PiecesTiling tiling;
        tiling.add_run(random_events(random, 3'000, 2'000));
        if (seed % 2 == 0) tiling.add_run(random_events(random, 600, 2'500));
        if (seed % 3 != 0) tiling.add_tick(random_events(random, 900, 2'200));
        for (const std::vector<int>& groups : {std::vector<int>{0}, {1}, {0, 1}, {}}) {
            const auto node = combine_by(groups);
            ASSERT_OK_AND_ASSIGN(const auto alone, combined(tiling, *node, 1));
            EXPECT_FALSE(alone.empty());
            for (const size_t threads : {2, 7}) {
                ASSERT_OK_AND_ASSIGN(const auto lines, combined(tiling, *node, threads));
                EXPECT_EQ(lines, alone) << threads << " threads";
            }
        }
    }
}

TEST(ViewAggregate, ReadsTheKeysThatAreAskedForAlone) {
    PiecesTiling tiling;
    Events events;
    for (int64_t key = 0; key < 3'000; ++key) events.emplace_back(key, key % 2);
    tiling.add_run(events);
    tiling.add_tick(events);
    const auto node = combine_by({0});
    auto filter = std::make_shared<Node>();
    filter->kind = Node::Kind::kFilter;
    filter->predicate = below(0, 2);
    filter->inputs = node->inputs;
    filter->output = filter->inputs.front()->output;
    node->inputs = {filter};
    for (const size_t threads : {1, 2}) {
        ASSERT_OK_AND_ASSIGN(const auto lines, combined(tiling, *node, threads));
        EXPECT_THAT(lines, testing::ElementsAre("0|200|100|2|100|2", "1|200|100|2|100|2"));
    }
}

TEST(ViewAggregate, OfNothingHasARowWithoutGroupsAlone) {
    const PiecesTiling tiling;
    ASSERT_OK_AND_ASSIGN(const auto grouped, combined(tiling, *combine_by({0}), 2));
    EXPECT_TRUE(grouped.empty());
    ASSERT_OK_AND_ASSIGN(const auto whole, combined(tiling, *combine_by({}), 2));
    EXPECT_EQ(whole.size(), 1U);
}

}  // namespace
}  // namespace braid::read::test
