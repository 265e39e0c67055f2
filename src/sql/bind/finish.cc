// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "plan/rewrite.h"
#include "sql/bind/binder_internal.h"

// A bound block becomes plan nodes: filter, aggregate, window, project, distinct, sort, limit.

namespace braid::sql {
namespace {

std::shared_ptr<Node> node_over(Node::Kind kind, NodePtr input) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->output = input->output;
    node->inputs = {std::move(input)};
    return node;
}

NodePtr filtered(NodePtr input, ExprPtr predicate) {
    auto node = node_over(Node::Kind::kFilter, std::move(input));
    node->predicate = std::move(predicate);
    return node;
}

/// Window references become columns behind the input's.
ExprPtr after_windows(const ExprPtr& expr, size_t input_width) {
    if (is_window_ref(*expr)) {
        auto copy = std::make_shared<Expr>(*expr);
        copy->kind = Expr::Kind::kColumn;
        copy->column = static_cast<int>(input_width) + expr->column - kWindowBase;
        return copy;
    }
    return plan::map_arguments(
        expr, [&](const ExprPtr& child) { return after_windows(child, input_width); });
}

/// Aggregates of the level `depth` borders out become columns of it, behind `keys` others.
ExprPtr with_outer_aggregates(const ExprPtr& expr, int depth, size_t keys) {
    if (depth > 0 && is_aggregate_of(*expr, depth)) {
        auto copy = std::make_shared<Expr>(*expr);
        copy->kind = Expr::Kind::kOuterColumn;
        copy->column += static_cast<int>(keys);
        return copy;
    }
    ExprPtr out = plan::map_arguments(
        expr, [&](const ExprPtr& child) { return with_outer_aggregates(child, depth, keys); });
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery =
        plan::map_expressions(out->subquery, depth + 1, [&](const ExprPtr& inner, int inner_depth) {
            return with_outer_aggregates(inner, inner_depth, keys);
        });
    return copy;
}

}  // namespace

Result<NodePtr> Binder::finish(SelectBlock& block) {
    NodePtr node = block.from;
    if (block.where != nullptr) node = filtered(std::move(node), block.where);
    if (block.is_grouped) node = TRY(finish_aggregation(block, std::move(node)));
    if (!block.scope.windows.empty()) node = finish_windows(block, std::move(node));
    return finish_output(block, std::move(node));
}

Error Binder::ungrouped(const Expr& expr, const SelectBlock& block, bool in_subquery) const {
    const RowColumn& column = block.scope.row[static_cast<size_t>(expr.column)];
    const std::string name =
        column.relation.empty() ? column.name : column.relation + "." + column.name;
    Error error =
        in_subquery ? invalid_input("subquery uses ungrouped column \"{}\" from outer query", name)
                    : invalid_input(
                          "column \"{}\" must appear in the GROUP BY clause or be used in "
                          "an aggregate function",
                          name);
    return std::move(error).with_sqlstate("42803").with_position(expr.position);
}

/// The expression over the columns of the aggregation: keys, then aggregates.
Result<ExprPtr> Binder::after_grouping(const ExprPtr& expr, const SelectBlock& block) const {
    const auto column = [&](size_t index) -> ExprPtr {
        auto copy = std::make_shared<Expr>();
        copy->kind = Expr::Kind::kColumn;
        copy->type = expr->type;
        copy->column = static_cast<int>(index);
        copy->position = expr->position;
        return copy;
    };
    if (is_aggregate_ref(*expr)) {
        return column(block.group_by.size() + static_cast<size_t>(expr->column));
    }
    for (size_t i = 0; i < block.group_by.size(); ++i) {
        if (same_expr(*block.group_by[i], *expr)) return column(i);
    }
    if (expr->kind == Expr::Kind::kColumn) return ungrouped(*expr, block, false);
    if (is_window_ref(*expr)) return expr;
    std::vector<ExprPtr> arguments;
    for (const ExprPtr& argument : expr->arguments) {
        arguments.push_back(TRY(after_grouping(argument, block)));
    }
    if (arguments.empty() && expr->subquery == nullptr) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    copy->arguments = std::move(arguments);
    if (expr->subquery != nullptr) {
        copy->subquery = TRY(subquery_after_grouping(expr->subquery, block));
    }
    return ExprPtr(std::move(copy));
}

/// Outer columns of a subquery must be grouping keys themselves.
Result<NodePtr> Binder::subquery_after_grouping(const NodePtr& node,
                                                const SelectBlock& block) const {
    auto whole = std::make_shared<Expr>();
    whole->kind = Expr::Kind::kSubquery;
    whole->subquery = node;
    std::vector<ExprPtr> columns(block.scope.row.size());
    for (size_t i = 0; i < block.group_by.size(); ++i) {
        const Expr& key = *block.group_by[i];
        if (key.kind != Expr::Kind::kColumn) continue;
        columns[static_cast<size_t>(key.column)] = plan::column_ref(static_cast<int>(i), key.type);
    }
    std::optional<Error> error;
    walk(whole, 0, [&](const Expr& found, int depth) {
        if (depth == 0 || found.kind != Expr::Kind::kOuterColumn || found.depth != depth)
            return true;
        if (columns[static_cast<size_t>(found.column)] == nullptr) {
            error = ungrouped(found, block, true);
        }
        return !error.has_value();
    });
    if (error) return *error;
    return with_outer_aggregates(plan::substitute(whole, columns), 0, block.group_by.size())
        ->subquery;
}

Result<NodePtr> Binder::finish_aggregation(SelectBlock& block, NodePtr input) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kAggregate;
    node->exprs = block.group_by;
    for (size_t i = 0; i < block.group_by.size(); ++i) {
        const ExprPtr& key = block.group_by[i];
        std::string name = "key" + std::to_string(i + 1);
        if (key->kind == Expr::Kind::kColumn) {
            name = block.scope.row[static_cast<size_t>(key->column)].name;
        }
        for (const TargetColumn& target : block.targets) {
            if (!target.is_junk && same_expr(*target.expr, *key)) name = target.name;
        }
        node->output.fields.push_back({std::move(name), key->type});
    }
    for (const plan::AggregateCall& call : block.scope.aggregates) {
        if (call.name == "combine") TRY(check_combine(call, block));
        node->output.fields.push_back({call.name, call.result});
    }
    node->aggregates = block.scope.aggregates;
    node->inputs = {std::move(input)};
    for (TargetColumn& target : block.targets) {
        target.expr = TRY(after_grouping(target.expr, block));
    }
    const auto all = [&](std::vector<ExprPtr>& exprs) -> Result<void> {
        for (ExprPtr& expr : exprs) expr = TRY(after_grouping(expr, block));
        return {};
    };
    for (plan::WindowCall& call : block.scope.windows) {
        TRY(all(call.arguments));
        TRY(all(call.partition_by));
        for (plan::SortKey& key : call.order_by) key.expr = TRY(after_grouping(key.expr, block));
        if (call.filter != nullptr) call.filter = TRY(after_grouping(call.filter, block));
    }
    NodePtr out = std::move(node);
    if (block.having != nullptr) {
        ExprPtr having = TRY(after_grouping(block.having, block));
        out = filtered(std::move(out), std::move(having));
    }
    return out;
}

/// combine(column) folds the kept states of one view's aggregate together.
Result<void> Binder::check_combine(const plan::AggregateCall& call,
                                   const SelectBlock& block) const {
    const auto refuse = [&](const std::string& why) {
        return invalid_input("combine needs an aggregate column of a materialized view")
            .with_sqlstate("42803")
            .with_detail(why)
            .with_hint(
                "Use it in a SELECT directly from the view, with WHERE and GROUP BY on its keys "
                "only.")
            .with_position(call.position);
    };
    if (call.is_distinct || !call.order_by.empty()) {
        return refuse("DISTINCT and ORDER BY mean nothing to states.");
    }
    const Expr& argument = *call.arguments[0];
    if (argument.kind != Expr::Kind::kColumn) return refuse("Its argument is not a column.");
    const RowColumn& column = block.scope.row[static_cast<size_t>(argument.column)];
    const Lineage& lineage = column.lineage;
    if (!block.states_reach || lineage.plan == nullptr) {
        const std::string why = block.why_not.empty() ? "it is no column of a view" : block.why_not;
        return refuse("The states of column \"" + column.name + "\" cannot be used: " + why + ".");
    }
    if (lineage.is_key()) return refuse("Column \"" + column.name + "\" is a key of the view.");
    if (lineage.plan->aggregate_of_output(lineage.output) < 0) {
        return refuse("Column \"" + column.name +
                      "\" is an expression over aggregates; combine those instead.");
    }
    if (call.filter == nullptr) return {};
    const bool on_keys = walk(call.filter, 0, [&](const Expr& found, int depth) {
        if (found.kind != Expr::Kind::kColumn || depth > 0) return found.subquery == nullptr;
        return block.scope.row[static_cast<size_t>(found.column)].lineage.is_key();
    });
    if (!on_keys) return refuse("FILTER reads more than the view's keys.");
    return {};
}

NodePtr Binder::finish_windows(SelectBlock& block, NodePtr input) const {
    const size_t width = input->output.fields.size();
    auto node = node_over(Node::Kind::kWindow, std::move(input));
    for (const plan::WindowCall& call : block.scope.windows) {
        node->output.fields.push_back({call.name, call.result});
    }
    node->windows = block.scope.windows;
    for (TargetColumn& target : block.targets) target.expr = after_windows(target.expr, width);
    return node;
}

Result<NodePtr> Binder::finish_output(SelectBlock& block, NodePtr input) const {
    auto project = node_over(Node::Kind::kProject, std::move(input));
    project->output.fields.clear();
    bool has_junk = false;
    for (const TargetColumn& target : block.targets) {
        project->exprs.push_back(target.expr);
        project->output.fields.push_back({target.name, target.expr->type});
        has_junk = has_junk || target.is_junk;
    }
    const auto column = [&](size_t target) {
        return plan::column_ref(static_cast<int>(target), block.targets[target].expr->type);
    };
    NodePtr node = std::move(project);
    if (block.is_distinct && block.distinct_on.empty()) {
        node = node_over(Node::Kind::kDistinct, std::move(node));
    }
    if (!block.distinct_on.empty() && block.sort.empty()) {
        for (const size_t target : block.distinct_on) block.sort.push_back({target, false, false});
    }
    if (!block.sort.empty()) {
        auto sort = node_over(Node::Kind::kSort, std::move(node));
        for (const SortEntry& entry : block.sort) {
            sort->sort_keys.push_back({column(entry.target), entry.descending, entry.nulls_first});
        }
        node = std::move(sort);
    }
    if (!block.distinct_on.empty()) {
        auto distinct = node_over(Node::Kind::kDistinct, std::move(node));
        for (const size_t target : block.distinct_on) distinct->exprs.push_back(column(target));
        node = std::move(distinct);
    }
    if (block.limit != nullptr || block.offset != nullptr) {
        auto limit = node_over(Node::Kind::kLimit, std::move(node));
        limit->limit = block.limit;
        limit->offset = block.offset;
        node = std::move(limit);
    }
    if (!has_junk) return node;
    auto shown = node_over(Node::Kind::kProject, std::move(node));
    shown->output.fields.clear();
    for (size_t i = 0; i < block.targets.size(); ++i) {
        if (block.targets[i].is_junk) continue;
        shown->exprs.push_back(column(i));
        shown->output.fields.push_back({block.targets[i].name, block.targets[i].expr->type});
    }
    return NodePtr(std::move(shown));
}

}  // namespace braid::sql
