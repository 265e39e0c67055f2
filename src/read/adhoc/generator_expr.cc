// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "operators/expr/numeric_blob.h"
#include "plan/cast.h"
#include "read/adhoc/filter_placement_internal.h"
#include "read/adhoc/generator_internal.h"
#include "read/adhoc/physical_internal.h"

namespace braid::read {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using Kind = plan::Expr::Kind;

namespace {

/// Deeper native expressions go to the kernel, which is flat for DuckDB: its own limit is 1,000.
constexpr int kNativeDepthMax = 60;
/// A longer IN list is searched by the kernel, in its sorted set.
constexpr size_t kNativeListMax = 64;

bool is_simple(std::string_view sql) {
    return std::ranges::all_of(sql, [](char c) {
        return c == '.' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
}

std::string in_parentheses(std::string sql) { return is_simple(sql) ? sql : "(" + sql + ")"; }

/// The template with $1, $2, … replaced; it holds at most nine arguments.
std::string fill_in(std::string_view sql, std::span<const std::string> arguments) {
    std::string out;
    for (size_t i = 0; i < sql.size(); ++i) {
        if (sql[i] != '$') {
            out += sql[i];
            continue;
        }
        const auto number = static_cast<size_t>(sql[++i] - '1');
        CHECK_LT(number, arguments.size());
        out += in_parentheses(arguments[number]);
    }
    return out;
}

bool is_comparison(const plan::Function& function) {
    static constexpr std::array<std::string_view, 6> kSigns = {"=", "<>", "<", "<=", ">", ">="};
    return std::ranges::find(kSigns, function.name) != kSigns.end() &&
           function.arguments.size() == 2;
}

bool has_subquery(const Expr& expr) {
    if (expr.kind == Kind::kSubquery) return true;
    return std::ranges::any_of(expr.arguments,
                               [](const ExprPtr& each) { return has_subquery(*each); });
}

void collect_conjuncts(const ExprPtr& predicate, std::vector<ExprPtr>& into) {
    if (predicate == nullptr) return;
    if (predicate->kind != Kind::kAnd) {
        into.push_back(predicate);
        return;
    }
    for (const ExprPtr& argument : predicate->arguments) collect_conjuncts(argument, into);
}

bool is_subset(const std::set<int>& part, const std::set<int>& whole) {
    return std::ranges::includes(whole, part);
}

std::set<int> sources_read(const Expr& expr, const std::vector<int>& sources) {
    std::set<int> read;
    for (const int column : plan::columns_of(expr))
        read.insert(sources[static_cast<size_t>(column)]);
    return read;
}

}  // namespace

/// One of the conditions that AND joins.
struct Conjunct {
    ExprPtr expr;
    std::set<int> sources;
    bool is_for_kernel = false;
};

namespace {

/// Shields what reads these sources from rows for which it does not hold.
bool is_guard(const Conjunct& conjunct, const std::set<int>& sources) {
    return !has_subquery(*conjunct.expr) && is_subset(conjunct.sources, sources);
}

std::vector<ExprPtr> guards_of(const std::set<int>& sources, const std::vector<Conjunct>& all) {
    std::vector<ExprPtr> guards;
    for (const Conjunct& each : all) {
        if (is_guard(each, sources)) guards.push_back(each.expr);
    }
    return guards;
}

}  // namespace

/// What a kernel expression takes from DuckDB, each piece of SQL once.
struct KernelArguments {
    std::vector<std::string> sql;
    std::vector<Type> types;
    std::unordered_map<std::string, int> places;

    ExprPtr add(std::string text, const Type& type) {
        const auto [found, is_new] = places.emplace(text, static_cast<int>(sql.size()));
        if (is_new) {
            sql.push_back(std::move(text));
            types.push_back(type);
        }
        return plan::column_ref(found->second, type);
    }
};

std::vector<ExprPtr> conjuncts(const ExprPtr& predicate) {
    std::vector<ExprPtr> all;
    collect_conjuncts(predicate, all);
    return all;
}

bool is_constant(const Expr& expr) {
    if (expr.kind == Kind::kColumn || expr.kind == Kind::kOuterColumn ||
        expr.kind == Kind::kSubquery) {
        return false;
    }
    return std::ranges::all_of(expr.arguments,
                               [](const ExprPtr& each) { return is_constant(*each); });
}

std::string comparable(std::string sql, const Type& type) {
    if (type.kind == TypeKind::kNumeric) {
        return fmt::format("array_slice({}, 1, {})", sql, operators::kNumericValueBytes);
    }
    if (type.kind == TypeKind::kInterval) {
        return fmt::format("array_slice({}, 1, {})", sql, operators::kIntervalValueBytes);
    }
    return sql;
}

bool Generator::is_native(const Expr& expr, int depth) const {
    if (depth > kNativeDepthMax) return false;
    switch (expr.kind) {
        case Kind::kColumn:
        case Kind::kOuterColumn:
        case Kind::kConstant:
        case Kind::kParameter:
        case Kind::kSubquery:
            return true;
        case Kind::kAggregate:
        case Kind::kGreatest:  // of numerics DuckDB would take the display for a part of the value
        case Kind::kLeast:
            return false;
        case Kind::kCall:
            if (expr.function->duck == plan::DuckBody::kOwn || expr.function->is_variadic)
                return false;
            break;
        case Kind::kIn:
            if (expr.arguments.size() > kNativeListMax) return false;
            break;
        default:
            break;
    }
    return std::ranges::all_of(expr.arguments,
                               [&](const ExprPtr& each) { return is_native(*each, depth + 1); });
}

Result<std::string> Generator::write(const ExprPtr& expr, const Names& here) {
    if (is_native(*expr)) return write_native(*expr, here);
    return write_kernel(expr, here);
}

Result<Datum> Generator::parameter(const Expr& expr) const {
    const auto index = static_cast<size_t>(expr.column);
    if (index >= statement_.parameters.size()) {
        return Error(invalid_input("there is no parameter ${}", index + 1)).with_sqlstate("42P02");
    }
    Datum value = statement_.parameters[index];
    if (value.is_null()) return Datum::null(expr.type);
    if (physical_of(value.type) != physical_of(expr.type)) {
        return internal_error("parameter ${} is {}, not {}", index + 1, value.type.name(),
                              expr.type.name());
    }
    value.type = expr.type;
    return value;
}

std::string Generator::write_constant(const Datum& value) {
    const Physical form = physical_of(value.type);
    if (value.is_null()) return fmt::format("CAST(NULL AS {})", sql_name(form));
    switch (form) {
        case Physical::kBoolean:
            return value.as<bool>() ? "TRUE" : "FALSE";
        case Physical::kInteger:
            return fmt::format("CAST({} AS INTEGER)", value.as<int32_t>());
        case Physical::kBigint:
            return fmt::format("CAST({} AS BIGINT)", value.as<int64_t>());
        default:
            out_.parameters.push_back(value);
            return fmt::format("CAST(${} AS {})", out_.parameters.size(), sql_name(form));
    }
}

Result<std::string> Generator::joined(std::span<const ExprPtr> exprs, std::string_view separator,
                                      const Names& here) {
    std::string out;
    for (const ExprPtr& expr : exprs) {
        if (!out.empty()) out += separator;
        out += in_parentheses(TRY(write_native(*expr, here)));
    }
    return out;
}

Result<std::string> Generator::write_native(const Expr& expr, const Names& here) {
    const auto compared = [&](size_t index) -> Result<std::string> {
        const Expr& argument = *expr.arguments[index];
        return comparable(in_parentheses(TRY(write_native(argument, here))), argument.type);
    };
    switch (expr.kind) {
        case Kind::kColumn:
            CHECK_LT(static_cast<size_t>(expr.column), here.size());
            return here[static_cast<size_t>(expr.column)];
        case Kind::kOuterColumn: {
            const auto depth = static_cast<size_t>(expr.depth);
            const auto column = static_cast<size_t>(expr.column);
            if (depth == 0 || depth > outer_.size() ||
                column >= outer_[outer_.size() - depth]->size()) {
                return internal_error("outer column out of reach");
            }
            return (*outer_[outer_.size() - depth])[column];
        }
        case Kind::kConstant:
            return write_constant(expr.constant);
        case Kind::kParameter:
            return write_constant(TRY(parameter(expr)));
        case Kind::kCall:
            return write_call(expr, here);
        case Kind::kAnd:
            return TRY(joined(expr.arguments, " AND ", here));
        case Kind::kOr:
            return TRY(joined(expr.arguments, " OR ", here));
        case Kind::kNot:
            return "NOT " + in_parentheses(TRY(write_native(*expr.arguments[0], here)));
        case Kind::kIsNull:
            return in_parentheses(TRY(write_native(*expr.arguments[0], here))) + " IS NULL";
        case Kind::kIsNotNull:
            return in_parentheses(TRY(write_native(*expr.arguments[0], here))) + " IS NOT NULL";
        case Kind::kIsDistinctFrom:
            return TRY(compared(0)) + " IS DISTINCT FROM " + TRY(compared(1));
        case Kind::kIsNotDistinctFrom:
            return TRY(compared(0)) + " IS NOT DISTINCT FROM " + TRY(compared(1));
        case Kind::kIn: {
            std::string list;
            for (size_t i = 1; i < expr.arguments.size(); ++i) {
                list += (i == 1 ? "" : ", ") + TRY(compared(i));
            }
            return TRY(compared(0)) + " IN (" + list + ")";
        }
        case Kind::kCoalesce:
            return "COALESCE(" + TRY(joined(expr.arguments, ", ", here)) + ")";
        case Kind::kCase:
            return write_case(expr, here);
        case Kind::kSubquery:
            return write_subquery(expr, here);
        case Kind::kGreatest:
        case Kind::kLeast:
        case Kind::kAggregate:
            break;
    }
    return internal_error("expression is not native");
}

Result<std::string> Generator::write_call(const Expr& expr, const Names& here) {
    Names arguments;
    for (const ExprPtr& argument : expr.arguments) {
        arguments.push_back(TRY(write_native(*argument, here)));
    }
    std::string sql = fill_in(expr.function->duck_sql, arguments);
    // What DuckDB sees to be NULL loses its type there: a result always has the planned one. A cast
    // to the type that it has already costs nothing.
    const Physical form = physical_of(expr.type);
    return form == Physical::kBoolean ? sql : fmt::format("CAST({} AS {})", sql, sql_name(form));
}

Result<std::string> Generator::write_case(const Expr& expr, const Names& here) {
    std::string out = "CASE";
    const size_t last = expr.arguments.size() - 1;
    for (size_t i = 0; i + 1 < expr.arguments.size(); i += 2) {
        out += " WHEN " + TRY(write_native(*expr.arguments[i], here)) + " THEN " +
               TRY(write_native(*expr.arguments[i + 1], here));
    }
    return out + " ELSE " + TRY(write_native(*expr.arguments[last], here)) + " END";
}

Result<ExprPtr> Generator::lift_leaves(const ExprPtr& expr, const Names& here,
                                       KernelArguments& into) {
    if (expr->kind == Kind::kColumn || expr->kind == Kind::kOuterColumn ||
        expr->kind == Kind::kSubquery) {
        return into.add(TRY(write_native(*expr, here)), expr->type);
    }
    if (expr->kind == Kind::kAggregate) return internal_error("aggregate in a plan");
    if (expr->arguments.empty()) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    for (ExprPtr& argument : copy->arguments) argument = TRY(lift_leaves(argument, here, into));
    return ExprPtr(std::move(copy));
}

Result<std::string> Generator::write_kernel(const ExprPtr& expr, const Names& here) {
    KernelArguments arguments;
    KernelExpression kernel;
    kernel.expr = TRY(lift_leaves(expr, here, arguments));
    kernel.arguments = std::move(arguments.types);
    const Physical form = physical_of(expr->type);
    std::string call =
        fmt::format("{}({}", kernel_function(form), state_.add_expression(std::move(kernel)));
    for (const std::string& argument : arguments.sql) call += ", " + argument;
    call += ")";
    return form == Physical::kBoolean ? "CAST(" + call + " AS BOOLEAN)" : call;
}

Result<std::string> Generator::equality_of_sides(const Conjunct& conjunct,
                                                 const std::vector<Conjunct>& all,
                                                 const Names& here,
                                                 const std::vector<int>& sources) {
    const Expr& expr = *conjunct.expr;
    const bool is_candidate = expr.kind == Kind::kCall && is_comparison(*expr.function) &&
                              expr.function->duck != plan::DuckBody::kOwn;
    if (!is_candidate) return std::string();
    const std::set<int> left = sources_read(*expr.arguments[0], sources);
    const std::set<int> right = sources_read(*expr.arguments[1], sources);
    if (left.empty() || right.empty() || conjunct.sources.size() != left.size() + right.size())
        return std::string();
    const auto side = [&](const ExprPtr& argument, const std::set<int>& own) {
        if (is_native(*argument)) return write(argument, here);
        // DuckDB computes it before it knows what the other conditions say.
        std::vector<ExprPtr> guards = guards_of(own, all);
        if (guards.empty()) return write(argument, here);
        ExprPtr guard = guards.size() == 1
                            ? guards.front()
                            : plan::make(Kind::kAnd, Type::of(TypeKind::kBool), std::move(guards));
        return write(
            plan::make(Kind::kCase, argument->type,
                       {std::move(guard), argument, plan::constant(Datum::null(argument->type))}),
            here);
    };
    const Names sides = {TRY(side(expr.arguments[0], left)), TRY(side(expr.arguments[1], right))};
    return fill_in(expr.function->duck_sql, sides);
}

Result<std::string> Generator::condition(const ExprPtr& predicate, const Names& here,
                                         const std::vector<int>& sources) {
    std::vector<Conjunct> all;
    for (const ExprPtr& expr : conjuncts(predicate)) {
        all.push_back({expr, sources_read(*expr, sources), !is_native(*expr)});
    }
    Names parts;
    for (Conjunct& each : all) {
        if (!each.is_for_kernel) {
            parts.push_back(in_parentheses(TRY(write_native(*each.expr, here))));
        } else if (std::string sides = TRY(equality_of_sides(each, all, here, sources));
                   !sides.empty()) {
            each.is_for_kernel = false;
            parts.push_back("(" + sides + ")");
        }
    }
    // Conditions of the kernel on the same relations run as one, together with all others on these
    // or some of these: what SQL evaluates first shields the others from rows where they would
    // fail, and DuckDB promises no order of its own.
    std::set<std::set<int>> written;
    for (const Conjunct& each : all) {
        if (!each.is_for_kernel || !written.insert(each.sources).second) continue;
        std::vector<ExprPtr> together;
        for (const Conjunct& other : all) {
            const bool is_one = other.is_for_kernel && other.sources == each.sources;
            if (is_one || is_guard(other, each.sources)) together.push_back(other.expr);
        }
        const ExprPtr whole =
            together.size() == 1
                ? together.front()
                : plan::make(Kind::kAnd, Type::of(TypeKind::kBool), std::move(together));
        parts.push_back(TRY(write_kernel(whole, here)));
    }
    return parts.empty() ? std::string("TRUE") : fmt::format("{}", fmt::join(parts, " AND "));
}

Result<std::string> Generator::subquery(const Node& node, const Names& here) {
    outer_.push_back(&here);
    Result<std::string> sql = select(node);
    outer_.pop_back();
    return sql;
}

Result<std::string> Generator::write_subquery(const Expr& expr, const Names& here) {
    const plan::NodePtr placed = place_filters(*expr.subquery, statement_.is_kernel_leaf);
    const Node& node = state_.keep(placed);
    switch (expr.subquery_kind) {
        case Expr::SubqueryKind::kScalar:
            return "(" + TRY(subquery(node, here)) + ")";
        case Expr::SubqueryKind::kExists:
            return "EXISTS (" + TRY(subquery(node, here)) + ")";
        case Expr::SubqueryKind::kArray: {
            outer_.push_back(&here);
            Result<std::string> sql = write_array(node);
            outer_.pop_back();
            return sql;
        }
        case Expr::SubqueryKind::kAny:
        case Expr::SubqueryKind::kAll:
            return write_quantified(expr, node, here);
    }
    std::unreachable();
}

Result<std::string> Generator::write_quantified(const Expr& expr, const Node& node,
                                                const Names& here) {
    const bool is_any = expr.subquery_kind == Expr::SubqueryKind::kAny;
    const std::string left = TRY(write(expr.arguments[0], here));
    const FromItem item = alias(TRY(subquery(node, here)), 1);
    const Type& left_type = expr.arguments[0]->type;
    const Type& right_type = node.output.fields[0].type;
    if (is_comparison(*expr.comparison) && expr.comparison->duck != plan::DuckBody::kOwn) {
        return fmt::format("{} {} {} (SELECT {} FROM {})",
                           comparable(in_parentheses(left), left_type), expr.comparison->name,
                           is_any ? "ANY" : "ALL", comparable(item.columns[0], right_type),
                           item.from);
    }
    // ANY is true if one comparison is, else NULL if one is NULL; of no rows false. ALL likewise.
    const ExprPtr comparison = plan::call(
        expr.comparison, {plan::column_ref(0, left_type), plan::column_ref(1, right_type)});
    const std::string compared = TRY(write(comparison, {left, item.columns[0]}));
    const std::string rows = fresh_alias();
    return fmt::format(
        "(SELECT CASE WHEN {0}({1}.p) = {2} THEN {2} WHEN count(*) > count({1}.p) THEN NULL ELSE "
        "{3} END "
        "FROM (SELECT {4} AS p FROM {5}) AS {1})",
        is_any ? "bool_or" : "bool_and", rows, is_any ? "TRUE" : "FALSE", is_any ? "FALSE" : "TRUE",
        compared, item.from);
}

Result<std::string> Generator::write_array(const Node& node) {
    // The order of a query is not that of an aggregate over it: the keys go inside.
    const Node* rows = &node;
    std::vector<ExprPtr> elements;
    if (rows->kind == Node::Kind::kProject && rows->inputs[0]->kind == Node::Kind::kSort) {
        elements = rows->exprs;
        rows = rows->inputs[0].get();
    } else {
        elements = {plan::column_ref(0, node.output.fields[0].type)};
    }
    const bool is_sorted = rows->kind == Node::Kind::kSort;
    const FromItem item = TRY(from(is_sorted ? *rows->inputs[0] : *rows));
    ExprPtr element = elements[0];
    if (physical_of(element->type) != Physical::kVarchar) {
        element = plan::call(plan::output_function(element->type), {element});
    }
    const std::string order = is_sorted ? TRY(order_by(rows->sort_keys, item.columns)) : "";
    return fmt::format("COALESCE((SELECT b_array_literal(list({}{})) FROM {}), '{{}}')",
                       TRY(write(element, item.columns)), order, item.from);
}

}  // namespace braid::read
