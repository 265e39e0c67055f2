// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/computable.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace braid::operators {

namespace {

using plan::Expr;
using plan::ExprPtr;

/// Values of each type that no function refuses together for their own sake, each as many.
constexpr size_t kProbes = 6;

Datum probe(const Type& type, size_t index) {
    const auto pick = [index](const auto(&values)[kProbes]) { return values[index]; };
    const auto integer = [&]<typename T>(T) {
        return pick({T{0}, T{1}, T{-1}, T{42}, std::numeric_limits<T>::min(),
                     std::numeric_limits<T>::max()});
    };
    switch (type.kind) {
        case TypeKind::kBool:
            return {type, index % 2 == 0};
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return {type, integer(int32_t{})};
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return {type, integer(int64_t{})};
        case TypeKind::kFloat8:
            return {type, pick({0.0, 1.0, -1.0, 0.5, 1e-300, 1e300})};
        case TypeKind::kNumeric:
            return {type, pick({Numeric{0}, Numeric{1}, Numeric{-1}, Numeric{5, 1}, Numeric{1, 30},
                                Numeric::nan()})};
        case TypeKind::kInterval:
            return {type, pick({Interval64{}, Interval64{.us = 1}, Interval64{.us = -1},
                                Interval64{.days = 1}, Interval64{.months = 1},
                                Interval64{.us = 3'600'000'000}})};
        case TypeKind::kText:
        case TypeKind::kUnknown:
            break;
    }
    return {type, std::string(pick({"", "a", "1", "0.5", "2000-01-01 00:00:00", "true"}))};
}

bool is_constant(const Expr& expr) {
    if (expr.kind == Expr::Kind::kColumn || expr.kind == Expr::Kind::kParameter) return false;
    return std::ranges::all_of(expr.arguments,
                               [](const ExprPtr& each) { return is_constant(*each); });
}

bool needs_function_data(const Expr& expr) {
    if (expr.kind == Expr::Kind::kCall && expr.function->is_memoised) return true;
    return std::ranges::any_of(expr.arguments,
                               [](const ExprPtr& each) { return needs_function_data(*each); });
}

/// The arguments that are computed for every row.
std::vector<ExprPtr> unguarded_arguments(const Expr& expr) {
    switch (expr.kind) {
        case Expr::Kind::kAnd:
        case Expr::Kind::kOr:
        case Expr::Kind::kCase:
        case Expr::Kind::kCoalesce:
        case Expr::Kind::kIn:
            return {expr.arguments.front()};
        default:
            return expr.arguments;
    }
}

/// The call with `index`-th probes for whatever is not constant.
ExprPtr with_probes(const Expr& call, size_t index) {
    std::vector<ExprPtr> arguments;
    for (const ExprPtr& argument : call.arguments) {
        arguments.push_back(is_constant(*argument) ? argument
                                                   : plan::constant(probe(argument->type, index)));
    }
    auto probed = std::make_shared<Expr>(call);
    probed->arguments = std::move(arguments);
    return probed;
}

/// The one error of the call, if it fails for every probe in the same words.
std::optional<Error> certain_error(const Expr& call, const EvaluationContext& context) {
    const auto is_fixed = [](const ExprPtr& argument) { return is_constant(*argument); };
    if (!call.function->allowed_in_views || needs_function_data(call)) return std::nullopt;
    if (!call.arguments.empty() && std::ranges::none_of(call.arguments, is_fixed)) {
        return std::nullopt;
    }
    const bool is_all_fixed = std::ranges::all_of(call.arguments, is_fixed);
    std::optional<Error> certain;
    for (size_t index = 0; index < (is_all_fixed ? 1 : kProbes); ++index) {
        const auto value = evaluate_constant(*with_probes(call, index), context);
        if (value) return std::nullopt;
        const Error& error = value.error();
        // A wrapped-up defect says nothing about the expression.
        if (error.code() == ErrorCode::kInternal) return std::nullopt;
        if (certain && certain->message() != error.message()) return std::nullopt;
        certain = error;
    }
    return certain;
}

Result<void> check(const ExprPtr& expr, const EvaluationContext& context) {
    if (!expr) return {};
    for (const ExprPtr& argument : unguarded_arguments(*expr)) TRY(check(argument, context));
    if (expr->kind != Expr::Kind::kCall) return {};
    std::optional<Error> error = certain_error(*expr, context);
    if (!error) return {};
    return std::move(*error).with_position(expr->position);
}

/// A condition that no row fulfils guards whatever stands behind it.
bool is_never_true(const ExprPtr& condition, const EvaluationContext& context) {
    if (!condition || !is_constant(*condition) || needs_function_data(*condition)) return false;
    const auto value = evaluate_constant(*condition, context);
    return value && (value->is_null() || !value->as<bool>());
}

}  // namespace

Result<void> check_computable(const plan::ViewPlan& view, const EvaluationContext& context) {
    TRY(check(view.filter, context));
    if (is_never_true(view.filter, context)) return {};
    for (const ExprPtr& key : view.keys) TRY(check(key, context));
    for (const plan::Aggregate& aggregate : view.aggregates) {
        TRY(check(aggregate.filter, context));
        if (aggregate.filter) continue;
        for (const ExprPtr& argument : aggregate.arguments) TRY(check(argument, context));
    }
    TRY(check(view.having, context));
    if (is_never_true(view.having, context)) return {};
    for (const plan::Output& output : view.outputs) TRY(check(output.expr, context));
    return {};
}

}  // namespace braid::operators
