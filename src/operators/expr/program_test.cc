// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "columnar/text_io.h"
#include "operators/expr/body_registry.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

namespace braid::operators {
namespace {

using plan::ExprPtr;
using Kind = plan::Expr::Kind;

constexpr Type kInt4 = Type::of(TypeKind::kInt4);
constexpr Type kText = Type::of(TypeKind::kText);
constexpr Type kBool = Type::of(TypeKind::kBool);

ExprPtr function(std::string_view key, std::vector<ExprPtr> arguments) {
    return plan::call(plan::function_by_key(key), std::move(arguments));
}
ExprPtr int4(int32_t value) { return plan::constant(Datum::int4(value)); }
ExprPtr text(std::string value) { return plan::constant(Datum::text(std::move(value))); }
ExprPtr column(int index, Type type = kInt4) { return plan::column_ref(index, type); }

/// "NULL" makes a NULL.
Column column_of(Type type, const std::vector<std::string>& values) {
    ColumnBuilder builder(type);
    for (const std::string& value : values) {
        if (value == "NULL") {
            builder.append_null();
        } else {
            EXPECT_TRUE(parse_text_into(builder, value, utc_format()).has_value()) << value;
        }
    }
    return builder.finish();
}

Column dictionary_of(const std::vector<std::string>& values, std::vector<int32_t> codes) {
    return Column::dictionary(column_of(kText, values), std::move(codes));
}

Batch batch_of(std::vector<Column> columns) {
    const size_t length = columns.empty() ? 1 : columns[0].length();
    return {.length = length, .columns = std::move(columns)};
}

/// One text per row: the value, NULL, or ! and the SQLSTATE.
std::vector<std::string> shown(const Evaluated& result) {
    std::vector<std::string> out;
    size_t error = 0;
    for (size_t row = 0; row < result.column.length(); ++row) {
        if (error < result.errors.size() && result.errors[error].row == row) {
            out.push_back("!" + std::string(result.errors[error++].error.sqlstate()));
            continue;
        }
        if (result.column.is_null(row)) {
            out.push_back("NULL");
            continue;
        }
        out.emplace_back();
        format_text(result.column, row, utc_format(), out.back());
    }
    return out;
}

using Rows = std::vector<std::string>;

Rows run(const ExprPtr& expr, const Batch& batch, EvaluationContext context = {}) {
    auto program = Program::compile({expr}, std::move(context));
    EXPECT_TRUE(IS_OK(program));
    if (!program.has_value()) return {};
    return shown((*program)->run(batch)[0]);
}

/// 10 / column 0: fails where the column is 0.
ExprPtr tenth(int index = 0) { return function("/(int4,int4)", {int4(10), column(index)}); }

ExprPtr is_positive(int index) { return function(">(int4,int4)", {column(index), int4(0)}); }

TEST(Program, KeepsErrorsInTheirRows) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "5"})});
    EXPECT_EQ(run(tenth(), batch), (Rows{"10", "!22012", "NULL", "2"}));
}

TEST(Program, CaseShieldsBranchesThatItDoesNotTake) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "5", "-2"})});
    const ExprPtr expr = plan::make(Kind::kCase, kInt4, {is_positive(0), tenth(), int4(-1)});
    EXPECT_EQ(run(expr, batch), (Rows{"10", "-1", "-1", "2", "-1"}));
}

TEST(Program, CaseFailsWhereAConditionFails) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0"})});
    const ExprPtr condition = function("=(int4,int4)", {tenth(), int4(10)});
    const ExprPtr expr = plan::make(Kind::kCase, kInt4, {condition, int4(1), int4(2)});
    EXPECT_EQ(run(expr, batch), (Rows{"1", "!22012"}));
}

TEST(Program, CaseOfTextsMixesPieces) {
    const Batch batch =
        batch_of({column_of(kInt4, {"1", "0", "2"}), dictionary_of({"a", "b"}, {1, 0, -1})});
    const ExprPtr expr =
        plan::make(Kind::kCase, kText,
                   {is_positive(0), function("upper(text)", {column(1, kText)}), text("none")});
    EXPECT_EQ(run(expr, batch), (Rows{"B", "none", "NULL"}));
}

TEST(Program, NestedCasesSeeTheirOwnRows) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "-4", "20"})});
    const ExprPtr small = function("<(int4,int4)", {tenth(), int4(5)});
    const ExprPtr inner = plan::make(Kind::kCase, kInt4, {small, tenth(), int4(99)});
    const ExprPtr expr = plan::make(Kind::kCase, kInt4, {is_positive(0), inner, int4(-1)});
    EXPECT_EQ(run(expr, batch), (Rows{"99", "-1", "-1", "0"}));
}

TEST(Program, AndStopsAtFalse) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "-5"})});
    const ExprPtr fails = function("=(int4,int4)", {tenth(), int4(10)});
    const ExprPtr shielded = plan::make(Kind::kAnd, kBool, {is_positive(0), fails});
    EXPECT_EQ(run(shielded, batch), (Rows{"t", "f", "NULL", "f"}));
    const ExprPtr open = plan::make(Kind::kAnd, kBool, {fails, is_positive(0)});
    EXPECT_EQ(run(open, batch), (Rows{"t", "!22012", "NULL", "f"}));
}

TEST(Program, OrStopsAtTrueAndKeepsUnknown) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "-5"})});
    const ExprPtr is_zero = function("=(int4,int4)", {column(0), int4(0)});
    const ExprPtr ten = function("=(int4,int4)", {tenth(), int4(10)});
    const ExprPtr expr = plan::make(Kind::kOr, kBool, {is_zero, ten});
    EXPECT_EQ(run(expr, batch), (Rows{"t", "t", "NULL", "f"}));
}

TEST(Program, AndAsksTheOperandsBehindOneThatComesAgain) {
    const Batch batch = batch_of(
        {column_of(kInt4, {"1", "0", "NULL", "-5"}), column_of(kInt4, {"5", "5", "5", "5"})});
    const ExprPtr one = is_positive(0);
    const ExprPtr small = function("<(int4,int4)", {column(1), int4(3)});
    EXPECT_EQ(run(plan::make(Kind::kAnd, kBool, {one, small, is_positive(0)}), batch),
              (Rows{"f", "f", "f", "f"}));
    EXPECT_EQ(
        run(plan::make(Kind::kAnd, kBool, {is_positive(1), small, one, is_positive(1)}), batch),
        (Rows{"f", "f", "f", "f"}));
    const ExprPtr fails = function("=(int4,int4)", {tenth(), int4(10)});
    EXPECT_EQ(run(plan::make(Kind::kAnd, kBool, {one, fails, is_positive(0)}), batch),
              (Rows{"t", "f", "NULL", "f"}));
}

TEST(Program, OrAsksTheOperandsBehindOneThatComesAgain) {
    const Batch batch = batch_of(
        {column_of(kInt4, {"1", "0", "NULL", "-5"}), column_of(kInt4, {"5", "5", "5", "5"})});
    const ExprPtr all = is_positive(1);
    EXPECT_EQ(run(plan::make(Kind::kOr, kBool, {is_positive(0), all, is_positive(0)}), batch),
              (Rows{"t", "t", "t", "t"}));
    EXPECT_EQ(run(plan::make(Kind::kNot, kBool,
                             {plan::make(Kind::kOr, kBool, {is_positive(0), all, is_positive(0)})}),
                  batch),
              (Rows{"f", "f", "f", "f"}));
}

/// 10 / column 0 stands guarded in one expression and bare in another; the guard holds in whichever
/// order they come.
TEST(Program, WhatExpressionsShareIsGuardedWhereItStandsGuarded) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "5"})});
    const ExprPtr is_zero = function("=(int4,int4)", {column(0), int4(0)});
    const ExprPtr ten = function("=(int4,int4)", {tenth(), int4(10)});
    const std::vector<std::pair<ExprPtr, Rows>> guarded = {
        {plan::make(Kind::kCase, kInt4, {is_zero, int4(-1), tenth()}), {"10", "-1", "NULL", "2"}},
        {plan::make(Kind::kCase, kInt4, {is_zero, int4(-1), ten, tenth(), tenth()}),
         {"10", "-1", "NULL", "2"}},
        {plan::make(Kind::kOr, kBool, {is_zero, ten}), {"t", "t", "NULL", "f"}},
        {plan::make(Kind::kOr, kBool, {is_zero, ten, is_zero, ten}), {"t", "t", "NULL", "f"}},
        {plan::make(Kind::kCoalesce, kInt4,
                    {plan::make(Kind::kCase, kInt4,
                                {is_zero, column(0), plan::constant(Datum::null(kInt4))}),
                     tenth()}),
         {"10", "0", "NULL", "2"}},
        {plan::make(Kind::kIn, kBool, {column(0), int4(0), tenth()}), {"f", "t", "NULL", "f"}},
        {tenth(), {"10", "!22012", "NULL", "2"}},
        {ten, {"t", "!22012", "NULL", "f"}},
    };
    std::vector<size_t> order(guarded.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t turn = 0; turn < 2 * guarded.size(); ++turn) {
        std::vector<ExprPtr> exprs;
        for (const size_t at : order) exprs.push_back(guarded[at].first);
        ASSERT_OK_AND_ASSIGN(const auto program, Program::compile(exprs, {}));
        const std::vector<Evaluated> results = program->run(batch);
        for (size_t i = 0; i < order.size(); ++i) {
            EXPECT_EQ(shown(results[i]), guarded[order[i]].second) << turn << ", " << order[i];
        }
        std::ranges::rotate(order, order.begin() + 1);
        if (turn + 1 == guarded.size()) std::ranges::reverse(order);
    }
}

TEST(Program, AStrictFunctionOfAConstantNullAsksNothingElse) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL"})});
    const ExprPtr null = plan::constant(Datum::null(kInt4));
    EXPECT_EQ(run(function("+(int4,int4)", {tenth(), null}), batch),
              (Rows{"NULL", "NULL", "NULL"}));
    EXPECT_EQ(run(function("=(int4,int4)", {function("-(int4)", {null}), tenth()}), batch),
              (Rows{"NULL", "NULL", "NULL"}));
    auto parameter = std::make_shared<plan::Expr>();
    parameter->kind = Kind::kParameter;
    parameter->type = kInt4;
    const ExprPtr sum = function("+(int4,int4)", {tenth(), parameter});
    EvaluationContext context;
    context.parameters = {Datum::null(kInt4)};
    EXPECT_EQ(run(sum, batch, context), (Rows{"NULL", "NULL", "NULL"}));
    context.parameters = {Datum::int4(1)};
    EXPECT_EQ(run(sum, batch, context), (Rows{"11", "!22012", "NULL"}));
}

TEST(Program, ConstantFalseDecidesAndAsThePlannerDoes) {
    const Batch batch = batch_of({column_of(kInt4, {"0"})});
    const ExprPtr ten = function("=(int4,int4)", {tenth(), int4(10)});
    const ExprPtr never = plan::constant(Datum::boolean(false));
    EXPECT_EQ(run(plan::make(Kind::kAnd, kBool, {ten, never}), batch), (Rows{"f"}));
}

TEST(Program, CoalesceAsksOnlyWhereItMust) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "5"}),
                                  column_of(kInt4, {"7", "NULL", "NULL", "NULL"})});
    const ExprPtr expr = plan::make(Kind::kCoalesce, kInt4, {column(1), tenth(), int4(-1)});
    EXPECT_EQ(run(expr, batch), (Rows{"7", "!22012", "-1", "2"}));
}

TEST(Program, GreatestAndLeastSkipNulls) {
    const Batch batch = batch_of(
        {column_of(kInt4, {"1", "NULL", "9", "NULL"}), column_of(kInt4, {"5", "3", "2", "NULL"})});
    const std::vector<ExprPtr> both = {column(0), column(1)};
    EXPECT_EQ(run(plan::make(Kind::kGreatest, kInt4, both), batch), (Rows{"5", "3", "9", "NULL"}));
    EXPECT_EQ(run(plan::make(Kind::kLeast, kInt4, both), batch), (Rows{"1", "3", "2", "NULL"}));
}

TEST(Program, InListKnowsThreeValues) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL", "5"})});
    const ExprPtr null = plan::constant(Datum::null(kInt4));
    EXPECT_EQ(run(plan::make(Kind::kIn, kBool, {column(0), int4(5), int4(1)}), batch),
              (Rows{"t", "f", "NULL", "t"}));
    EXPECT_EQ(run(plan::make(Kind::kIn, kBool, {column(0), int4(5), null}), batch),
              (Rows{"NULL", "NULL", "NULL", "t"}));
    // Not all constant: from left to right, and only as far as needed.
    EXPECT_EQ(run(plan::make(Kind::kIn, kBool, {column(0), int4(0), tenth()}), batch),
              (Rows{"f", "t", "NULL", "f"}));
}

TEST(Program, InListOfTextsAsksDictionaryOnce) {
    const Batch batch = batch_of({dictionary_of({"GET", "POST", "PUT"}, {0, 1, 0, -1, 2})});
    const ExprPtr expr =
        plan::make(Kind::kIn, kBool, {column(0, kText), text("POST"), text("PUT")});
    EXPECT_EQ(run(expr, batch), (Rows{"f", "t", "f", "NULL", "t"}));
}

TEST(Program, DistinctFromTreatsNullAsAValue) {
    const Batch batch =
        batch_of({column_of(kInt4, {"1", "NULL", "NULL"}), column_of(kInt4, {"1", "1", "NULL"})});
    const std::vector<ExprPtr> both = {column(0), column(1)};
    EXPECT_EQ(run(plan::make(Kind::kIsDistinctFrom, kBool, both), batch), (Rows{"f", "t", "f"}));
    EXPECT_EQ(run(plan::make(Kind::kIsNotDistinctFrom, kBool, both), batch), (Rows{"t", "f", "t"}));
}

TEST(Program, NullTestsFailWithTheirArgument) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "NULL"})});
    EXPECT_EQ(run(plan::make(Kind::kIsNull, kBool, {tenth()}), batch), (Rows{"f", "!22012", "t"}));
    EXPECT_EQ(run(plan::make(Kind::kNot, kBool, {is_positive(0)}), batch),
              (Rows{"f", "t", "NULL"}));
}

TEST(Program, KeepsDictionariesOfTexts) {
    const Batch batch = batch_of({dictionary_of({"/a/x", "/b"}, {0, 1, 1, -1, 0})});
    const ExprPtr expr =
        function("split_part(text,text,int4)", {column(0, kText), text("/"), int4(2)});
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({expr}, {}));
    const std::vector<Evaluated> results = program->run(batch);
    EXPECT_EQ(results[0].column.encoding(), Column::Encoding::kDictionary);
    EXPECT_EQ(results[0].column.dictionary().length(), 2u);
    EXPECT_EQ(shown(results[0]), (Rows{"a", "b", "b", "NULL", "a"}));
}

TEST(Program, FailsOnlyRowsThatUseAFailingDictionaryValue) {
    const Batch batch = batch_of({dictionary_of({"7", "x", "y"}, {0, 1, 0, -1})});
    const ExprPtr expr = function("cast:int4(text)", {column(0, kText)});
    EXPECT_EQ(run(expr, batch), (Rows{"7", "!22P02", "7", "NULL"}));
}

/// Counts the rows that it is asked for.
std::atomic<size_t> counted_rows = 0;

EvaluationContext counting_context() {
    auto bodies = std::make_shared<BodyMap>();
    (*bodies)["initcap(text)"] = [](Call& call) {
        counted_rows += call.rows;
        return call.arguments[0].with_type(call.result);
    };
    EvaluationContext context;
    context.bodies = bodies;
    return context;
}

TEST(Program, RunsCommonSubexpressionsOnce) {
    counted_rows = 0;
    const Batch batch = batch_of({column_of(kText, {"a", "b", "c"})});
    const ExprPtr dear = function("initcap(text)", {column(0, kText)});
    const ExprPtr again = function("initcap(text)", {column(0, kText)});
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({function("length(text)", {dear}),
                                                               function("upper(text)", {again})},
                                                              counting_context()));
    EXPECT_EQ(program->run(batch).size(), 2u);
    EXPECT_EQ(counted_rows, 3u);
}

TEST(Program, ComputesAKnownDictionaryOnceForAllBatches) {
    counted_rows = 0;
    const Column values = column_of(kText, {"a", "b"});
    const ExprPtr dear = function("initcap(text)", {column(0, kText)});
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({dear}, counting_context()));
    for (int i = 0; i < 5; ++i) {
        const Batch batch = batch_of({Column::dictionary(values, {0, 1, 1, 0})});
        EXPECT_EQ(shown(program->run(batch)[0]), (Rows{"a", "b", "b", "a"}));
    }
    EXPECT_EQ(counted_rows, 2u);
}

TEST(Program, ComputesOnlyUsedValuesOfALargeDictionary) {
    counted_rows = 0;
    std::vector<std::string> many;
    for (int i = 0; i < 1000; ++i) many.push_back("v" + std::to_string(i));
    const ExprPtr dear = function("initcap(text)", {column(0, kText)});
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({dear}, counting_context()));
    const Batch batch = batch_of({dictionary_of(many, {7, 7, 998, -1})});
    EXPECT_EQ(shown(program->run(batch)[0]), (Rows{"v7", "v7", "v998", "NULL"}));
    EXPECT_EQ(counted_rows, 2u);
}

TEST(Program, CallsOfOneFunctionKeepTheirOwnArguments) {
    const Batch batch = batch_of({column_of(kInt4, {"6", "7", "NULL", "-12"})});
    std::vector<ExprPtr> quotients;
    for (const int32_t divisor : {2, 3, 2}) {
        quotients.push_back(function("/(int4,int4)", {column(0), int4(divisor)}));
    }
    quotients.push_back(function("/(int4,int4)", {int4(84), column(0)}));
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile(quotients, {}));
    for (int again = 0; again < 2; ++again) {
        const std::vector<Evaluated> results = program->run(batch);
        EXPECT_EQ(shown(results[0]), (Rows{"3", "3", "NULL", "-6"}));
        EXPECT_EQ(shown(results[1]), (Rows{"2", "2", "NULL", "-4"}));
        EXPECT_EQ(shown(results[2]), (Rows{"3", "3", "NULL", "-6"}));
        EXPECT_EQ(shown(results[3]), (Rows{"14", "12", "NULL", "-7"}));
    }
}

TEST(Program, ACallInsideACallOfItsOwnFunctionKeepsItsArguments) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "NULL", "-3"})});
    const auto plus = [](ExprPtr left, ExprPtr right) {
        return function("+(int4,int4)", {std::move(left), std::move(right)});
    };
    const auto hundred = [](ExprPtr of) {
        return function("*(int4,int4)", {std::move(of), int4(100)});
    };
    // x + (x + 1) * 100, and the same the other way round
    const ExprPtr inner = plus(column(0), int4(1));
    const Rows expected = {"201", "NULL", "-203"};
    EXPECT_EQ(run(plus(column(0), hundred(inner)), batch), expected);
    EXPECT_EQ(run(plus(hundred(inner), column(0)), batch), expected);
    EXPECT_EQ(run(plus(inner, plus(column(0), int4(2))), batch), (Rows{"5", "NULL", "-3"}));
}

TEST(Program, CallsOfOneFunctionOverOneDictionaryKeepTheirOwnArguments) {
    const Batch batch = batch_of({dictionary_of({"/a/x", "/b/y"}, {0, 1, -1})});
    const auto piece = [](int32_t index) {
        return function("split_part(text,text,int4)", {column(0, kText), text("/"), int4(index)});
    };
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({piece(2), piece(3)}, {}));
    for (int again = 0; again < 2; ++again) {
        const std::vector<Evaluated> results = program->run(batch);
        EXPECT_EQ(shown(results[0]), (Rows{"a", "b", "NULL"}));
        EXPECT_EQ(shown(results[1]), (Rows{"x", "y", "NULL"}));
    }
}

TEST(Program, TakesOnlyTheRowsGiven) {
    const Batch batch = batch_of({column_of(kInt4, {"1", "0", "2", "5"})});
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({tenth()}, {}));
    const std::vector<uint32_t> rows = {0, 3};
    EXPECT_EQ(shown(program->run(batch, rows)[0]), (Rows{"10", "2"}));
    EXPECT_EQ(program->columns(), std::vector<int>{0});
}

TEST(Program, ReadsNewParameters) {
    auto parameter = std::make_shared<plan::Expr>();
    parameter->kind = Kind::kParameter;
    parameter->type = kText;
    const ExprPtr expr = function("~~(text,text)", {column(0, kText), parameter});
    EvaluationContext context;
    context.parameters = {Datum::text("a%")};
    ASSERT_OK_AND_ASSIGN(const auto program, Program::compile({expr}, context));
    const Batch batch = batch_of({dictionary_of({"ab", "cd"}, {0, 1})});
    EXPECT_EQ(shown(program->run(batch)[0]), (Rows{"t", "f"}));
    program->set_statement({Datum::text("%d")}, {});
    EXPECT_EQ(shown(program->run(batch)[0]), (Rows{"f", "t"}));
    program->set_statement({Datum::null(kText)}, {});
    EXPECT_EQ(shown(program->run(batch)[0]), (Rows{"NULL", "NULL"}));
}

TEST(Program, PassesAnyTypeAsItsText) {
    const Batch batch = batch_of({column_of(kBool, {"t", "NULL"}), column_of(kInt4, {"5", "6"})});
    const ExprPtr expr = function("concat(any...)", {column(0, kBool), text("-"), column(1)});
    EXPECT_EQ(run(expr, batch), (Rows{"t-5", "-6"}));
}

TEST(Program, RunsOnEmptyBatches) {
    const Batch batch{.length = 0, .columns = {column_of(kInt4, {})}};
    const ExprPtr expr = plan::make(Kind::kCase, kInt4, {is_positive(0), tenth(), int4(1)});
    EXPECT_EQ(run(expr, batch), Rows{});
}

TEST(Program, RefusesFunctionsWithoutABody) {
    const ExprPtr expr = function("pg_is_in_recovery()", {});
    EXPECT_ERROR(Program::compile({expr}, {}), ErrorCode::kUnsupported, "0A000");
}

TEST(Program, NeedsFunctionDataForClients) {
    const Batch batch = batch_of({column_of(kText, {"x", "NULL"})});
    EXPECT_EQ(run(function("client(text)", {column(0, kText)}), batch), (Rows{"!55000", "NULL"}));
}

}  // namespace
}  // namespace braid::operators
