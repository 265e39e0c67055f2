// SPDX-License-Identifier: Apache-2.0
#include "read/array_parameters.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "operators/expr/evaluator.h"

namespace braid::read {
namespace {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;

constexpr Type kInt4 = Type::of(TypeKind::kInt4);

/// `value op ANY ($1)`, or ALL, as the binder makes it.
plan::NodePtr comparison(std::string_view function, const Datum& value, const Type& element,
                         bool is_all) {
    auto parameter = std::make_shared<Expr>();
    parameter->kind = Expr::Kind::kParameter;
    parameter->type = *array_of(element);
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    scan->relation = {plan::RelationRef::Kind::kFunction, {}, {}, "unnest"};
    scan->output.fields = {{"unnest", element}};
    scan->scan_columns = {0};
    scan->scan_arguments = {parameter};
    auto expr = std::make_shared<Expr>();
    expr->kind = Expr::Kind::kSubquery;
    expr->type = Type::of(TypeKind::kBool);
    expr->subquery_kind = is_all ? Expr::SubqueryKind::kAll : Expr::SubqueryKind::kAny;
    expr->comparison = plan::function_by_key(function);
    expr->arguments = {plan::constant(value)};
    expr->subquery = scan;
    auto rows = std::make_shared<Node>();
    rows->kind = Node::Kind::kValues;
    rows->output.fields = {{"x", expr->type}};
    rows->rows = {{expr}};
    return rows;
}

/// "t", "f", "~" for NULL, or the SQLSTATE.
std::string answer(const plan::NodePtr& root, const Datum& parameter) {
    const std::vector<Datum> parameters{parameter};
    const auto rewritten = with_array_elements(root, parameters, utc_format());
    if (!rewritten) return std::string(rewritten.error().sqlstate());
    const auto value = operators::evaluate_constant(*(*rewritten)->rows[0][0],
                                                    {utc_format(), nullptr, parameters, nullptr});
    if (!value) return std::string(value.error().sqlstate());
    return value->is_null() ? "~" : value->as<bool>() ? "t" : "f";
}

Datum array(const Type& element, std::string_view literal) {
    return {*array_of(element), std::string(literal)};
}

TEST(ArrayParameters, KnowThreeValues) {
    const auto any = [](const Datum& value, const Datum& parameter) {
        return answer(comparison("=(int4,int4)", value, kInt4, false), parameter);
    };
    const auto all = [](const Datum& value, const Datum& parameter) {
        return answer(comparison("<>(int4,int4)", value, kInt4, true), parameter);
    };
    const Datum one = Datum::int4(1);
    EXPECT_EQ(any(one, array(kInt4, "{1,2}")), "t");
    EXPECT_EQ(any(one, array(kInt4, "{2,3}")), "f");
    EXPECT_EQ(any(one, array(kInt4, "{NULL,2}")), "~");
    EXPECT_EQ(any(one, array(kInt4, "{NULL,1}")), "t");
    EXPECT_EQ(any(one, array(kInt4, "{}")), "f");
    EXPECT_EQ(any(one, Datum::null(*array_of(kInt4))), "~");
    EXPECT_EQ(any(Datum::null(kInt4), array(kInt4, "{1}")), "~");
    EXPECT_EQ(any(Datum::null(kInt4), array(kInt4, "{}")), "f");
    EXPECT_EQ(all(one, array(kInt4, "{2,3}")), "t");
    EXPECT_EQ(all(one, array(kInt4, "{1,NULL}")), "f");
    EXPECT_EQ(all(one, array(kInt4, "{NULL,2}")), "~");
    EXPECT_EQ(all(one, array(kInt4, "{}")), "t");
    EXPECT_EQ(any(one, array(kInt4, "{{2,3},{4,1}}")), "t");
}

TEST(ArrayParameters, CompareByTheTypeOfTheElements) {
    const Type numeric = Type::of(TypeKind::kNumeric);
    ASSERT_OK_AND_ASSIGN(const Datum one, parse_text("1.0", numeric, utc_format()));
    EXPECT_EQ(
        answer(comparison("=(numeric,numeric)", one, numeric, false), array(numeric, "{1.00}")),
        "t");
    EXPECT_EQ(
        answer(comparison("<(int4,int4)", Datum::int4(9), kInt4, false), array(kInt4, "{10,8}")),
        "t");
    EXPECT_EQ(
        answer(comparison(">(int4,int4)", Datum::int4(9), kInt4, true), array(kInt4, "{10,8}")),
        "f");
    EXPECT_EQ(answer(comparison("=(int8,int4)", Datum::int8(7), kInt4, false), array(kInt4, "{7}")),
              "t");
    EXPECT_EQ(answer(comparison("=(int4,int4)", Datum::int4(9), kInt4, false),
                     array(Type::of(TypeKind::kText), "{x}")),
              "22P02");
}

TEST(ArrayParameters, BecomeAListThatTheKernelKnows) {
    const auto root = comparison("=(int8,int4)", Datum::int8(7), kInt4, false);
    ASSERT_OK_AND_ASSIGN(const plan::NodePtr rewritten,
                         with_array_elements(root, {array(kInt4, "{7,8}")}, utc_format()));
    EXPECT_EQ(rewritten->rows[0][0]->kind, Expr::Kind::kIn);
    ASSERT_OK_AND_ASSIGN(const plan::NodePtr same,
                         with_array_elements(root, {Datum::int4(1)}, utc_format()));
    EXPECT_EQ(same, root);
}

}  // namespace
}  // namespace braid::read
