// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>
#include <vector>

#include "plan/rewrite.h"
#include "sql/bind/binder_internal.h"

// Columns that nobody reads leave the plan, down to the scans: a stream's raw text is not loaded to
// count its rows.

namespace braid::sql {
namespace {

using Needed = std::vector<bool>;

struct Pruned {
    NodePtr node;
    std::vector<int> now_at;  // per column of before; -1: gone
};

Pruned prune(const NodePtr& node, const Needed& needed);

size_t width_of(const NodePtr& node) { return node->output.fields.size(); }

Needed all_of(const NodePtr& node) { return Needed(width_of(node), true); }

void need(const ExprPtr& expr, Needed& needed) {
    if (expr == nullptr) return;
    for (const int column : plan::columns_of(*expr)) needed[static_cast<size_t>(column)] = true;
}

void need_all(const std::vector<ExprPtr>& exprs, Needed& needed) {
    for (const ExprPtr& expr : exprs) need(expr, needed);
}

std::vector<int> identity(size_t width) {
    std::vector<int> out(width);
    for (size_t i = 0; i < width; ++i) out[i] = static_cast<int>(i);
    return out;
}

/// References to the old columns of an input, in terms of its new ones. Columns that are gone are
/// not referred to any more.
std::vector<ExprPtr> references(const NodePtr& before, const std::vector<int>& now_at,
                                int offset = 0) {
    std::vector<ExprPtr> out;
    for (size_t i = 0; i < now_at.size(); ++i) {
        const int column = std::max(now_at[i], 0) + offset;
        out.push_back(plan::column_ref(column, before->output.fields[i].type));
    }
    return out;
}

/// The plan of a subquery keeps its columns; what lies below them is pruned.
ExprPtr prune_within(const ExprPtr& expr) {
    if (expr == nullptr) return expr;
    ExprPtr out = plan::map_arguments(expr, prune_within);
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery = prune(out->subquery, all_of(out->subquery)).node;
    return copy;
}

/// Rewrites the expressions of one node for its inputs' new columns.
class Rewriter {
  public:
    explicit Rewriter(std::vector<ExprPtr> columns) : columns_(std::move(columns)) {}

    void one(ExprPtr& expr) const {
        if (expr != nullptr) expr = prune_within(plan::substitute(expr, columns_));
    }
    void all(std::vector<ExprPtr>& exprs) const {
        for (ExprPtr& expr : exprs) one(expr);
    }
    void sort(std::vector<plan::SortKey>& keys) const {
        for (plan::SortKey& key : keys) one(key.expr);
    }

  private:
    std::vector<ExprPtr> columns_;
};

Pruned prune_scan(const NodePtr& node, Needed needed) {
    if (node->relation.kind == plan::RelationRef::Kind::kFunction || needed.empty()) {
        return {node, identity(width_of(node))};
    }
    bool any = false;
    for (const bool wanted : needed) any = any || wanted;
    if (!any) needed[0] = true;  // rows still count
    auto copy = std::make_shared<Node>(*node);
    copy->output.fields.clear();
    copy->scan_columns.clear();
    std::vector<int> now_at(needed.size(), -1);
    for (size_t i = 0; i < needed.size(); ++i) {
        if (!needed[i]) continue;
        now_at[i] = static_cast<int>(copy->scan_columns.size());
        copy->scan_columns.push_back(node->scan_columns[i]);
        copy->output.fields.push_back(node->output.fields[i]);
    }
    return {std::move(copy), std::move(now_at)};
}

/// Filter, sort, limit and distinct: the columns of the input pass through.
Pruned prune_passing(const NodePtr& node, Needed needed) {
    need(node->predicate, needed);
    need_all(node->exprs, needed);
    for (const plan::SortKey& key : node->sort_keys) need(key.expr, needed);
    if (node->kind == Node::Kind::kDistinct && node->exprs.empty()) {
        needed.assign(needed.size(), true);
    }
    const NodePtr& input = node->inputs[0];
    Pruned below = prune(input, needed);
    auto copy = std::make_shared<Node>(*node);
    const Rewriter rewriter(references(input, below.now_at));
    rewriter.one(copy->predicate);
    rewriter.all(copy->exprs);
    rewriter.sort(copy->sort_keys);
    copy->output = below.node->output;
    copy->inputs = {std::move(below.node)};
    return {std::move(copy), std::move(below.now_at)};
}

Pruned prune_project(const NodePtr& node, Needed needed) {
    bool any = false;
    for (const bool wanted : needed) any = any || wanted;
    if (!any && !needed.empty()) needed[0] = true;
    auto copy = std::make_shared<Node>(*node);
    copy->exprs.clear();
    copy->output.fields.clear();
    std::vector<int> now_at(needed.size(), -1);
    for (size_t i = 0; i < needed.size(); ++i) {
        if (!needed[i]) continue;
        now_at[i] = static_cast<int>(copy->exprs.size());
        copy->exprs.push_back(node->exprs[i]);
        copy->output.fields.push_back(node->output.fields[i]);
    }
    const NodePtr& input = node->inputs[0];
    Needed below_needed(width_of(input), false);
    need_all(copy->exprs, below_needed);
    Pruned below = prune(input, below_needed);
    Rewriter(references(input, below.now_at)).all(copy->exprs);
    copy->inputs = {std::move(below.node)};
    return {std::move(copy), std::move(now_at)};
}

/// All keys stay: they decide which groups there are.
Pruned prune_aggregate(const NodePtr& node, const Needed& needed) {
    const size_t keys = node->exprs.size();
    auto copy = std::make_shared<Node>(*node);
    copy->aggregates.clear();
    copy->output.fields.resize(keys);
    std::vector<int> now_at = identity(width_of(node));
    for (size_t i = 0; i < node->aggregates.size(); ++i) {
        const size_t column = keys + i;
        const bool is_last =
            keys == 0 && i + 1 == node->aggregates.size() && copy->aggregates.empty();
        now_at[column] = -1;
        if (!needed[column] && !is_last) continue;
        now_at[column] = static_cast<int>(copy->output.fields.size());
        copy->aggregates.push_back(node->aggregates[i]);
        copy->output.fields.push_back(node->output.fields[column]);
    }
    const NodePtr& input = node->inputs[0];
    Needed below_needed(width_of(input), false);
    need_all(copy->exprs, below_needed);
    for (const plan::AggregateCall& call : copy->aggregates) {
        need_all(call.arguments, below_needed);
        need(call.filter, below_needed);
        for (const plan::SortKey& key : call.order_by) need(key.expr, below_needed);
    }
    Pruned below = prune(input, below_needed);
    const Rewriter rewriter(references(input, below.now_at));
    rewriter.all(copy->exprs);
    for (plan::AggregateCall& call : copy->aggregates) {
        rewriter.all(call.arguments);
        rewriter.one(call.filter);
        rewriter.sort(call.order_by);
    }
    copy->inputs = {std::move(below.node)};
    return {std::move(copy), std::move(now_at)};
}

Pruned prune_window(const NodePtr& node, const Needed& needed) {
    const NodePtr& input = node->inputs[0];
    const size_t width = width_of(input);
    auto copy = std::make_shared<Node>(*node);
    copy->windows.clear();
    std::vector<size_t> kept;
    for (size_t i = 0; i < node->windows.size(); ++i) {
        if (!needed[width + i]) continue;
        copy->windows.push_back(node->windows[i]);
        kept.push_back(width + i);
    }
    Needed below_needed(needed.begin(), needed.begin() + static_cast<std::ptrdiff_t>(width));
    for (const plan::WindowCall& call : copy->windows) {
        need_all(call.arguments, below_needed);
        need(call.filter, below_needed);
        need_all(call.partition_by, below_needed);
        for (const plan::SortKey& key : call.order_by) need(key.expr, below_needed);
    }
    Pruned below = prune(input, below_needed);
    const Rewriter rewriter(references(input, below.now_at));
    for (plan::WindowCall& call : copy->windows) {
        rewriter.all(call.arguments);
        rewriter.one(call.filter);
        rewriter.all(call.partition_by);
        rewriter.sort(call.order_by);
    }
    std::vector<int> now_at = below.now_at;
    now_at.resize(width_of(node), -1);
    copy->output = below.node->output;
    for (const size_t column : kept) {
        now_at[column] = static_cast<int>(copy->output.fields.size());
        copy->output.fields.push_back(node->output.fields[column]);
    }
    copy->inputs = {std::move(below.node)};
    if (kept.empty()) return {copy->inputs[0], std::move(now_at)};
    return {std::move(copy), std::move(now_at)};
}

Pruned prune_join(const NodePtr& node, Needed needed) {
    const NodePtr& left = node->inputs[0];
    const NodePtr& right = node->inputs[1];
    const auto split = static_cast<std::ptrdiff_t>(width_of(left));
    need(node->predicate, needed);
    Needed left_needed(needed.begin(), needed.begin() + split);
    const Needed right_needed(needed.begin() + split, needed.end());
    // The right side of a lateral join reads columns of the left.
    auto lateral = std::make_shared<Expr>();
    lateral->kind = Expr::Kind::kSubquery;
    lateral->subquery = right;
    if (node->is_lateral) need(lateral, left_needed);
    Pruned left_pruned = prune(left, left_needed);
    NodePtr right_seen = right;
    if (node->is_lateral) {
        right_seen = plan::substitute(lateral, references(left, left_pruned.now_at))->subquery;
    }
    Pruned right_pruned = prune(right_seen, right_needed);
    const int left_width = static_cast<int>(width_of(left_pruned.node));
    std::vector<ExprPtr> columns = references(left, left_pruned.now_at);
    for (ExprPtr& column : references(right, right_pruned.now_at, left_width)) {
        columns.push_back(std::move(column));
    }
    auto copy = std::make_shared<Node>(*node);
    Rewriter(std::move(columns)).one(copy->predicate);
    std::vector<int> now_at = std::move(left_pruned.now_at);
    for (const int column : right_pruned.now_at) {
        now_at.push_back(column < 0 ? -1 : column + left_width);
    }
    copy->output = left_pruned.node->output;
    for (const Field& field : right_pruned.node->output.fields)
        copy->output.fields.push_back(field);
    copy->inputs = {std::move(left_pruned.node), std::move(right_pruned.node)};
    return {std::move(copy), std::move(now_at)};
}

/// Inputs of set operations and bodies of WITH keep all columns.
Pruned prune_inputs(const NodePtr& node) {
    auto copy = std::make_shared<Node>(*node);
    for (NodePtr& input : copy->inputs) input = prune(input, all_of(input)).node;
    return {std::move(copy), identity(width_of(node))};
}

Pruned prune(const NodePtr& node, const Needed& needed) {
    switch (node->kind) {
        case Node::Kind::kScan:
            return prune_scan(node, needed);
        case Node::Kind::kFilter:
        case Node::Kind::kSort:
        case Node::Kind::kLimit:
        case Node::Kind::kDistinct:
            return prune_passing(node, needed);
        case Node::Kind::kProject:
            return prune_project(node, needed);
        case Node::Kind::kAggregate:
            return prune_aggregate(node, needed);
        case Node::Kind::kWindow:
            return prune_window(node, needed);
        case Node::Kind::kJoin:
            return prune_join(node, needed);
        case Node::Kind::kSetOperation:
        case Node::Kind::kWith:
            return prune_inputs(node);
        case Node::Kind::kValues: {
            auto copy = std::make_shared<Node>(*node);
            for (std::vector<ExprPtr>& row : copy->rows) {
                for (ExprPtr& value : row) value = prune_within(value);
            }
            return {std::move(copy), identity(width_of(node))};
        }
        case Node::Kind::kCteScan:
            break;
    }
    return {node, identity(width_of(node))};
}

}  // namespace

NodePtr pruned(const NodePtr& root) { return prune(root, all_of(root)).node; }

}  // namespace braid::sql
