// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "base/check.h"
#include "columnar/text_io.h"
#include "plan/expr.h"
#include "plan/view_plan.h"

namespace braid::plan {

namespace {

using Kind = Expr::Kind;
using Names = std::vector<std::string>;

void append_sql(const Expr& expr, const Names& names, std::string& out);

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += c;
        out += c;
    }
    return out + "'";
}

void append_constant_sql(const Datum& value, std::string& out) {
    if (value.is_null()) {
        out += "NULL";
        return;
    }
    std::string text;
    format_text(value, utc_format(), text);
    switch (value.type.kind) {
        case TypeKind::kBool:
            out += value.as<bool>() ? "true" : "false";
            return;
        case TypeKind::kInt4:
        case TypeKind::kInt8:
        case TypeKind::kNumeric:
        case TypeKind::kFloat8: {
            const bool is_word = std::ranges::any_of(text, [](char c) { return c >= 'A'; }) &&
                                 text.find('e') == std::string::npos;
            out += is_word ? quoted(text) : text;
            return;
        }
        case TypeKind::kText:
        case TypeKind::kUnknown:
            out += quoted(text);
            return;
        default:
            out.append(quoted(text)).append("::").append(value.type.name());
    }
}

void append_joined(const std::vector<ExprPtr>& items, size_t from, std::string_view separator,
                   const Names& names, std::string& out) {
    for (size_t i = from; i < items.size(); ++i) {
        if (i > from) out += separator;
        append_sql(*items[i], names, out);
    }
}

bool is_operator(std::string_view name) {
    return std::ranges::none_of(name, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

void append_call_sql(const Expr& expr, const Names& names, std::string& out) {
    const std::string& name = expr.function->name;
    if (name.starts_with("cast:")) {
        // A cast with modifiers stands around the plain cast to the same type: show one of them.
        const Expr* inner = expr.arguments[0].get();
        if (expr.arguments.size() > 1 && inner->kind == Kind::kCall &&
            inner->function->name == name) {
            inner = inner->arguments[0].get();
        }
        append_sql(*inner, names, out);
        out.append("::").append(expr.type.name());
        return;
    }
    if (is_operator(name)) {
        out += "(";
        if (expr.arguments.size() == 2) {
            append_sql(*expr.arguments[0], names, out);
            out += " ";
        }
        out += name;
        if (expr.arguments.size() == 2) out += " ";
        append_sql(*expr.arguments.back(), names, out);
        out += ")";
        return;
    }
    out.append(name).append("(");
    append_joined(expr.arguments, 0, ", ", names, out);
    out += ")";
}

void append_case_sql(const Expr& expr, const Names& names, std::string& out) {
    out += "CASE";
    for (size_t i = 0; i + 1 < expr.arguments.size(); i += 2) {
        out += " WHEN ";
        append_sql(*expr.arguments[i], names, out);
        out += " THEN ";
        append_sql(*expr.arguments[i + 1], names, out);
    }
    out += " ELSE ";
    append_sql(*expr.arguments.back(), names, out);
    out += " END";
}

void append_subquery_sql(const Expr& expr, const Names& names, std::string& out) {
    using enum Expr::SubqueryKind;
    switch (expr.subquery_kind) {
        case kScalar:
            out += "(SubPlan)";
            return;
        case kExists:
            out += "EXISTS(SubPlan)";
            return;
        case kArray:
            out += "ARRAY(SubPlan)";
            return;
        case kAny:
        case kAll:
            out += "(";
            append_joined(expr.arguments, 0, ", ", names, out);
            out.append(" ").append(expr.comparison->name);
            out += expr.subquery_kind == kAny ? " ANY (SubPlan))" : " ALL (SubPlan))";
            return;
    }
}

/// `word` between the arguments in parentheses, or before them.
void append_infix(const Expr& expr, std::string_view word, const Names& names, std::string& out) {
    out += "(";
    append_joined(expr.arguments, 0, word, names, out);
    out += ")";
}

void append_prefix(const Expr& expr, std::string_view word, const Names& names, std::string& out) {
    out.append(word).append("(");
    append_joined(expr.arguments, 0, ", ", names, out);
    out += ")";
}

void append_suffixed(const Expr& expr, std::string_view word, const Names& names,
                     std::string& out) {
    out += "(";
    append_sql(*expr.arguments[0], names, out);
    out.append(word).append(")");
}

void append_column_sql(const Expr& expr, const Names& names, std::string& out) {
    const auto column = static_cast<size_t>(expr.column);
    if (column < names.size()) {
        out += names[column];
    } else {
        out.append("#").append(std::to_string(column + 1));
    }
}

void append_sql(const Expr& expr, const Names& names, std::string& out) {
    switch (expr.kind) {
        case Kind::kColumn:
            return append_column_sql(expr, names, out);
        case Kind::kConstant:
            return append_constant_sql(expr.constant, out);
        case Kind::kParameter:
            out.append("$").append(std::to_string(expr.column + 1));
            return;
        case Kind::kCall:
            return append_call_sql(expr, names, out);
        case Kind::kAnd:
            return append_infix(expr, " AND ", names, out);
        case Kind::kOr:
            return append_infix(expr, " OR ", names, out);
        case Kind::kNot:
            return append_prefix(expr, "NOT ", names, out);
        case Kind::kIsNull:
            return append_suffixed(expr, " IS NULL", names, out);
        case Kind::kIsNotNull:
            return append_suffixed(expr, " IS NOT NULL", names, out);
        case Kind::kIsDistinctFrom:
            return append_infix(expr, " IS DISTINCT FROM ", names, out);
        case Kind::kIsNotDistinctFrom:
            return append_infix(expr, " IS NOT DISTINCT FROM ", names, out);
        case Kind::kCase:
            return append_case_sql(expr, names, out);
        case Kind::kCoalesce:
            return append_prefix(expr, "COALESCE", names, out);
        case Kind::kGreatest:
            return append_prefix(expr, "GREATEST", names, out);
        case Kind::kLeast:
            return append_prefix(expr, "LEAST", names, out);
        case Kind::kIn:
            out += "(";
            append_sql(*expr.arguments[0], names, out);
            out += " IN (";
            append_joined(expr.arguments, 1, ", ", names, out);
            out += "))";
            return;
        case Kind::kOuterColumn:
            out.append("outer").append(std::to_string(expr.depth)).append("#");
            out.append(std::to_string(expr.column + 1));
            return;
        case Kind::kAggregate:
            out += "aggregate";
            return;
        case Kind::kSubquery:
            return append_subquery_sql(expr, names, out);
    }
}

}  // namespace

std::string to_sql(const Expr& expr, const std::vector<std::string>& names) {
    std::string out;
    append_sql(expr, names, out);
    return out;
}

std::string to_sql(const Aggregate& aggregate, const std::vector<std::string>& names) {
    std::string out;
    switch (aggregate.kind) {
        case AggregateKind::kCountRows:
            out = "count(*)";
            break;
        case AggregateKind::kCountDistinct:
            out = "count(DISTINCT " + to_sql(*aggregate.arguments.front(), names) + ")";
            break;
        case AggregateKind::kMode:
            out = "mode() WITHIN GROUP (ORDER BY " + to_sql(*aggregate.arguments.front(), names) +
                  ")";
            break;
        case AggregateKind::kCombine:
            out = "combine(#" + std::to_string(aggregate.combined + 1) + ")";
            break;
        default:
            out.append(name_of(aggregate.kind)).append("(");
            for (const ExprPtr& argument : aggregate.arguments) {
                if (argument != aggregate.arguments.front()) out += ", ";
                out += to_sql(*argument, names);
            }
            out += ")";
    }
    if (aggregate.filter != nullptr) {
        out.append(" FILTER (WHERE ").append(to_sql(*aggregate.filter, names)).append(")");
    }
    return out;
}

}  // namespace braid::plan
