// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>
#include <vector>

#include "plan/rewrite.h"
#include "sql/bind/binder_internal.h"

// Derived tables and plain views leave projections between the operators. Where they only rename,
// they are taken out, and filters go below them, so that a read through a plain view ends in the
// same plan as a read of the view itself.

namespace braid::sql {
namespace {

NodePtr simplify(const NodePtr& node);

bool is_plain(const ExprPtr& expr) {
    return expr->kind == Expr::Kind::kColumn || expr->kind == Expr::Kind::kConstant;
}

bool is_renaming(const Node& node) {
    if (node.kind != Node::Kind::kProject) return false;
    for (const ExprPtr& expr : node.exprs) {
        if (!is_plain(expr)) return false;
    }
    return true;
}

/// Every column in its place, with its name.
bool is_identity(const Node& node) {
    const Node& input = *node.inputs[0];
    if (node.kind != Node::Kind::kProject || node.output != input.output) return false;
    for (size_t i = 0; i < node.exprs.size(); ++i) {
        const Expr& expr = *node.exprs[i];
        if (expr.kind != Expr::Kind::kColumn || expr.column != static_cast<int>(i)) return false;
    }
    return true;
}

ExprPtr simplify_within(const ExprPtr& expr) {
    if (expr == nullptr) return expr;
    ExprPtr out = plan::map_arguments(expr, simplify_within);
    if (out->subquery == nullptr) return out;
    auto copy = std::make_shared<Expr>(*out);
    copy->subquery = simplify(out->subquery);
    return copy;
}

bool reads_only_plain(const ExprPtr& expr, const Node& project) {
    for (const int column : plan::columns_of(*expr)) {
        if (!is_plain(project.exprs[static_cast<size_t>(column)])) return false;
    }
    return true;
}

/// Filter over Project -> Project over Filter; two filters -> one.
NodePtr simplify_filter(std::shared_ptr<Node> filter) {
    const NodePtr input = filter->inputs[0];
    if (input->kind == Node::Kind::kFilter) {
        auto merged = std::make_shared<Node>(*input);
        merged->predicate = plan::make(Expr::Kind::kAnd, Type::of(TypeKind::kBool),
                                       {input->predicate, filter->predicate});
        return simplify_filter(std::move(merged));
    }
    const bool is_over_project = input->kind == Node::Kind::kProject;
    if (!is_over_project || !reads_only_plain(filter->predicate, *input)) return filter;
    auto project = std::make_shared<Node>(*input);
    filter->predicate = plan::substitute(filter->predicate, input->exprs);
    filter->inputs = {input->inputs[0]};
    filter->output = input->inputs[0]->output;
    project->inputs = {simplify_filter(std::move(filter))};
    return project;
}

/// Project or Aggregate over a renaming Project takes the input's columns directly.
void skip_renaming(Node& node) {
    const NodePtr input = node.inputs[0];
    const bool takes = node.kind == Node::Kind::kProject || node.kind == Node::Kind::kAggregate;
    if (!takes || !is_renaming(*input)) return;
    const auto through = [&](ExprPtr& expr) {
        if (expr != nullptr) expr = plan::substitute(expr, input->exprs);
    };
    for (ExprPtr& expr : node.exprs) through(expr);
    for (plan::AggregateCall& call : node.aggregates) {
        for (ExprPtr& argument : call.arguments) through(argument);
        through(call.filter);
        for (plan::SortKey& key : call.order_by) through(key.expr);
    }
    node.inputs = {input->inputs[0]};
}

NodePtr simplify(const NodePtr& node) {
    NodePtr mapped = node;
    if (node->kind != Node::Kind::kScan || !node->scan_arguments.empty()) {
        auto copy = std::make_shared<Node>(*node);
        for (NodePtr& input : copy->inputs) input = simplify(input);
        mapped = std::move(copy);
    }
    auto copy = std::make_shared<Node>(*mapped);
    for (ExprPtr& expr : copy->exprs) expr = simplify_within(expr);
    copy->predicate = simplify_within(copy->predicate);
    if (copy->kind == Node::Kind::kFilter) return simplify_filter(std::move(copy));
    if (copy->inputs.size() == 1) skip_renaming(*copy);
    if (copy->inputs.size() == 1 && is_identity(*copy)) return copy->inputs[0];
    return copy;
}

}  // namespace

NodePtr simplified(const NodePtr& root) { return simplify(root); }

}  // namespace braid::sql
