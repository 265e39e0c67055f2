// SPDX-License-Identifier: Apache-2.0
#include "plan/node.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "plan/rewrite_internal.h"

namespace braid::plan {

namespace {

using Kind = Node::Kind;
using Names = std::vector<std::string>;

/// Names of the columns that expressions of a node refer to: those of all inputs, in order.
Names input_names(const Node& node) {
    Names names;
    for (const NodePtr& input : node.inputs) {
        for (const Field& field : input->output.fields) names.push_back(field.name);
    }
    return names;
}

std::string joined(const std::vector<ExprPtr>& exprs, const Names& names) {
    std::string out;
    for (const ExprPtr& expr : exprs) {
        if (!out.empty()) out += ", ";
        out += to_sql(*expr, names);
    }
    return out;
}

std::string sort_text(const std::vector<SortKey>& keys, const Names& names) {
    std::string out;
    for (const SortKey& key : keys) {
        if (!out.empty()) out += ", ";
        out += to_sql(*key.expr, names);
        if (key.descending) out += " DESC";
        // Said only where it is not PostgreSQL's default.
        if (key.nulls_first != key.descending) {
            out += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
        }
    }
    return out;
}

std::string aggregate_text(const AggregateCall& call, const Names& names) {
    // An ordered-set aggregate: what it orders by is its argument.
    const bool is_mode = call.name == "mode";
    std::string out = call.name + (is_mode ? "() WITHIN GROUP (ORDER BY " : "(") +
                      (call.is_distinct ? "DISTINCT " : "");
    out += call.arguments.empty() ? "*" : joined(call.arguments, names);
    if (!call.order_by.empty()) out += " ORDER BY " + sort_text(call.order_by, names);
    out += ")";
    if (call.filter != nullptr) out += " FILTER (WHERE " + to_sql(*call.filter, names) + ")";
    return out;
}

std::string window_text(const WindowCall& call, const Names& names) {
    std::string out = call.name + "(" + joined(call.arguments, names) + ")";
    if (call.filter != nullptr) out += " FILTER (WHERE " + to_sql(*call.filter, names) + ")";
    out += " OVER (";
    std::string separator;
    if (!call.partition_by.empty()) {
        out += "PARTITION BY " + joined(call.partition_by, names);
        separator = " ";
    }
    if (!call.order_by.empty()) {
        out += separator + "ORDER BY " + sort_text(call.order_by, names);
        separator = " ";
    }
    if (!call.frame.empty()) out += separator + call.frame;
    return out + ")";
}

std::string scan_text(const Node& node) {
    using enum RelationRef::Kind;
    std::string out;
    switch (node.relation.kind) {
        case kView:
            out = "Scan view ";
            break;
        case kStream:
            out = "Scan stream ";
            break;
        case kSystem:
            out = "Scan system ";
            break;
        case kFunction:
            out = "Scan function ";
            break;
    }
    out += node.relation.name + "(";
    if (node.relation.kind == kFunction) return out + joined(node.scan_arguments, {}) + ")";
    for (size_t i = 0; i < node.output.fields.size(); ++i) {
        out += (i == 0 ? "" : ", ") + node.output.fields[i].name;
    }
    return out + ")";
}

std::string join_text(const Node& node) {
    static constexpr std::string_view kWords[] = {"Inner Join", "Left Join", "Right Join",
                                                  "Full Join", "Cross Join"};
    std::string out(kWords[static_cast<size_t>(node.join)]);
    if (node.is_lateral) out += " LATERAL";
    if (node.predicate != nullptr) out += " on " + to_sql(*node.predicate, input_names(node));
    return out;
}

std::string set_text(const Node& node) {
    static constexpr std::string_view kWords[] = {"Union", "Intersect", "Except"};
    return std::string(kWords[static_cast<size_t>(node.set_kind)]) + (node.is_all ? " All" : "");
}

std::string aggregation_text(const Node& node, const Names& names) {
    std::string out = "Aggregate";
    if (!node.exprs.empty()) out += " by " + joined(node.exprs, names);
    std::string separator = ": ";
    for (const AggregateCall& call : node.aggregates) {
        out += separator + aggregate_text(call, names);
        separator = ", ";
    }
    return out;
}

std::string line_of(const Node& node) {
    const Names names = input_names(node);
    switch (node.kind) {
        case Kind::kScan:
            return scan_text(node);
        case Kind::kValues:
            return "Values: " + std::to_string(node.rows.size()) + " rows";
        case Kind::kFilter:
            return "Filter: " + to_sql(*node.predicate, names);
        case Kind::kProject:
            return "Project: " + joined(node.exprs, names);
        case Kind::kAggregate:
            return aggregation_text(node, names);
        case Kind::kWindow: {
            std::string out = "Window:";
            for (const WindowCall& call : node.windows) out += " " + window_text(call, names);
            return out;
        }
        case Kind::kJoin:
            return join_text(node);
        case Kind::kSort:
            return "Sort: " + sort_text(node.sort_keys, names);
        case Kind::kLimit: {
            std::string out = "Limit";
            if (node.limit != nullptr) out += " " + to_sql(*node.limit, {});
            if (node.offset != nullptr) out += " offset " + to_sql(*node.offset, {});
            return out;
        }
        case Kind::kDistinct:
            return node.exprs.empty() ? "Distinct" : "Distinct on " + joined(node.exprs, names);
        case Kind::kSetOperation:
            return set_text(node);
        case Kind::kWith:
            return (node.is_recursive ? "With Recursive " : "With ") + node.cte;
        case Kind::kCteScan:
            return "Scan " + node.cte;
    }
    std::unreachable();
}

void append_text(const Node& node, size_t indent, std::string& out) {
    out.append(indent, ' ').append(line_of(node)).append("\n");
    for (const NodePtr& input : node.inputs) append_text(*input, indent + 2, out);
}

/// Replaces every expression of one node, not of its inputs.
void map_own_expressions(Node& node, const ExprMap& map) {
    const auto one = [&](ExprPtr& expr) {
        if (expr != nullptr) expr = map(expr);
    };
    const auto all = [&](std::vector<ExprPtr>& exprs) { std::ranges::for_each(exprs, one); };
    const auto sort = [&](std::vector<SortKey>& keys) {
        for (SortKey& key : keys) one(key.expr);
    };
    all(node.scan_arguments);
    for (std::vector<ExprPtr>& row : node.rows) all(row);
    one(node.predicate);
    all(node.exprs);
    for (AggregateCall& call : node.aggregates) {
        all(call.arguments);
        one(call.filter);
        sort(call.order_by);
    }
    for (WindowCall& call : node.windows) {
        all(call.arguments);
        one(call.filter);
        all(call.partition_by);
        sort(call.order_by);
    }
    sort(node.sort_keys);
    one(node.limit);
    one(node.offset);
}

}  // namespace

std::string to_text(const Node& node) {
    std::string out;
    append_text(node, 0, out);
    return out;
}

NodePtr map_expressions(const NodePtr& node, int depth, const ExprMapAtDepth& map) {
    auto copy = std::make_shared<Node>(*node);
    map_own_expressions(*copy, [&](const ExprPtr& expr) { return map(expr, depth); });
    for (size_t i = 0; i < copy->inputs.size(); ++i) {
        const bool is_lateral = node->kind == Kind::kJoin && node->is_lateral && i == 1;
        copy->inputs[i] = map_expressions(copy->inputs[i], is_lateral ? depth + 1 : depth, map);
    }
    return copy;
}

}  // namespace braid::plan
