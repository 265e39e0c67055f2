// SPDX-License-Identifier: Apache-2.0
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
        case Clause::kOther:
            return "this place";
    }
    return "";
}

bool same_expr(const Expr& left, const Expr& right) {
    if (left.kind != right.kind || left.type != right.type || left.column != right.column ||
        left.depth != right.depth || left.function != right.function ||
        left.subquery != right.subquery || left.comparison != right.comparison ||
        left.subquery_kind != right.subquery_kind ||
        left.arguments.size() != right.arguments.size()) {
        return false;
    }
    if (left.kind == Expr::Kind::kConstant && !same_datum(left.constant, right.constant)) return false;
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
    return !walk(expr, 0, [](const Expr& found, int depth) {
        return depth > 0 || !is_aggregate_ref(found);
    });
}

bool contains_window(const ExprPtr& expr) {
    return !walk(expr, 0, [](const Expr& found, int depth) {
        return depth > 0 || !is_window_ref(found);
    });
}

bool reads_row(const ExprPtr& expr) {
    return !walk(expr, 0, [](const Expr& found, int depth) {
        if (found.kind == Expr::Kind::kColumn) return depth > 0;
        return found.kind != Expr::Kind::kOuterColumn || found.depth != depth;
    });
}

}  // namespace braid::sql
