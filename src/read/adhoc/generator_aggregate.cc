// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/error_makers.h"
#include "operators/expr/numeric_blob.h"
#include "plan/cast.h"
#include "read/adhoc/generator_aggregate_internal.h"
#include "read/adhoc/physical_internal.h"

namespace braid::read {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;

namespace {

constexpr std::pair<std::string_view, Finish> kVariances[] = {
    {"variance", Finish::kVarSamp},       {"var_samp", Finish::kVarSamp},
    {"var_pop", Finish::kVarPop},         {"stddev", Finish::kStddevSamp},
    {"stddev_samp", Finish::kStddevSamp}, {"stddev_pop", Finish::kStddevPop},
};

/// Aggregates whose name and meaning DuckDB shares, for every type that the binder lets through.
constexpr std::pair<std::string_view, std::string_view> kSameInDuck[] = {
    {"min", "min"},        {"max", "max"},         {"bool_and", "bool_and"},
    {"every", "bool_and"}, {"bool_or", "bool_or"}, {"bit_and", "bit_and"},
    {"bit_or", "bit_or"},  {"bit_xor", "bit_xor"},
};

template <typename Value>
const Value* find(std::span<const std::pair<std::string_view, Value>> table,
                  std::string_view name) {
    const auto found = std::ranges::find(table, name, &std::pair<std::string_view, Value>::first);
    return found == table.end() ? nullptr : &found->second;
}

/// The argument computed only for rows that the filter lets through: SQL does not evaluate it for
/// others.
ExprPtr shielded(const ExprPtr& argument, const ExprPtr& filter) {
    if (filter == nullptr || is_constant(*argument)) return argument;
    return plan::make(Expr::Kind::kCase, argument->type,
                      {filter, argument, plan::constant(Datum::null(argument->type))});
}

int number_of(Finish finish) { return static_cast<int>(finish); }

}  // namespace

std::string Projection::add(const std::string& sql) {
    const auto [found, is_new] = places_.emplace(sql, sql_.size());
    if (is_new) sql_.push_back(sql);
    return fmt::format("{}.x{}", alias_, found->second);
}

std::string Projection::from(const FromItem& input) const {
    std::string out = "(SELECT ";
    for (size_t i = 0; i < sql_.size(); ++i) {
        fmt::format_to(std::back_inserter(out), "{}{} AS x{}", i == 0 ? "" : ", ", sql_[i], i);
    }
    if (sql_.empty()) out += "FALSE AS d";
    return out + " FROM " + input.from + ") AS " + alias_;
}

std::string Generator::Call::invoke(std::string_view function, std::string_view arguments_sql,
                                    bool is_ordered) const {
    return fmt::format("{}({}{}{}){}{}", function, is_distinct ? "DISTINCT " : "", arguments_sql,
                       is_ordered ? order_by : std::string(), filter, over);
}

std::string Generator::Call::invoke_own(std::string_view function,
                                        std::string_view argument) const {
    Call own = *this;
    own.over = own_over;
    return own.invoke(function, argument);
}

Result<std::string> Generator::aggregate(const Node& node) {
    const FromItem input = TRY(from(*node.inputs.front()));
    Projection inner(fresh_alias());
    Names columns;
    Names keys;
    for (const ExprPtr& expr : node.exprs) {
        const std::string key = inner.add(TRY(write(expr, input.columns)));
        keys.push_back(comparable(key, expr->type));
        // Of equal values that print differently, always the same one is shown.
        columns.push_back(keys.back() == key ? key : "min(" + key + ")");
    }
    for (const plan::AggregateCall& aggregate : node.aggregates) {
        Call call;
        call.name = aggregate.name;
        call.result = aggregate.result;
        call.position = aggregate.position;
        call.exprs = aggregate.arguments;
        call.is_distinct = aggregate.is_distinct;
        TRY(add_arguments(aggregate.arguments, aggregate.filter, input.columns, inner, call));
        std::vector<plan::SortKey> sort_keys = aggregate.order_by;
        Names names;
        for (plan::SortKey& sort_key : sort_keys) {
            const ExprPtr expr = shielded(sort_key.expr, aggregate.filter);
            names.push_back(inner.add(TRY(write(expr, input.columns))));
            sort_key.expr = plan::column_ref(static_cast<int>(names.size()) - 1, expr->type);
        }
        call.order_by = TRY(order_by(sort_keys, names));
        columns.push_back(TRY(aggregate_call(call)));
    }
    std::string out = "SELECT " + select_list(columns) + " FROM " + inner.from(input);
    if (!keys.empty()) return out + fmt::format(" GROUP BY {}", fmt::join(keys, ", "));
    // One group of everything, also where nothing is asked of it.
    if (columns.empty())
        return "SELECT FALSE AS d FROM (SELECT count(*) AS n FROM " + inner.from(input) + ")";
    return out;
}

Result<void> Generator::add_arguments(const std::vector<ExprPtr>& arguments, const ExprPtr& filter,
                                      const Names& here, Projection& inner, Call& call) {
    for (const ExprPtr& argument : arguments) {
        call.arguments.push_back(inner.add(TRY(write(shielded(argument, filter), here))));
        call.types.push_back(argument->type);
    }
    if (filter != nullptr) {
        call.filter = " FILTER (WHERE " + inner.add(TRY(write(filter, here))) + ")";
    }
    return {};
}

Result<std::string> Generator::aggregate_call(const Call& call) {
    if (call.name == "count") {
        if (call.arguments.empty()) return call.invoke("count", "*");
        return call.invoke("count", comparable(call.arguments[0], call.types[0]));
    }
    if (call.name == "sum" || call.name == "avg") return sum_or_average(call);
    if (call.name == "string_agg") return string_aggregate(call);
    if (call.name == "array_agg") return list_aggregate(call);
    if (call.name == "mode") {
        // Of values that are equal, the one that the order of bytes puts first is given. DuckDB
        // gives a sort key back in its normal form: -0 would come out as 0, so doubles have one of
        // their own.
        const bool is_float = call.types.at(0).kind == TypeKind::kFloat8;
        const std::string key =
            is_float ? "(" + call.arguments[0] + " + CAST(0 AS DOUBLE))" : call.arguments[0];
        Call ordered = call;
        ordered.order_by = " ORDER BY " + key;
        return fmt::format("{}({})", mode_function(call.types.at(0).kind),
                           ordered.invoke("list", call.arguments[0], true));
    }
    if (const Finish* finish = find<Finish>(kVariances, call.name)) {
        if (call.types.size() != 1 || call.types[0].kind != TypeKind::kFloat8) {
            return not_supported(fmt::format("{} of {}", call.name, call.types.at(0).name()),
                                 call.position);
        }
        return fmt::format("b_float_finish({}, {})", number_of(*finish),
                           call.invoke_own("b_variance_state", call.arguments[0]));
    }
    if (const std::string_view* name = find<std::string_view>(kSameInDuck, call.name)) {
        return call.invoke(*name, call.arguments.at(0));
    }
    return not_supported(fmt::format("aggregate function \"{}\"", call.name), call.position);
}

Result<std::string> Generator::sum_or_average(const Call& call) {
    const bool is_sum = call.name == "sum";
    const std::string& argument = call.arguments.at(0);
    const Finish finish = is_sum ? Finish::kSum : Finish::kAverage;
    switch (call.types[0].kind) {
        case TypeKind::kInt4:
        case TypeKind::kInt8: {
            // DuckDB sums integers in 128 bits.
            const std::string sum = call.invoke("sum", argument);
            if (!is_sum)
                return fmt::format("b_average({}, {})", sum, call.invoke("count", argument));
            return (call.result.kind == TypeKind::kInt8 ? "b_sum_bigint(" : "b_sum_numeric(") +
                   sum + ")";
        }
        case TypeKind::kFloat8:
            return fmt::format("b_float_finish({}, {})", number_of(finish),
                               call.invoke_own("b_float_state", argument));
        case TypeKind::kNumeric: {
            if (!call.is_distinct) {
                return fmt::format("b_numeric_finish({}, {}, CAST(NULL AS BLOB))",
                                   number_of(finish), call.invoke_own("b_numeric_state", argument));
            }
            // DISTINCT is of values; how many digits the result shows comes from all of them.
            Call scales = call;
            scales.is_distinct = false;
            const std::string scale =
                fmt::format("array_slice({}, {}, {})", argument, operators::kNumericValueBytes + 1,
                            operators::kNumericBlobBytes);
            return fmt::format(
                "b_numeric_finish({}, {}, {})", number_of(finish),
                call.invoke_own("b_numeric_state", comparable(argument, call.types[0])),
                scales.invoke("max", scale));
        }
        default:
            return not_supported(fmt::format("{} of {}", call.name, call.types[0].name()),
                                 call.position);
    }
}

Result<std::string> Generator::string_aggregate(const Call& call) {
    if (call.arguments.size() != 2)
        return not_supported("string_agg with other arguments", call.position);
    const auto& [text, delimiter] = std::pair(call.arguments[0], call.arguments[1]);
    if (is_constant(*call.exprs[1])) {
        const Datum value = TRY(operators::evaluate_constant(*call.exprs[1], statement_.context));
        Call ordered = call;
        // DISTINCT sorts, in PostgreSQL.
        if (call.is_distinct && call.order_by.empty()) ordered.order_by = " ORDER BY " + text;
        const std::string constant = write_constant(
            value.is_null() ? Datum::text("") : Datum{Type::of(TypeKind::kText), value.value});
        return ordered.invoke("string_agg", text + ", " + constant, true);
    }
    if (call.is_distinct)
        return not_supported("string_agg(DISTINCT …) with a delimiter that varies", call.position);
    // Each value behind its delimiter; the first one's is cut off again. Values that are NULL have
    // none.
    if (!call.filter.empty() || !call.over.empty()) {
        return not_supported("string_agg with a delimiter that varies, FILTER or OVER",
                             call.position);
    }
    const std::string rows = fmt::format(" FILTER (WHERE {} IS NOT NULL)", text);
    const Type type = Type::of(TypeKind::kText);
    const ExprPtr joined = plan::call(plan::function_by_key("concat(any...)"),
                                      {plan::column_ref(0, type), plan::column_ref(1, type)});
    return fmt::format(
        "substring(string_agg({0}, ''{2}){3}, "
        "CAST(length(first(COALESCE({1}, ''){2}){3}) + 1 AS BIGINT))",
        TRY(write(joined, {delimiter, text})), delimiter, call.order_by, rows);
}

Result<std::string> Generator::list_aggregate(const Call& call) {
    // Elements must be text by now; a row's element is written by a kernel expression of its own.
    const Type& type = call.types.at(0);
    std::string element = call.arguments[0];
    if (physical_of(type) != Physical::kVarchar) {
        const ExprPtr shown = plan::call(plan::output_function(type), {plan::column_ref(0, type)});
        element = TRY(write(shown, {element}));
        if (call.is_distinct)
            return not_supported("array_agg(DISTINCT " + type.name() + ")", call.position);
    }
    Call ordered = call;
    if (call.is_distinct && call.order_by.empty()) ordered.order_by = " ORDER BY " + element;
    return "b_array_literal(" + ordered.invoke("list", element, true) + ")";
}

}  // namespace braid::read
