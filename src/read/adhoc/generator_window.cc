// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "base/error_makers.h"
#include "read/adhoc/generator_aggregate_internal.h"
#include "read/adhoc/physical_internal.h"

namespace braid::read {

using plan::ExprPtr;
using plan::Node;

namespace {

constexpr std::array<std::string_view, 11> kWindowFunctions = {
    "row_number", "rank", "dense_rank",  "percent_rank", "cume_dist", "ntile",
    "lag",        "lead", "first_value", "last_value",   "nth_value"};

/// The binder writes frames from keywords and numbers; nothing else may pass.
bool is_frame(std::string_view frame) {
    return std::ranges::all_of(frame, [](char c) {
        return c == ' ' || c == '.' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    });
}

constexpr std::string_view kWholePartition =
    "ROWS BETWEEN 4611686018427387904 PRECEDING AND 4611686018427387904 FOLLOWING";

bool is_whole_partition(const plan::WindowCall& window) {
    const std::string& frame = window.frame;
    if (frame.find("EXCLUDE") != std::string::npos) return false;
    const bool has_both_ends = frame.find("UNBOUNDED PRECEDING") != std::string::npos &&
                               frame.find("UNBOUNDED FOLLOWING") != std::string::npos;
    return has_both_ends || (window.order_by.empty() && !frame.starts_with("ROWS"));
}

}  // namespace

Result<std::string> Generator::window(const Node& node) {
    const FromItem input = TRY(from(*node.inputs.front()));
    Projection inner(fresh_alias());
    Names columns;
    for (const std::string& column : input.columns) columns.push_back(inner.add(column));
    for (const plan::WindowCall& window : node.windows) {
        Call call;
        call.name = window.name;
        call.result = window.result;
        call.exprs = window.arguments;
        TRY(add_arguments(window.arguments, window.filter, input.columns, inner, call));
        TRY(over_clause(window, input.columns, inner, call));
        const bool is_own =
            std::ranges::find(kWindowFunctions, call.name) != kWindowFunctions.end();
        columns.push_back(is_own ? TRY(window_function(call)) : TRY(aggregate_call(call)));
    }
    return "SELECT " + select_list(columns) + " FROM " + inner.from(input);
}

Result<void> Generator::over_clause(const plan::WindowCall& window, const Names& here,
                                    Projection& inner, Call& call) {
    std::string out;
    for (const ExprPtr& expr : window.partition_by) {
        out += out.empty() ? "PARTITION BY " : ", ";
        out += comparable(inner.add(TRY(write(expr, here))), expr->type);
    }
    std::vector<plan::SortKey> keys = window.order_by;
    Names names;
    for (plan::SortKey& key : keys) {
        names.push_back(inner.add(TRY(write(key.expr, here))));
        key.expr = plan::column_ref(static_cast<int>(names.size()) - 1, key.expr->type);
    }
    out += TRY(order_by(keys, names));
    if (!is_frame(window.frame)) return internal_error("frame clause with other than keywords");
    const bool has_range_offset =
        window.frame.starts_with("RANGE") &&
        std::ranges::any_of(window.frame, [](char c) { return c >= '0' && c <= '9'; });
    if (has_range_offset &&
        (keys.size() != 1 || physical_of(keys[0].expr->type) == Physical::kBlob ||
         physical_of(keys[0].expr->type) == Physical::kVarchar)) {
        return not_supported("RANGE with an offset over this order");
    }
    call.over = fmt::format(" OVER ({} {})", out, window.frame);
    // DuckDB computes a frame that is all of the partition in a way that hands aggregates of its C
    // interface a single state where they expect one for each row [window_constant_aggregator.cpp
    // of 1.5]. The same frame, told by numbers, takes the general way.
    call.own_over = call.over;
    if (is_whole_partition(window))
        call.own_over = fmt::format(" OVER ({} {})", out, kWholePartition);
    return {};
}

Result<std::string> Generator::window_function(const Call& call) {
    const auto check_positive = [&](size_t argument, std::string_view sqlstate) -> Result<void> {
        if (argument >= call.exprs.size() || !is_constant(*call.exprs[argument])) return {};
        const Datum value =
            TRY(operators::evaluate_constant(*call.exprs[argument], statement_.context));
        if (value.is_null()) return {};
        const int64_t number = physical_of(value.type) == Physical::kBigint ? value.as<int64_t>()
                                                                            : value.as<int32_t>();
        if (number > 0) return {};
        return Error(invalid_input("argument of {} must be greater than zero", call.name))
            .with_sqlstate(sqlstate);
    };
    if (call.name == "ntile") TRY(check_positive(0, "22014"));
    if (call.name == "nth_value") TRY(check_positive(1, "22016"));
    const std::string sql =
        call.invoke(call.name, fmt::format("{}", fmt::join(call.arguments, ", ")));
    return call.result.kind == TypeKind::kInt4 && call.name == "ntile"
               ? "CAST(" + sql + " AS INTEGER)"
               : sql;
}

}  // namespace braid::read
