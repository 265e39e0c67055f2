// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_finisher.h"

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/test_support.h"
#include "columnar/text_io.h"
#include "plan/function.h"

namespace braid::read {
namespace {

using plan::ExprPtr;
using Kind = plan::Expr::Kind;

const Type kInt8 = Type::of(TypeKind::kInt8);
const Type kBool = Type::of(TypeKind::kBool);

enum Output : int { kKey, kCount, kSum, kRatio };

ExprPtr column(int index) { return plan::column_ref(index, kInt8); }
ExprPtr compared(const char* op, int index, int64_t value) {
    return plan::call(plan::function_by_key(std::string(op) + "(int8,int8)"),
                      {column(index), plan::constant(Datum::int8(value))});
}

/// SELECT k, count(*) AS c, sum(n) AS s, 100 / count(*) AS r … GROUP BY k.
operators::BoundView test_view(ExprPtr having = nullptr) {
    auto plan = std::make_shared<plan::ViewPlan>();
    plan->keys = {column(0)};
    plan->key_schema = {{{"k", kInt8}}};
    plan->aggregates.resize(2);
    const ExprPtr ratio = plan::call(plan::function_by_key("/(int8,int8)"),
                                     {plan::constant(Datum::int8(100)), column(1)});
    plan->outputs = {{"k", column(0)}, {"c", column(1)}, {"s", column(2)}, {"r", ratio}};
    plan->having = std::move(having);
    return {plan, {.format = utc_format()}};
}

Column int8s(const std::vector<int64_t>& values) {
    return Column::flat<int64_t>(kInt8, std::vector<int64_t>(values));
}

/// Keys 1 to 5 with counts 10, 20, 0, 40, 50; the sum of key 3 cannot be finished.
FinishInput five_groups() {
    FinishInput input;
    input.length = 5;
    input.keys = {int8s({1, 2, 3, 4, 5})};
    input.aggregates.resize(2);
    input.aggregates[0].column = int8s({10, 20, 0, 40, 50});
    input.aggregates[1].column = int8s({7, 8, 0, 9, 10});
    input.aggregates[1].errors.push_back(
        {2, invalid_input("value overflows numeric format").with_sqlstate("22003")});
    return input;
}

/// The keys given, then why no more.
std::string finished(const ViewRows& wanted, ExprPtr having = nullptr) {
    auto finisher = ViewFinisher::create(test_view(std::move(having)), wanted).value();
    const FinishedRows rows = finisher.finish(five_groups());
    std::string text;
    for (uint32_t row = 0; row < rows.rows.length; ++row) {
        format_text(rows.rows.columns.front(), row, utc_format(), text);
        text += ' ';
    }
    if (rows.failure) text += rows.failure->message();
    return text;
}

constexpr const char* kSumOfKey3 = "column \"s\" of the group k=3: value overflows numeric format";

TEST(ViewFinisher, FinishesOnlyTheColumnsThatAreAskedFor) {
    EXPECT_EQ(finished({{kKey, kCount}, nullptr, {}}), "1 2 3 4 5 ");
    auto finisher = ViewFinisher::create(test_view(), {{kKey, kRatio}, nullptr, {}}).value();
    EXPECT_EQ(finisher.wanted_aggregates(), (std::vector<bool>{true, false}));
}

TEST(ViewFinisher, GivesTheRowsBeforeTheOneThatFailsAndNamesColumnAndKey) {
    EXPECT_EQ(finished({{kKey, kSum}, nullptr, {}}), std::string("1 2 ") + kSumOfKey3);
    EXPECT_EQ(finished({{kKey, kRatio}, nullptr, {}}),
              "1 2 column \"r\" of the group k=3: division by zero");
    auto finisher = ViewFinisher::create(test_view(), {{kSum}, nullptr, {}}).value();
    EXPECT_EQ(finisher.finish(five_groups()).failure->sqlstate(), "22003");
}

TEST(ViewFinisher, ARowThatThePredicateDropsCannotFail) {
    const auto with = [](ExprPtr predicate) {
        return finished({{kKey, kCount, kSum}, std::move(predicate), {}});
    };
    EXPECT_EQ(with(compared("<>", kKey, 3)), "1 2 4 5 ");
    EXPECT_EQ(with(compared(">", kCount, 0)), "1 2 4 5 ");
    EXPECT_EQ(
        with(plan::make(Kind::kAnd, kBool, {compared(">", kSum, 0), compared("<>", kKey, 3)})),
        "1 2 4 5 ");
    EXPECT_EQ(with(compared(">", kSum, 0)), std::string("1 2 ") + kSumOfKey3);
    EXPECT_EQ(with(compared("<>", kKey, 2)), std::string("1 2 ") + kSumOfKey3)
        << "whoever reads drops key 2";
}

TEST(ViewFinisher, ARowThatHavingDropsCannotFail) {
    EXPECT_EQ(finished({{kKey, kSum}, nullptr, {}}, compared(">", 1, 0)), "1 2 4 5 ");
    EXPECT_EQ(finished({{kKey}, nullptr, {}}, compared(">", 2, 0)),
              "1 2 HAVING of the group k=3: value overflows numeric format");
    EXPECT_EQ(finished({{kKey}, compared("<>", kKey, 3), {}}, compared(">", 2, 0)), "1 2 4 5 ");
}

}  // namespace
}  // namespace braid::read
