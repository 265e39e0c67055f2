// SPDX-License-Identifier: Apache-2.0
#include "plan/expr.h"

#include <set>
#include <utility>

#include "base/check.h"
#include "columnar/text_io.h"
#include "plan/node.h"
#include "plan/rewrite_internal.h"

namespace braid::plan {

namespace {

/// The type a cast with modifiers gives when they are constants: numeric(10,2), varchar(20).
Type result_of(const Function& function, const std::vector<ExprPtr>& arguments) {
    Type type = function.result;
    if (!function.name.starts_with("cast:") || arguments.size() < 2) return type;
    for (size_t i = 1; i < arguments.size(); ++i) {
        if (arguments[i]->kind != Expr::Kind::kConstant) return type;
        if (arguments[i]->constant.is_null()) return type;
    }
    type.precision = static_cast<int16_t>(arguments[1]->constant.as<int32_t>());
    if (arguments.size() > 2) {
        type.scale = static_cast<int16_t>(arguments[2]->constant.as<int32_t>());
    }
    return type;
}

std::string_view word_of(Expr::Kind kind) {
    switch (kind) {
        case Expr::Kind::kColumn:
            return "column";
        case Expr::Kind::kConstant:
            return "constant";
        case Expr::Kind::kParameter:
            return "parameter";
        case Expr::Kind::kCall:
            return "call";
        case Expr::Kind::kAnd:
            return "and";
        case Expr::Kind::kOr:
            return "or";
        case Expr::Kind::kNot:
            return "not";
        case Expr::Kind::kIsNull:
            return "is_null";
        case Expr::Kind::kIsNotNull:
            return "is_not_null";
        case Expr::Kind::kIsDistinctFrom:
            return "is_distinct_from";
        case Expr::Kind::kIsNotDistinctFrom:
            return "is_not_distinct_from";
        case Expr::Kind::kCase:
            return "case";
        case Expr::Kind::kCoalesce:
            return "coalesce";
        case Expr::Kind::kGreatest:
            return "greatest";
        case Expr::Kind::kLeast:
            return "least";
        case Expr::Kind::kIn:
            return "in";
        case Expr::Kind::kOuterColumn:
            return "outer";
        case Expr::Kind::kAggregate:
            return "aggregate";
        case Expr::Kind::kSubquery:
            return "subquery";
    }
    std::unreachable();
}

void append_type(const Type& type, std::string& out) {
    out += type_key(type);
    if (type.precision < 0) return;
    out.append("(").append(std::to_string(type.precision)).append(",");
    out.append(std::to_string(type.scale)).append(")");
}

void append_constant(const Datum& value, std::string& out) {
    if (value.is_null()) {
        out += "NULL";
    } else {
        std::string text;
        format_text(value, utc_format(), text);
        // The length first, so that no text can look like what follows it.
        out.append(std::to_string(text.size())).append("'").append(text).append("'");
    }
    out += "::";
    append_type(value.type, out);
}

void append_fingerprint(const Expr& expr, std::string& out) {
    switch (expr.kind) {
        case Expr::Kind::kColumn:
            out.append("$").append(std::to_string(expr.column));
            return;
        case Expr::Kind::kOuterColumn:
            out.append("$").append(std::to_string(expr.column)).append("^");
            out.append(std::to_string(expr.depth));
            return;
        case Expr::Kind::kParameter:
            out.append("?").append(std::to_string(expr.column)).append("::");
            append_type(expr.type, out);
            return;
        case Expr::Kind::kConstant:
            append_constant(expr.constant, out);
            return;
        case Expr::Kind::kCall:
            out += expr.function->key();
            break;
        default:
            out += word_of(expr.kind);
            break;
    }
    out += "(";
    for (size_t i = 0; i < expr.arguments.size(); ++i) {
        if (i > 0) out += ", ";
        append_fingerprint(*expr.arguments[i], out);
    }
    if (expr.kind == Expr::Kind::kSubquery) {
        // Two subqueries are the same only if they are the same object.
        out += std::to_string(reinterpret_cast<uintptr_t>(expr.subquery.get()));
        out += expr.comparison == nullptr ? "" : expr.comparison->key();
        out += std::to_string(static_cast<int>(expr.subquery_kind));
    }
    out += ")";
}

void collect_columns(const ExprPtr& expr, int depth, std::set<int>& columns) {
    const bool is_here = expr->kind == Expr::Kind::kColumn
                             ? depth == 0
                             : expr->kind == Expr::Kind::kOuterColumn && expr->depth == depth;
    if (is_here) columns.insert(expr->column);
    for (const ExprPtr& argument : expr->arguments) collect_columns(argument, depth, columns);
    if (expr->subquery == nullptr) return;
    map_expressions(expr->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
        collect_columns(inner, inner_depth, columns);
        return inner;
    });
}

/// An expression over the input seen from `depth` levels further in: its columns become outer ones.
ExprPtr lowered(const ExprPtr& expr, int depth) {
    if (depth == 0) return expr;
    if (expr->kind == Expr::Kind::kColumn || expr->kind == Expr::Kind::kOuterColumn) {
        auto copy = std::make_shared<Expr>(*expr);
        copy->depth = expr->kind == Expr::Kind::kColumn ? depth : expr->depth + depth;
        copy->kind = Expr::Kind::kOuterColumn;
        return copy;
    }
    CHECK(expr->subquery == nullptr);
    return map_arguments(expr, [&](const ExprPtr& child) { return lowered(child, depth); });
}

ExprPtr substitute_at(const ExprPtr& expr, int depth, const std::vector<ExprPtr>& columns) {
    const bool is_here = expr->kind == Expr::Kind::kColumn
                             ? depth == 0
                             : expr->kind == Expr::Kind::kOuterColumn && expr->depth == depth;
    if (is_here) {
        const auto column = static_cast<size_t>(expr->column);
        CHECK_LT(column, columns.size());
        return lowered(columns[column], depth);
    }
    const auto inner = [&](const ExprPtr& child) { return substitute_at(child, depth, columns); };
    ExprPtr result = map_arguments(expr, inner);
    if (expr->subquery == nullptr) return result;
    auto copy = std::make_shared<Expr>(*result);
    copy->subquery =
        map_expressions(expr->subquery, depth + 1, [&](const ExprPtr& child, int child_depth) {
            return substitute_at(child, child_depth, columns);
        });
    return copy;
}

}  // namespace

ExprPtr column_ref(int column, Type type) {
    auto expr = std::make_shared<Expr>();
    expr->kind = Expr::Kind::kColumn;
    expr->type = type;
    expr->column = column;
    return expr;
}

ExprPtr constant(Datum value) {
    auto expr = std::make_shared<Expr>();
    expr->kind = Expr::Kind::kConstant;
    expr->type = value.type;
    expr->constant = std::move(value);
    return expr;
}

ExprPtr call(const Function* function, std::vector<ExprPtr> arguments, int position) {
    CHECK(function != nullptr);
    auto expr = std::make_shared<Expr>();
    expr->kind = Expr::Kind::kCall;
    expr->type = result_of(*function, arguments);
    expr->function = function;
    expr->arguments = std::move(arguments);
    expr->position = position;
    return expr;
}

ExprPtr make(Expr::Kind kind, Type type, std::vector<ExprPtr> arguments) {
    auto expr = std::make_shared<Expr>();
    expr->kind = kind;
    expr->type = type;
    expr->arguments = std::move(arguments);
    return expr;
}

std::string fingerprint(const Expr& expr) {
    std::string text;
    append_fingerprint(expr, text);
    return text;
}

std::vector<int> columns_of(const Expr& expr) {
    std::set<int> columns;
    // The walk never keeps the pointer, so it may alias the caller's object.
    collect_columns(ExprPtr(ExprPtr(), &expr), 0, columns);
    return {columns.begin(), columns.end()};
}

ExprPtr substitute(const ExprPtr& expr, const std::vector<ExprPtr>& columns) {
    return substitute_at(expr, 0, columns);
}

ExprPtr map_arguments(const ExprPtr& expr, const ExprMap& map) {
    std::vector<ExprPtr> arguments;
    arguments.reserve(expr->arguments.size());
    bool changed = false;
    for (const ExprPtr& argument : expr->arguments) {
        arguments.push_back(map(argument));
        changed |= arguments.back() != argument;
    }
    if (!changed) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    copy->arguments = std::move(arguments);
    return copy;
}

}  // namespace braid::plan
