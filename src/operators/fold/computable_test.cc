// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/computable.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "columnar/text_io.h"
#include "plan/function.h"

namespace braid::operators {
namespace {

using plan::ExprPtr;
using Kind = plan::Expr::Kind;

const Type kBool = Type::of(TypeKind::kBool);
const Type kText = Type::of(TypeKind::kText);
const Type kInt4 = Type::of(TypeKind::kInt4);

ExprPtr number(int32_t value) { return plan::constant(Datum::int4(value)); }
ExprPtr text(std::string value) { return plan::constant(Datum::text(std::move(value))); }
ExprPtr number_column() { return plan::column_ref(0, kInt4); }
ExprPtr text_column() { return plan::column_ref(1, kText); }
ExprPtr quotient(ExprPtr left, ExprPtr right) {
    return plan::call(plan::function_by_key("/(int4,int4)"), {std::move(left), std::move(right)});
}
ExprPtr is_positive() {
    return plan::call(plan::function_by_key(">(int4,int4)"), {number_column(), number(0)});
}
ExprPtr matches(std::string pattern) {
    return plan::call(plan::function_by_key("~(text,text)"),
                      {text_column(), text(std::move(pattern))});
}

/// The SQLSTATE with which a view that counts rows is refused; empty if it is not.
std::string refusal(const plan::ViewPlan& view) {
    const Result<void> checked = check_computable(view, {.format = utc_format()});
    return checked ? "" : std::string(checked.error().sqlstate());
}
std::string refusal_of_key(ExprPtr key) {
    plan::ViewPlan view;
    view.keys = {std::move(key)};
    return refusal(view);
}

TEST(Computable, RefusesWhatFailsForEveryEvent) {
    EXPECT_EQ(refusal_of_key(quotient(number(1), number(0))), "22012");
    EXPECT_EQ(refusal_of_key(quotient(number_column(), number(0))), "22012");
    EXPECT_EQ(refusal_of_key(matches(R"((a)\1)")), "0A000");
    EXPECT_EQ(refusal_of_key(matches("(")), "2201B");
    const auto* part = plan::function_by_key("split_part(text,text,int4)");
    EXPECT_EQ(refusal_of_key(plan::call(part, {text_column(), text(","), number(0)})), "22023");
    // Beside it stands something that is always computed.
    EXPECT_EQ(
        refusal_of_key(plan::make(Kind::kIsNull, kBool, {quotient(number_column(), number(0))})),
        "22012");
}

TEST(Computable, AcceptsWhatSomeEventMayPass) {
    EXPECT_EQ(refusal_of_key(quotient(number(1), number_column())), "");
    EXPECT_EQ(refusal_of_key(matches("^a+$")), "");
    EXPECT_EQ(refusal_of_key(plan::call(plan::function_by_key("cast:int4(text)"), {text_column()})),
              "");
    EXPECT_EQ(refusal_of_key(plan::call(plan::function_by_key("+(int4,int4)"),
                                        {number_column(), number(INT32_MAX)})),
              "");
}

TEST(Computable, AcceptsWhatIsGuarded) {
    const ExprPtr fails = quotient(number(1), number(0));
    const ExprPtr refuses = matches(R"((a)\1)");
    const ExprPtr none = plan::constant(Datum::null(kInt4));
    EXPECT_EQ(refusal_of_key(plan::make(Kind::kCase, kInt4, {is_positive(), fails, none})), "");
    EXPECT_EQ(refusal_of_key(plan::make(Kind::kCase, kInt4,
                                        {plan::constant(Datum::boolean(false)), fails, none})),
              "");
    EXPECT_EQ(refusal_of_key(plan::make(Kind::kCoalesce, kInt4, {number_column(), fails})), "");
    EXPECT_EQ(refusal_of_key(plan::make(Kind::kAnd, kBool, {is_positive(), refuses})), "");
    EXPECT_EQ(refusal_of_key(plan::make(Kind::kAnd, kBool, {refuses, is_positive()})), "0A000");
    plan::ViewPlan view;
    view.filter = plan::constant(Datum::boolean(false));
    view.keys = {fails};
    EXPECT_EQ(refusal(view), "");
    view.filter = is_positive();
    EXPECT_EQ(refusal(view), "22012");
}

TEST(Computable, FilterGuardsItsArgumentOnly) {
    plan::ViewPlan view;
    plan::Aggregate sum;
    sum.kind = plan::AggregateKind::kSum;
    sum.arguments = {quotient(number(1), number(0))};
    view.aggregates = {sum};
    EXPECT_EQ(refusal(view), "22012");
    view.aggregates[0].filter = is_positive();
    EXPECT_EQ(refusal(view), "");
    view.aggregates[0].filter = matches(R"((a)\1)");
    EXPECT_EQ(refusal(view), "0A000");
}

TEST(Computable, LooksAtWhatIsMadeOfFinishedAggregates) {
    plan::ViewPlan view;
    view.outputs = {{"x", quotient(number_column(), number(0))}};
    EXPECT_EQ(refusal(view), "22012");
    view.having = plan::constant(Datum::boolean(false));
    EXPECT_EQ(refusal(view), "");
    view.having = matches("(");
    EXPECT_EQ(refusal(view), "2201B");
}

}  // namespace
}  // namespace braid::operators
