// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

namespace braid::operators {
namespace {

using plan::ExprPtr;

constexpr Type kText = Type::of(TypeKind::kText);
constexpr uint64_t kMebibyte = uint64_t{1} << 20;

ExprPtr function(std::string_view key, std::vector<ExprPtr> arguments) {
    return plan::call(plan::function_by_key(key), std::move(arguments));
}
ExprPtr int4(int32_t value) { return plan::constant(Datum::int4(value)); }
ExprPtr text(std::string value) { return plan::constant(Datum::text(std::move(value))); }
ExprPtr column() { return plan::column_ref(0, kText); }

/// Each time that it is asked a microsecond has gone by, and what it was asked is counted.
class CountingClock final : public Clock {
  public:
    int64_t wall_us() const override { return 0; }
    int64_t monotonic_us() const override { return ++asked_; }
    int64_t asked() const { return asked_; }

  private:
    mutable int64_t asked_ = 0;
};

Batch texts(size_t rows, const std::string& value = "x") {
    ColumnBuilder builder(kText);
    for (size_t row = 0; row < rows; ++row) builder.append_text(value);
    return {.length = rows, .columns = {builder.finish()}};
}

EvaluationContext context_with(StatementLimits limits) {
    EvaluationContext context;
    context.limits = std::move(limits);
    return context;
}

/// "value", or the SQLSTATE that all rows have.
std::string outcome(const ExprPtr& expr, const Batch& batch, const StatementLimits& limits) {
    auto program = Program::compile({expr}, context_with(limits));
    EXPECT_TRUE(program.has_value());
    const std::vector<Evaluated> results = (*program)->run(batch);
    if (results[0].errors.empty()) return "value";
    EXPECT_EQ(results[0].errors.size(), batch.length);
    EXPECT_EQ(results[0].column.length(), batch.length);
    return std::string(results[0].errors[0].error.sqlstate());
}

/// Calls of which one vector would take long: all end between two rows, or within one.
std::vector<ExprPtr> long_calls() {
    const ExprPtr long_text = text(std::string(1 << 20, 'a'));
    return {
        function("length(text)", {function("repeat(text,int4)", {column(), int4(1 << 20)})}),
        function("~~(text,text)", {long_text, function("||(text,text)", {text("%a"), column()})}),
        function("~(text,text)", {long_text, function("||(text,text)", {text("a$b"), column()})}),
        function("strpos(text,text)", {long_text, column()}),
        function("split_part(text,text,int4)", {long_text, column(), int4(2)}),
        function("replace(text,text,text)", {long_text, column(), text("")}),
    };
}

TEST(ProgramLimits, AVectorEndsAtTheDeadline) {
    constexpr int64_t kDeadline = 12;
    for (const ExprPtr& call : long_calls()) {
        const CountingClock clock;
        EXPECT_EQ(outcome(call, texts(64), {nullptr, clock, kDeadline}), "57014");
        // Nobody asks much more often than it takes to find out.
        EXPECT_GE(clock.asked(), kDeadline);
        EXPECT_LE(clock.asked(), kDeadline + 4);
    }
}

TEST(ProgramLimits, OneRowEndsAtTheDeadline) {
    const std::string as(1 << 19, 'a');
    const std::string half(1 << 18, 'a');
    const std::vector<ExprPtr> calls = {
        function("~~(text,text)", {column(), text("%" + half + "_b%")}),
        function("translate(text,text,text)",
                 {column(), text(std::string(1 << 18, 'b')), text("")}),
        function("btrim(text,text)", {column(), text(std::string(1 << 18, 'b') + "a")}),
        function("split_part(text,text,int4)", {column(), text(half + "b"), int4(-1)}),
        function("regexp_count(text,text)", {column(), text("a*b|a")}),
        function("regexp_replace(text,text,text,text)",
                 {column(), text("a*b|a"), text("c"), text("g")}),
    };
    constexpr int64_t kDeadline = 12;
    for (const ExprPtr& call : calls) {
        const CountingClock clock;
        EXPECT_EQ(outcome(call, texts(1, as), {nullptr, clock, kDeadline}), "57014");
        EXPECT_LE(clock.asked(), kDeadline + 4);
    }
}

TEST(ProgramLimits, CancelEndsWhatIsStillToCompute) {
    const SteppedClock clock;
    const auto cancel = std::make_shared<CancelToken>();
    const StatementLimits limits(cancel, clock, INT64_MAX);
    const ExprPtr call = function("upper(text)", {column()});
    EXPECT_EQ(outcome(call, texts(3), limits), "value");
    cancel->cancelled = true;
    EXPECT_EQ(outcome(call, texts(3), limits), "57014");
}

TEST(ProgramLimits, AsksSeldomWhileRowsAreShort) {
    const CountingClock clock;
    const ExprPtr call = function("lower(text)", {function("upper(text)", {column()})});
    EXPECT_EQ(outcome(call, texts(4000), {nullptr, clock, INT64_MAX}), "value");
    EXPECT_LE(clock.asked(), 4);
}

TEST(ProgramLimits, TextsOfAVectorTakeMemoryAsLongAsTheyLive) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, 8 * kMebibyte);
    const ExprPtr padded = function("repeat(text,int4)", {column(), int4(1 << 20)});
    EXPECT_EQ(outcome(padded, texts(10), limits), "53200");
    EXPECT_EQ(outcome(padded, texts(7), limits), "value");
    auto program = Program::compile({padded}, context_with(limits));
    ASSERT_TRUE(program.has_value());
    {
        const std::vector<Evaluated> held = (*program)->run(texts(5));
        EXPECT_TRUE(held[0].errors.empty());
        EXPECT_EQ(outcome(padded, texts(5), limits), "53200");
    }
    EXPECT_EQ(outcome(padded, texts(5), limits), "value");
}

TEST(ProgramLimits, WhatIsKeptBesideTheBytesOfTextsCountsToo) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, kMebibyte);
    std::vector<ExprPtr> lengths;
    for (int32_t number = 0; number < 100; ++number) {
        lengths.push_back(
            function("+(int4,int4)", {function("length(text)", {column()}), int4(number)}));
    }
    const ExprPtr greatest =
        plan::make(plan::Expr::Kind::kGreatest, Type::of(TypeKind::kInt4), lengths);
    EXPECT_EQ(outcome(greatest, texts(1000), limits), "value");
    EXPECT_EQ(outcome(greatest, texts(4000), limits), "53200");
}

TEST(ProgramLimits, ConstantsThatAreFoldedCount) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, 8 * kMebibyte);
    std::vector<ExprPtr> all;
    for (const char* each : {"a", "b", "c"}) {
        all.push_back(function("repeat(text,int4)", {text(each), int4(3 << 20)}));
    }
    const ExprPtr greatest = plan::make(plan::Expr::Kind::kGreatest, kText, all);
    EXPECT_EQ(outcome(greatest, texts(1), limits), "53200");
}

TEST(ProgramLimits, AViewHasNone) {
    const ExprPtr call =
        function("length(text)", {function("repeat(text,int4)", {column(), int4(1 << 20)})});
    EXPECT_EQ(outcome(call, texts(20), {}), "value");
}

TEST(ProgramLimits, ARowThatNobodyNeedsEndsNoStatement) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, 2 * kMebibyte);
    const ExprPtr too_large = function(
        "=(text,text)", {function("repeat(text,int4)", {column(), int4(3 << 20)}), text("x")});
    const ExprPtr shielded =
        plan::make(plan::Expr::Kind::kAnd, Type::of(TypeKind::kBool),
                   {function("=(text,text)", {column(), text("y")}), too_large});
    EXPECT_EQ(outcome(shielded, texts(3), limits), "value");
}

TEST(ProgramLimits, TextsOfManyPartsEndWhereTheyAreTooLong) {
    const SteppedClock clock;
    const StatementLimits limits(nullptr, clock, INT64_MAX, 64 * kMebibyte);
    const ExprPtr half = function("repeat(text,int4)", {column(), int4(3 << 20)});
    EXPECT_EQ(outcome(function("concat(any...)", std::vector<ExprPtr>(50, half)), texts(1), limits),
              "54000");
    EXPECT_EQ(outcome(function("array_to_string(_text,text)", {text("{1,2,3,4,5,6,7,8,9}"), half}),
                      texts(1), limits),
              "54000");
}

}  // namespace
}  // namespace braid::operators
