// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "read/adhoc/filter_placement_internal.h"
#include "read/adhoc/generator_internal.h"

namespace braid::read {

namespace {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;
using IsLeaf = std::function<bool(const Node&)>;

bool has_query(const Expr& expr) {
    if (expr.kind == Expr::Kind::kSubquery || expr.kind == Expr::Kind::kOuterColumn) return true;
    return std::ranges::any_of(expr.arguments,
                               [](const ExprPtr& each) { return has_query(*each); });
}

ExprPtr conjunction(std::vector<ExprPtr> parts) {
    if (parts.empty()) return nullptr;
    if (parts.size() == 1) return std::move(parts.front());
    return plan::make(Expr::Kind::kAnd, Type::of(TypeKind::kBool), std::move(parts));
}

NodePtr with_input(const Node& node, size_t index, NodePtr input) {
    auto copy = std::make_shared<Node>(node);
    copy->inputs[index] = std::move(input);
    return copy;
}

NodePtr over_scan(const Node& scan, const ExprPtr& condition) {
    auto filter = std::make_shared<Node>();
    filter->kind = Node::Kind::kFilter;
    filter->output = scan.output;
    filter->inputs = {std::make_shared<Node>(scan)};
    filter->predicate = condition;
    return filter;
}

/// The node with the condition put over a scan below it; null if it found no place.
NodePtr try_place(const ExprPtr& condition, const Node& node, const IsLeaf& is_leaf);

NodePtr try_place_in_join(const ExprPtr& condition, const Node& join, const IsLeaf& is_leaf) {
    using enum Node::JoinKind;
    const auto left_count = static_cast<int>(join.inputs[0]->output.fields.size());
    const std::vector<int> columns = plan::columns_of(*condition);
    const bool is_left = columns.back() < left_count;
    if (!is_left && columns.front() < left_count) return nullptr;
    // On the side that a join may fill with NULLs the condition would say something else.
    const bool may_move =
        join.join == kInner || join.join == kCross || join.join == (is_left ? kLeft : kRight);
    if (!may_move || (!is_left && join.is_lateral)) return nullptr;
    if (is_left) {
        NodePtr placed = try_place(condition, *join.inputs[0], is_leaf);
        return placed ? with_input(join, 0, std::move(placed)) : nullptr;
    }
    std::vector<ExprPtr> substitutes(static_cast<size_t>(left_count));
    for (size_t i = 0; i < join.inputs[1]->output.fields.size(); ++i) {
        substitutes.push_back(
            plan::column_ref(static_cast<int>(i), join.inputs[1]->output.fields[i].type));
    }
    NodePtr placed = try_place(plan::substitute(condition, substitutes), *join.inputs[1], is_leaf);
    return placed ? with_input(join, 1, std::move(placed)) : nullptr;
}

NodePtr try_place(const ExprPtr& condition, const Node& node, const IsLeaf& is_leaf) {
    switch (node.kind) {
        case Node::Kind::kScan: {
            NodePtr filter = over_scan(node, condition);
            return is_leaf(*filter) ? filter : nullptr;
        }
        case Node::Kind::kFilter: {
            const Node& input = *node.inputs.front();
            if (input.kind == Node::Kind::kScan && is_leaf(node)) {
                NodePtr filter = over_scan(input, conjunction({node.predicate, condition}));
                return is_leaf(*filter) ? filter : nullptr;
            }
            NodePtr placed = try_place(condition, input, is_leaf);
            return placed ? with_input(node, 0, std::move(placed)) : nullptr;
        }
        case Node::Kind::kSort: {
            NodePtr placed = try_place(condition, *node.inputs.front(), is_leaf);
            return placed ? with_input(node, 0, std::move(placed)) : nullptr;
        }
        case Node::Kind::kProject: {
            for (const int column : plan::columns_of(*condition)) {
                if (node.exprs[static_cast<size_t>(column)]->kind != Expr::Kind::kColumn)
                    return nullptr;
            }
            NodePtr placed =
                try_place(plan::substitute(condition, node.exprs), *node.inputs.front(), is_leaf);
            return placed ? with_input(node, 0, std::move(placed)) : nullptr;
        }
        case Node::Kind::kJoin:
            return try_place_in_join(condition, node, is_leaf);
        default:
            return nullptr;
    }
}

/// Moves what can be moved of the conditions into `below`; gives the rest.
std::vector<ExprPtr> place_all(const ExprPtr& predicate, NodePtr& below, const IsLeaf& is_leaf) {
    std::vector<ExprPtr> rest;
    for (const ExprPtr& condition : conjuncts(predicate)) {
        NodePtr placed;
        if (!has_query(*condition) && !plan::columns_of(*condition).empty()) {
            placed = try_place(condition, *below, is_leaf);
        }
        if (placed) {
            below = std::move(placed);
        } else {
            rest.push_back(condition);
        }
    }
    return rest;
}

NodePtr place(const NodePtr& node, const IsLeaf& is_leaf) {
    if (is_leaf(*node)) return node;
    auto copy = std::make_shared<Node>(*node);
    for (NodePtr& input : copy->inputs) input = place(input, is_leaf);
    if (copy->kind == Node::Kind::kFilter) {
        std::vector<ExprPtr> rest = place_all(copy->predicate, copy->inputs.front(), is_leaf);
        if (rest.empty()) return copy->inputs.front();
        copy->predicate = conjunction(std::move(rest));
    }
    if (copy->kind == Node::Kind::kJoin && copy->join == Node::JoinKind::kInner &&
        copy->predicate) {
        NodePtr whole = copy;
        std::vector<ExprPtr> rest = place_all(copy->predicate, whole, is_leaf);
        auto join = std::make_shared<Node>(*whole);
        join->predicate = conjunction(std::move(rest));
        return join;
    }
    return copy;
}

}  // namespace

NodePtr place_filters(const Node& root, const IsLeaf& is_kernel_leaf) {
    const auto copy = std::make_shared<Node>(root);
    return is_kernel_leaf ? place(copy, is_kernel_leaf) : copy;
}

}  // namespace braid::read
