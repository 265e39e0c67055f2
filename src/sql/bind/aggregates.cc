// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// Aggregate calls.

namespace braid::sql {
namespace {

constexpr Type kBool = Type::of(TypeKind::kBool);
constexpr Type kInt4 = Type::of(TypeKind::kInt4);
constexpr Type kInt8 = Type::of(TypeKind::kInt8);
constexpr Type kNumeric = Type::of(TypeKind::kNumeric);
constexpr Type kFloat8 = Type::of(TypeKind::kFloat8);
constexpr Type kText = Type::of(TypeKind::kText);
constexpr Type kInterval = Type::of(TypeKind::kInterval);
constexpr Type kAny = Type::of(TypeKind::kUnknown);

struct AggregateRow {
    std::string_view name;
    std::vector<Type> arguments;
    Type result;  // kUnknown: the type of the (first) argument
};

const std::vector<AggregateRow>& aggregate_table() {
    static const auto* const table = [] {
        auto* rows = new std::vector<AggregateRow>{
            {"count", {}, kInt8},
            {"count", {kAny}, kInt8},
            {"sum", {kInt4}, kInt8},
            {"sum", {kInt8}, kNumeric},
            {"sum", {kNumeric}, kNumeric},
            {"sum", {kFloat8}, kFloat8},
            {"sum", {kInterval}, kInterval},
            {"avg", {kInt4}, kNumeric},
            {"avg", {kInt8}, kNumeric},
            {"avg", {kNumeric}, kNumeric},
            {"avg", {kFloat8}, kFloat8},
            {"avg", {kInterval}, kInterval},
            {"bool_and", {kBool}, kBool},
            {"bool_or", {kBool}, kBool},
            {"every", {kBool}, kBool},
            {"string_agg", {kText, kText}, kText},
            {"array_agg", {kAny}, kAny},
            {"combine", {kAny}, kAny},
            {"mode", {kAny}, kAny},
            {"bit_and", {kInt4}, kInt4},
            {"bit_and", {kInt8}, kInt8},
            {"bit_or", {kInt4}, kInt4},
            {"bit_or", {kInt8}, kInt8},
        };
        for (const std::string_view name : {"min", "max"}) {
            for (const TypeKind kind :
                 {TypeKind::kInt4, TypeKind::kInt8, TypeKind::kNumeric, TypeKind::kFloat8,
                  TypeKind::kText, TypeKind::kDate, TypeKind::kTimestamp, TypeKind::kTimestampTz,
                  TypeKind::kInterval}) {
                rows->push_back({name, {Type::of(kind)}, Type::of(kind)});
            }
            const Type oid = Type::aliased(TypeKind::kInt8, TypeAlias::kOid);
            rows->push_back({name, {oid}, oid});
        }
        for (const std::string_view name :
             {"corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_intercept",
              "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy"}) {
            rows->push_back({name, {kFloat8, kFloat8}, kFloat8});
        }
        return rows;
    }();
    return *table;
}

/// Aggregates of PostgreSQL that SELECT does not have, and what to write instead.
struct MissingAggregate {
    std::string_view name;
    std::string_view hint;
};
constexpr std::string_view kFromMoments =
    "Keep count(x), sum(x) and sum(x * x): they merge exactly, and this follows from them when you "
    "read.";
constexpr std::string_view kFromCounts =
    "Keep count(*) grouped by the value, or by a bucket of it, and take this from the counts when "
    "you read.";
constexpr std::string_view kFromRows = "Read the rows themselves, and put them together there.";
constexpr MissingAggregate kMissingAggregates[] = {
    {"stddev", kFromMoments},
    {"stddev_pop", kFromMoments},
    {"stddev_samp", kFromMoments},
    {"variance", kFromMoments},
    {"var_pop", kFromMoments},
    {"var_samp", kFromMoments},
    {"percentile_cont", kFromCounts},
    {"percentile_disc", kFromCounts},
    {"json_agg", kFromRows},
    {"jsonb_agg", kFromRows},
    {"json_object_agg", kFromRows},
    {"jsonb_object_agg", kFromRows},
    {"xmlagg", kFromRows},
    {"range_agg", kFromRows},
    {"bit_xor", ""},
    {"regr_count", "Use count(*) FILTER (WHERE y IS NOT NULL AND x IS NOT NULL)."},
    {"any_value", "Use min."},
};

const MissingAggregate* find_missing(std::string_view name) {
    const auto* found = std::ranges::find(kMissingAggregates, name, &MissingAggregate::name);
    return found == std::end(kMissingAggregates) ? nullptr : found;
}

std::string hint_for(std::string_view name) {
    const MissingAggregate* missing = find_missing(name);
    return missing == nullptr ? std::string() : std::string(missing->hint);
}

constexpr std::string_view kWindowFunctions[] = {
    "row_number", "rank", "dense_rank",  "percent_rank", "cume_dist", "ntile",
    "lag",        "lead", "first_value", "last_value",   "nth_value",
};

/// Aggregates whose finished values of parts can be summed to that of the whole.
bool adds_up(plan::AggregateKind kind) {
    using enum plan::AggregateKind;
    return kind == kCountRows || kind == kCount || kind == kSum;
}

bool same_call(const plan::AggregateCall& left, const plan::AggregateCall& right) {
    const auto same = [](const ExprPtr& one, const ExprPtr& other) {
        if (one == nullptr || other == nullptr) return one == other;
        return same_expr(*one, *other);
    };
    if (left.name != right.name || left.is_distinct != right.is_distinct ||
        left.arguments.size() != right.arguments.size() ||
        left.order_by.size() != right.order_by.size() || !same(left.filter, right.filter)) {
        return false;
    }
    for (size_t i = 0; i < left.arguments.size(); ++i) {
        if (!same(left.arguments[i], right.arguments[i])) return false;
    }
    for (size_t i = 0; i < left.order_by.size(); ++i) {
        const plan::SortKey& one = left.order_by[i];
        const plan::SortKey& other = right.order_by[i];
        if (!same(one.expr, other.expr) || one.descending != other.descending ||
            one.nulls_first != other.nulls_first) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool is_aggregate_name(std::string_view name) {
    if (find_missing(name) != nullptr) return true;
    return std::ranges::any_of(aggregate_table(),
                               [&](const AggregateRow& row) { return row.name == name; });
}

bool is_window_name(std::string_view name) {
    return std::ranges::find(kWindowFunctions, name) != std::end(kWindowFunctions);
}

Result<ExprPtr> Binder::aggregate_call(const Expression& expression, const std::string& name,
                                       Scope& scope) {
    plan::AggregateCall call = TRY(bind_aggregate(expression, name, scope));
    const int level = TRY(aggregate_level(call));
    Scope* owner = &scope;
    for (int left = level; left > 0 && owner != nullptr; owner = owner->parent) {
        left -= owner->is_border ? 1 : 0;
    }
    if (owner == nullptr) {
        return at(unsupported("an aggregate of a function's arguments alone is not supported"),
                  expression.place);
    }
    TRY(check_aggregate_place(expression, *owner));
    TRY(check_aggregate_arguments(expression, call));
    for (ExprPtr& argument : call.arguments) argument = raised(argument, level);
    for (plan::SortKey& key : call.order_by) key.expr = raised(key.expr, level);
    call.filter = raised(call.filter, level);
    warn_about_sum(call, *owner);
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kAggregate;
    out->type = call.result;
    out->depth = level;
    out->position = position(expression.place);
    std::vector<plan::AggregateCall>& known = owner->aggregates;
    size_t index = 0;
    while (index < known.size() && !same_call(known[index], call)) ++index;
    if (index == known.size()) known.push_back(std::move(call));
    out->column = static_cast<int>(index);
    return ExprPtr(std::move(out));
}

/// Whose rows it takes: those of the innermost query that a column in it comes from, counted in
/// borders from here; without columns, those of its own. 42803 if another aggregate in it takes the
/// same.
Result<int> Binder::aggregate_level(const plan::AggregateCall& call) const {
    constexpr int kNone = INT_MAX;
    int columns = kNone;
    int aggregates = kNone;
    int place = 0;
    const auto look = [&](const Expr& found, int depth) {
        const bool is_column =
            found.kind == Expr::Kind::kColumn || found.kind == Expr::Kind::kOuterColumn;
        const int own = found.kind == Expr::Kind::kColumn ? 0 : found.depth;
        if (own < depth) return true;
        if (is_column) columns = std::min(columns, own - depth);
        if (is_aggregate_of(found, own) && own - depth < aggregates) {
            aggregates = own - depth;
            place = found.position;
        }
        return true;
    };
    for (const ExprPtr& argument : call.arguments) walk(argument, 0, look);
    for (const plan::SortKey& key : call.order_by) walk(key.expr, 0, look);
    walk(call.filter, 0, look);
    if (aggregates != kNone && aggregates <= columns) {
        return invalid_input("aggregate function calls cannot be nested")
            .with_sqlstate("42803")
            .with_position(place);
    }
    return columns == kNone ? 0 : columns;
}

Result<void> Binder::check_aggregate_place(const Expression& expression, const Scope& scope) const {
    if (scope.in_aggregate) {
        return at(invalid_input("aggregate function calls cannot be nested").with_sqlstate("42803"),
                  expression.place);
    }
    switch (scope.clause) {
        case Clause::kSelect:
        case Clause::kHaving:
        case Clause::kOrderBy:
        case Clause::kDistinctOn:
        case Clause::kWindow:
            return {};
        default:
            return at(
                invalid_input("aggregate functions are not allowed in {}", name_of(scope.clause))
                    .with_sqlstate("42803"),
                expression.place);
    }
}

Result<plan::AggregateCall> Binder::bind_aggregate(const Expression& expression,
                                                   const std::string& name, Scope& scope) {
    if (expression.is_within_group && name != "mode") {
        return at(unsupported("ordered-set aggregate {} is not supported", name)
                      .with_hint(hint_for(name)),
                  expression.place);
    }
    if (expression.is_variadic)
        return at(unsupported("VARIADIC is not supported"), expression.place);
    plan::AggregateCall call;
    call.name = name;
    call.position = position(expression.place);
    const bool was_in_aggregate = std::exchange(scope.in_aggregate, true);
    auto arguments = expressions(expression.arguments, scope);
    auto order_by = sort_keys(expression.order_by, scope, scope.clause);
    scope.in_aggregate = was_in_aggregate;
    call.arguments = TRY(std::move(arguments));
    call.order_by = TRY(std::move(order_by));
    if (expression.is_within_group) TRY(take_ordered_argument(expression, call));
    TRY(resolve_aggregate(expression, call));
    if (expression.is_distinct) {
        call.is_distinct = true;
        if (call.arguments.empty()) {
            return at(invalid_input("DISTINCT specified, but {} has no arguments", name)
                          .with_sqlstate("42601"),
                      expression.place);
        }
        TRY(check_groupable(call.arguments[0]->type, expression.arguments[0]->place));
        for (const plan::SortKey& key : call.order_by) {
            const auto is_argument = [&](const ExprPtr& argument) {
                return same_expr(*argument, *key.expr);
            };
            if (std::ranges::any_of(call.arguments, is_argument)) continue;
            return invalid_input(
                       "in an aggregate with DISTINCT, ORDER BY expressions must appear in "
                       "argument list")
                .with_sqlstate("42P10")
                .with_position(key.expr->position);
        }
    }
    if (expression.filter != nullptr) {
        const Clause before = std::exchange(scope.clause, Clause::kFilter);
        const bool was_inside = std::exchange(scope.in_aggregate, false);
        auto filter = boolean(expression.filter, scope, "FILTER");
        scope.clause = before;
        scope.in_aggregate = was_inside;
        call.filter = TRY(std::move(filter));
    }
    return call;
}

/// What an ordered-set aggregate orders by is its argument.
Result<void> Binder::take_ordered_argument(const Expression& expression,
                                           plan::AggregateCall& call) const {
    for (const plan::SortKey& key : call.order_by) call.arguments.push_back(key.expr);
    if (call.arguments.size() == 1 && call.order_by.front().descending) {
        return at(unsupported("{} with ORDER BY … DESC is not supported", call.name)
                      .with_hint("Leave DESC out: of values that came equally often the smallest "
                                 "is given."),
                  expression.place);
    }
    call.order_by.clear();
    return {};
}

Result<void> Binder::resolve_aggregate(const Expression& expression, plan::AggregateCall& call) {
    const size_t count = call.arguments.size();
    std::vector<const AggregateRow*> rows;
    std::vector<Signature> signatures;
    for (const AggregateRow& row : aggregate_table()) {
        if (row.name != call.name) continue;
        rows.push_back(&row);
        signatures.push_back({row.arguments, false});
    }
    std::vector<Type> types;
    for (const ExprPtr& argument : call.arguments) types.push_back(argument->type);
    if (rows.empty()) {
        return at(unsupported("aggregate function {} is not supported", call.name)
                      .with_hint(hint_for(call.name)),
                  expression.place);
    }
    const bool is_bare_count = call.name == "count" && count == 0 && !expression.is_star;
    if (is_bare_count) {
        return at(invalid_input("count(*) must be used to call a parameterless aggregate function")
                      .with_sqlstate("42809"),
                  expression.place);
    }
    const Choice choice = choose_function(signatures, types);
    if (choice.outcome == Choice::Outcome::kAmbiguous) {
        return at(
            invalid_input("function {}({}) is not unique", call.name, type_list(types))
                .with_sqlstate("42725")
                .with_hint("Could not choose a best candidate function. You might need to add "
                           "explicit type casts."),
            expression.place);
    }
    if (choice.outcome == Choice::Outcome::kNone) {
        const bool orders = call.name == "min" || call.name == "max";
        if (orders && types.size() == 1 && is_array(types[0])) {
            return at(unsupported("{} of {} is not supported", call.name, types[0].name()),
                      expression.place);
        }
        return no_such_function(expression, types);
    }
    if (call.name == "mode" && !expression.is_within_group) {
        return at(invalid_input("WITHIN GROUP is required for ordered-set aggregate mode")
                      .with_sqlstate("42809"),
                  expression.place);
    }
    const AggregateRow& row = *rows[choice.index];
    for (size_t i = 0; i < count; ++i) {
        ExprPtr& argument = call.arguments[i];
        argument = is_unknown(row.arguments[i])
                       ? TRY(settled(std::move(argument)))
                       : TRY(coerce(std::move(argument), row.arguments[i], CastContext::kImplicit));
    }
    call.result = is_unknown(row.result) ? call.arguments[0]->type : row.result;
    if (call.name == "every") call.name = "bool_and";
    if (call.name != "array_agg") return {};
    const auto array = array_of(call.result);
    if (!array) {
        return at(unsupported("array_agg of {} is not supported", call.result.name())
                      .with_hint("Arrays of text are; cast the argument."),
                  expression.place);
    }
    call.result = *array;
    return {};
}

Result<void> Binder::check_aggregate_arguments(const Expression& expression,
                                               const plan::AggregateCall& call) const {
    for (const ExprPtr& argument : call.arguments) {
        if (contains_window(argument)) {
            return at(invalid_input("aggregate function calls cannot contain window function calls")
                          .with_sqlstate("42803"),
                      argument->position == 0 ? expression.place : expression.arguments[0]->place);
        }
    }
    return {};
}

/// Sums of what does not add up answer as PostgreSQL would, but say so.
void Binder::warn_about_sum(const plan::AggregateCall& call, const Scope& scope) {
    if ((call.name != "sum" && call.name != "avg") || call.arguments.size() != 1) return;
    const ExprPtr* argument = &call.arguments[0];
    while ((*argument)->kind == Expr::Kind::kCall &&
           (*argument)->function->name.starts_with("cast:")) {
        argument = &(*argument)->arguments[0];
    }
    if ((*argument)->kind != Expr::Kind::kColumn) return;
    const RowColumn& column = scope.row[static_cast<size_t>((*argument)->column)];
    if (column.lineage.plan == nullptr || column.lineage.is_key()) return;
    const int aggregate = column.lineage.plan->aggregate_of_output(column.lineage.output);
    if (aggregate >= 0) {
        const auto& aggregates = column.lineage.plan->aggregates;
        if (adds_up(aggregates[static_cast<size_t>(aggregate)].kind)) return;
    }
    const std::string advice =
        aggregate >= 0 ? "combine(" + column.name + ") gives the answer over all of their events"
                       : "combine the aggregates that it is made of";
    std::string warning = call.name + "(" + column.name +
                          ") works on finished values of view column \"" + column.name +
                          "\", which do not add up; " + advice;
    if (std::ranges::find(warnings_, warning) == warnings_.end()) {
        warnings_.push_back(std::move(warning));
    }
}

Result<std::vector<plan::SortKey>> Binder::sort_keys(std::span<const SortItem> items, Scope& scope,
                                                     Clause clause) {
    std::vector<plan::SortKey> out;
    for (const SortItem& item : items) {
        if (item.direction == SortItem::Direction::kUsing) {
            return at(unsupported("ORDER BY … USING is not supported"), item.expr->place);
        }
        plan::SortKey key;
        key.expr = TRY(settled(TRY(expression_in(item.expr, scope, clause))));
        TRY(check_sortable(key.expr->type, item.expr->place));
        key.descending = item.direction == SortItem::Direction::kDescending;
        key.nulls_first = item.nulls == SortItem::Nulls::kDefault
                              ? key.descending
                              : item.nulls == SortItem::Nulls::kFirst;
        out.push_back(std::move(key));
    }
    return out;
}

}  // namespace braid::sql
