// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "plan/rewrite.h"
#include "read/adhoc/subquery_guards_internal.h"

namespace braid::read {

namespace {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;
using Kind = plan::Expr::Kind;
using MayFail = std::function<bool(const Expr&)>;

constexpr Type kBool = Type::of(TypeKind::kBool);

bool has_subquery(const Expr& expr) {
    if (expr.kind == Kind::kSubquery) return true;
    return std::ranges::any_of(expr.arguments,
                               [](const ExprPtr& each) { return has_subquery(*each); });
}

ExprPtr conjunction(std::vector<ExprPtr> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    return plan::make(Kind::kAnd, kBool, std::move(parts));
}

/// The expression seen from one query further in.
ExprPtr from_within(const ExprPtr& expr) {
    if (expr->kind != Kind::kColumn && expr->kind != Kind::kOuterColumn)
        return plan::map_arguments(expr, from_within);
    auto copy = std::make_shared<Expr>(*expr);
    copy->depth = expr->kind == Kind::kColumn ? 1 : expr->depth + 1;
    copy->kind = Kind::kOuterColumn;
    return copy;
}

/// The plan reads nothing unless the condition, which reads only queries further out, holds.
NodePtr read_only_if(const ExprPtr& condition, const NodePtr& node) {
    using enum Node::Kind;
    const bool is_unary = node->inputs.size() == 1 || node->kind == kWith;
    if (is_unary || node->kind == kSetOperation) {
        auto copy = std::make_shared<Node>(*node);
        // Of a WITH, what is said behind it.
        const size_t first = node->kind == kWith ? 1 : 0;
        for (size_t i = first; i < copy->inputs.size(); ++i) {
            copy->inputs[i] = read_only_if(condition, copy->inputs[i]);
        }
        if (node->kind == kFilter) copy->predicate = conjunction({condition, node->predicate});
        return copy;
    }
    auto filter = std::make_shared<Node>();
    filter->kind = kFilter;
    filter->output = node->output;
    filter->inputs = {node};
    filter->predicate = condition;
    return filter;
}

/// What holds where SQL evaluates an expression.
struct Guard {
    ExprPtr expr;
    /// Said by AND or OR: not worth it for a subquery that is the same for every row.
    bool is_logic;
};
using GuardList = std::vector<Guard>;

bool reads_row_outside(const NodePtr& subquery) {
    bool found = false;
    plan::map_expressions(subquery, 1, [&](const ExprPtr& expr, int depth) {
        const std::function<void(const ExprPtr&)> look = [&](const ExprPtr& each) {
            found = found || (each->kind == Kind::kOuterColumn && each->depth == depth);
            for (const ExprPtr& argument : each->arguments) look(argument);
            if (each->subquery != nullptr) found = true;  // it may: taken as if it did
        };
        look(expr);
        return expr;
    });
    return found;
}

class Guards {
  public:
    explicit Guards(const MayFail& may_fail) : may_fail_(may_fail) {}

    NodePtr rewrite(const NodePtr& node) const {
        auto own = std::make_shared<Node>(*node);
        own->inputs.clear();
        const bool is_filter = node->kind == Node::Kind::kFilter;
        if (is_filter) own->predicate = nullptr;
        own = std::make_shared<Node>(*plan::map_expressions(
            own, 0, [&](const ExprPtr& expr, int) { return rewrite(expr, GuardList()); }));
        if (is_filter) own->predicate = rewrite_condition(node->predicate);
        for (const NodePtr& input : node->inputs) own->inputs.push_back(rewrite(input));
        return own;
    }

  private:
    /// Of a WHERE. DuckDB moves its native conditions to below the subqueries by itself.
    ExprPtr rewrite_condition(const ExprPtr& expr) const {
        if (expr->kind != Kind::kAnd || !has_subquery(*expr)) return rewrite(expr, GuardList());
        auto copy = std::make_shared<Expr>(*expr);
        GuardList guards;
        for (size_t i = 0; i < copy->arguments.size(); ++i) {
            copy->arguments[i] = rewrite(expr->arguments[i], guards);
            if (expr_may_fail(*expr->arguments[i])) add_guards(*expr, i, guards);
        }
        return copy;
    }

    ExprPtr rewrite(const ExprPtr& expr, GuardList guards) const {
        if (!has_subquery(*expr)) return expr;
        auto copy = std::make_shared<Expr>(*expr);
        for (size_t i = 0; i < copy->arguments.size(); ++i) {
            copy->arguments[i] = rewrite(expr->arguments[i], guards);
            add_guards(*expr, i, guards);
        }
        if (copy->subquery == nullptr) return copy;
        copy->subquery = rewrite(expr->subquery);
        if (!plan_may_fail(*expr)) return copy;
        const bool is_the_same = !reads_row_outside(expr->subquery);
        std::vector<ExprPtr> parts;
        for (const Guard& guard : guards) {
            if (!is_the_same || !guard.is_logic) parts.push_back(from_within(guard.expr));
        }
        if (parts.empty()) return copy;
        copy->subquery = read_only_if(conjunction(std::move(parts)), copy->subquery);
        return copy;
    }

    /// What holds behind the argument that was looked at last.
    static void add_guards(const Expr& expr, size_t argument, GuardList& guards) {
        const ExprPtr& past = expr.arguments[argument];
        const bool is_logic = expr.kind == Kind::kAnd || expr.kind == Kind::kOr;
        const auto is_not = [&](const ExprPtr& condition, bool value) {
            guards.push_back({plan::make(Kind::kIsDistinctFrom, kBool,
                                         {condition, plan::constant(Datum::boolean(value))}),
                              is_logic});
        };
        switch (expr.kind) {
            case Kind::kCase: {
                // A condition shields its value by holding, and all that follows by not holding.
                if (argument + 1 == expr.arguments.size()) break;
                if (argument % 2 == 0) {
                    guards.push_back({past, is_logic});
                } else {
                    const ExprPtr& condition = expr.arguments[argument - 1];
                    if (!has_subquery(*condition)) guards.pop_back();
                    is_not(condition, true);
                }
                break;
            }
            case Kind::kAnd:
                is_not(past, false);
                break;
            case Kind::kOr:
                is_not(past, true);
                break;
            case Kind::kCoalesce:
                guards.push_back({plan::make(Kind::kIsNull, kBool, {past}), is_logic});
                break;
            default:
                return;
        }
        // A guard is for the kernel or native; one with a subquery is left out, which shields less.
        std::erase_if(guards, [](const Guard& guard) { return has_subquery(*guard.expr); });
    }

    bool plan_may_fail(const Expr& subquery) const {
        if (subquery.subquery_kind == Expr::SubqueryKind::kScalar &&
            !gives_one_row(*subquery.subquery)) {
            return true;
        }
        bool found = false;
        plan::map_expressions(subquery.subquery, 1, [&](const ExprPtr& expr, int) {
            found = found || expr_may_fail(*expr);
            return expr;
        });
        return found;
    }

    bool expr_may_fail(const Expr& expr) const {
        if (expr.kind == Kind::kSubquery && plan_may_fail(expr)) return true;
        if (!has_subquery(expr)) return may_fail_(expr);
        return std::ranges::any_of(expr.arguments,
                                   [&](const ExprPtr& each) { return expr_may_fail(*each); });
    }

    static bool is_one(const ExprPtr& limit) {
        if (limit == nullptr || limit->kind != Kind::kConstant || limit->constant.is_null())
            return false;
        const Datum& count = limit->constant;
        return count.type.kind == TypeKind::kInt8 && count.as<int64_t>() == 1;
    }

    static bool gives_one_row(const Node& node) {
        if (node.kind == Node::Kind::kAggregate) return node.exprs.empty();
        if (node.kind == Node::Kind::kLimit)
            return is_one(node.limit) || gives_one_row(*node.inputs[0]);
        const bool keeps_count =
            node.kind == Node::Kind::kProject || node.kind == Node::Kind::kFilter ||
            node.kind == Node::Kind::kSort || node.kind == Node::Kind::kDistinct;
        if (keeps_count) return gives_one_row(*node.inputs[0]);
        return node.kind == Node::Kind::kValues && node.rows.size() <= 1;
    }

    const MayFail& may_fail_;
};

}  // namespace

NodePtr guard_subqueries(const NodePtr& root, const MayFail& may_fail) {
    return Guards(may_fail).rewrite(root);
}

}  // namespace braid::read
