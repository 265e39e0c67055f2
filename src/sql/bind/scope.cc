// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <string_view>

#include "plan/rewrite.h"
#include "sql/bind/scope_internal.h"

namespace braid::sql {
namespace {

bool same_datum(const Datum& left, const Datum& right) {
    if (left.type != right.type || left.value.index() != right.value.index()) return false;
    if (left.is_null()) return true;
    std::string left_text = plan::fingerprint(*plan::constant(left));
    return left_text == plan::fingerprint(*plan::constant(right));
}

/// Columns and calls may carry another alias of their type, which changes nothing.
bool same_enough(const Expr& left, const Expr& right) {
    const bool has_own_type =
        left.kind == Expr::Kind::kConstant || left.kind == Expr::Kind::kParameter;
    return has_own_type ? left.type == right.type : left.type.kind == right.type.kind;
}

/// `depth` borders inside of the expression that is moved `borders` further in.
ExprPtr deepened_within(const ExprPtr& expr, int depth, int borders) {
    const bool is_column = expr->kind == Expr::Kind::kColumn && depth == 0;
    const bool is_aggregate =
        expr->kind == Expr::Kind::kAggregate && expr->column < kWindowBase && expr->depth >= depth;
    const bool is_outer =
        expr->kind == Expr::Kind::kOuterColumn && expr->depth >= std::max(depth, 1);
    if (is_column || is_outer || is_aggregate) {
        auto copy = std::make_shared<Expr>(*expr);
        if (!is_aggregate) copy->kind = Expr::Kind::kOuterColumn;
        copy->depth = (is_column ? 0 : expr->depth) + borders;
        return copy;
    }
    ExprPtr out = plan::map_arguments(
        expr, [&](const ExprPtr& child) { return deepened_within(child, depth, borders); });
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery =
        plan::map_expressions(out->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
            return deepened_within(inner, inner_depth, borders);
        });
    return copy;
}

ExprPtr raised_within(const ExprPtr& expr, int depth, int borders) {
    const bool is_outer =
        (expr->kind == Expr::Kind::kOuterColumn || expr->kind == Expr::Kind::kAggregate) &&
        expr->depth >= depth + borders;
    if (is_outer) {
        auto copy = std::make_shared<Expr>(*expr);
        copy->depth -= borders;
        if (copy->depth == 0 && copy->kind == Expr::Kind::kOuterColumn) {
            copy->kind = Expr::Kind::kColumn;
        }
        return copy;
    }
    ExprPtr out = plan::map_arguments(
        expr, [&](const ExprPtr& child) { return raised_within(child, depth, borders); });
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery =
        plan::map_expressions(out->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
            return raised_within(inner, inner_depth, borders);
        });
    return copy;
}

ExprPtr with_columns_within(const ExprPtr& expr, int depth, const std::vector<ExprPtr>& values) {
    const bool is_column = expr->kind == Expr::Kind::kColumn && depth == 0;
    const bool is_outer = expr->kind == Expr::Kind::kOuterColumn && expr->depth == depth;
    if (is_column || is_outer) return deepened(values[static_cast<size_t>(expr->column)], depth);
    ExprPtr out = plan::map_arguments(
        expr, [&](const ExprPtr& child) { return with_columns_within(child, depth, values); });
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery =
        plan::map_expressions(out->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
            return with_columns_within(inner, inner_depth, values);
        });
    return copy;
}

}  // namespace

std::string_view name_of(Clause clause) {
    switch (clause) {
        case Clause::kSelect:
            return "SELECT";
        case Clause::kWhere:
            return "WHERE";
        case Clause::kHaving:
            return "HAVING";
        case Clause::kFrom:
            return "functions in FROM";
        case Clause::kJoin:
            return "JOIN conditions";
        case Clause::kGroupBy:
            return "GROUP BY";
        case Clause::kOrderBy:
            return "ORDER BY";
        case Clause::kDistinctOn:
            return "DISTINCT ON";
        case Clause::kLimit:
            return "LIMIT";
        case Clause::kOffset:
            return "OFFSET";
        case Clause::kFilter:
            return "FILTER";
        case Clause::kWindow:
            return "window definitions";
        case Clause::kFrame:
            return "window frames";
        case Clause::kValues:
            return "VALUES";
        case Clause::kExecute:
            return "EXECUTE parameters";
        case Clause::kCall:
            return "CALL arguments";
        case Clause::kOther:
            return "this place";
    }
    return "";
}

bool same_expr(const Expr& left, const Expr& right) {
    if (left.kind != right.kind || !same_enough(left, right) || left.column != right.column ||
        left.depth != right.depth || left.function != right.function ||
        left.subquery != right.subquery || left.comparison != right.comparison ||
        left.subquery_kind != right.subquery_kind ||
        left.arguments.size() != right.arguments.size()) {
        return false;
    }
    if (left.kind == Expr::Kind::kConstant && !same_datum(left.constant, right.constant))
        return false;
    for (size_t i = 0; i < left.arguments.size(); ++i) {
        if (!same_expr(*left.arguments[i], *right.arguments[i])) return false;
    }
    return true;
}

bool walk(const ExprPtr& expr, int depth, const std::function<bool(const Expr&, int)>& visit) {
    if (expr == nullptr) return true;
    if (!visit(*expr, depth)) return false;
    for (const ExprPtr& argument : expr->arguments) {
        if (!walk(argument, depth, visit)) return false;
    }
    if (expr->subquery == nullptr) return true;
    bool goes_on = true;
    plan::map_expressions(expr->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
        if (goes_on) goes_on = walk(inner, inner_depth, visit);
        return inner;
    });
    return goes_on;
}

bool contains_aggregate(const ExprPtr& expr) {
    return !walk(expr, 0,
                 [](const Expr& found, int depth) { return !is_aggregate_of(found, depth); });
}

bool contains_window(const ExprPtr& expr) {
    return !walk(expr, 0,
                 [](const Expr& found, int depth) { return depth > 0 || !is_window_ref(found); });
}

ExprPtr deepened(const ExprPtr& expr, int borders) {
    if (borders == 0) return expr;
    return deepened_within(expr, 0, borders);
}

ExprPtr raised(const ExprPtr& expr, int borders) {
    if (borders == 0 || expr == nullptr) return expr;
    return raised_within(expr, 0, borders);
}

ExprPtr with_columns(const ExprPtr& expr, const std::vector<ExprPtr>& values) {
    return with_columns_within(expr, 0, values);
}

bool reads_row(const ExprPtr& expr) {
    return !walk(expr, 0, [](const Expr& found, int depth) {
        if (found.kind == Expr::Kind::kColumn) return depth > 0;
        return found.kind != Expr::Kind::kOuterColumn || found.depth != depth;
    });
}

}  // namespace braid::sql
