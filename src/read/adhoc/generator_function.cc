// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "base/error_makers.h"
#include "read/adhoc/generator_internal.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/table_call_internal.h"

namespace braid::read {

using plan::ExprPtr;
using plan::Node;

namespace {

/// The call, if the function is one that runs here; its name may come with a schema.
std::optional<TableCall> table_call_of(const Node& node) {
    std::string_view name = node.relation.name;
    name = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
    TableCall call;
    if (name == "generate_series") {
        call.function = TableCall::Function::kGenerateSeries;
    } else if (name == "unnest" || name == "_pg_expandarray") {
        call.function = TableCall::Function::kUnnest;
    } else {
        return std::nullopt;
    }
    if (node.output.fields.empty() || node.output.fields.size() > 2) return std::nullopt;
    for (const ExprPtr& argument : node.scan_arguments) call.arguments.push_back(argument->type);
    call.element = node.output.fields[0].type;
    return call;
}

}  // namespace

Result<std::string> Generator::function_scan(const Node& node) {
    const std::optional<TableCall> call = table_call_of(node);
    // Others may be served by whoever opens leaves.
    if (!call.has_value()) {
        const std::string name = fresh_alias();
        Names names;
        for (size_t i = 0; i < node.output.fields.size(); ++i)
            names.push_back(fmt::format("{}.c{}", name, i));
        return "SELECT " + select_list(names) + " FROM " + TRY(kernel_leaf(node)) + " AS " + name;
    }
    const bool is_plain = std::ranges::all_of(
        node.scan_arguments, [](const ExprPtr& each) { return is_constant(*each); });
    if (!is_plain) return lateral_function(node, *call);
    Leaf leaf;
    leaf.output = node.output;
    leaf.open = [this_state = &state_, node = &node,
                 call = *call](std::span<const int> columns) -> Result<RowPiecesPtr> {
        const operators::EvaluationContext& context = this_state->statement().context;
        std::vector<Datum> arguments;
        for (const ExprPtr& argument : node->scan_arguments) {
            arguments.push_back(TRY(operators::evaluate_constant(*argument, context)));
        }
        return in_one_piece(TRY(open_table_call(call, arguments, {columns.begin(), columns.end()},
                                                node->output, context)));
    };
    const std::string name = fresh_alias();
    Names names;
    for (size_t i = 0; i < node.output.fields.size(); ++i)
        names.push_back(fmt::format("{}.c{}", name, i));
    return "SELECT " + select_list(names) + " FROM " + leaf_scan(std::move(leaf)) + " AS " + name;
}

/// With columns of the query around as arguments: all elements of one call come as a list.
Result<std::string> Generator::lateral_function(const Node& node, const TableCall& call) {
    const Physical form = physical_of(call.element);
    std::string list = fmt::format("{}({}", list_function(form), state_.add_table_call(call));
    for (const ExprPtr& argument : node.scan_arguments) list += ", " + TRY(write(argument, {}));
    list += ")";
    const FromItem item = alias("SELECT " + list + " AS c0", 1);
    std::string out = fmt::format("SELECT unnest({}) AS c0", item.columns[0]);
    if (node.output.fields.size() > 1) {
        out += fmt::format(", unnest(CAST(range(1, len({}) + 1) AS {}[])) AS c1", item.columns[0],
                           sql_name(physical_of(node.output.fields[1].type)));
    }
    return out + " FROM " + item.from;
}

}  // namespace braid::read
