// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

namespace braid::sql {
namespace {

constexpr Type kBool = Type::of(TypeKind::kBool);

Node::JoinKind kind_of(TableRef::Join join) {
    switch (join) {
        case TableRef::Join::kInner:
            return Node::JoinKind::kInner;
        case TableRef::Join::kLeft:
            return Node::JoinKind::kLeft;
        case TableRef::Join::kRight:
            return Node::JoinKind::kRight;
        case TableRef::Join::kFull:
            return Node::JoinKind::kFull;
    }
    return Node::JoinKind::kInner;
}

/// Expressions over the whole row, seen from a join whose first column is number `base` of it.
std::vector<ExprPtr> shift_of(const std::vector<RowColumn>& row, size_t base) {
    std::vector<ExprPtr> out;
    for (size_t i = 0; i < row.size(); ++i) {
        const size_t column = i >= base ? i - base : i;
        out.push_back(plan::column_ref(static_cast<int>(column), row[i].type));
    }
    return out;
}

/// The subquery of an expression is the only place where plan::substitute takes a plan.
ExprPtr as_expression(NodePtr node) {
    auto out = std::make_shared<Expr>();
    out->kind = Expr::Kind::kSubquery;
    out->type = kBool;
    out->subquery = std::move(node);
    return out;
}

struct SideColumn {
    ExprPtr expr;
    int count = 0;
};

SideColumn find_column(const std::vector<ScopeRelation>& relations, const std::string& name) {
    SideColumn out;
    for (const ScopeRelation& relation : relations) {
        if (!relation.by_column) continue;
        for (const ScopeColumn& column : relation.columns) {
            if (column.is_hidden || column.name != name) continue;
            out.expr = column.expr;
            ++out.count;
        }
    }
    return out;
}

std::vector<std::string> common_names(const std::vector<ScopeRelation>& left,
                                      const std::vector<ScopeRelation>& right) {
    std::vector<std::string> out;
    for (const ScopeRelation& relation : left) {
        if (!relation.by_column) continue;
        for (const ScopeColumn& column : relation.columns) {
            if (column.is_hidden || find_column(right, column.name).count == 0) continue;
            if (std::ranges::find(out, column.name) == out.end()) out.push_back(column.name);
        }
    }
    return out;
}

}  // namespace

/// Columns of a lateral right side that come from the left count from the join's first column.
Result<NodePtr> Binder::lateral_side(const FromItem& right, size_t base, const Scope& scope) const {
    const ExprPtr whole = as_expression(right.node);
    const bool is_local = walk(whole, 0, [&](const Expr& found, int depth) {
        return found.kind != Expr::Kind::kOuterColumn || found.depth != depth ||
               static_cast<size_t>(found.column) >= base;
    });
    if (!is_local) {
        return unsupported(
            "LATERAL reference to a table outside of the same JOIN is not supported");
    }
    if (base == 0) return right.node;
    return plan::substitute(whole, shift_of(scope.row, base))->subquery;
}

Result<Binder::FromItem> Binder::cross(FromItem left, FromItem right, const Scope& scope) {
    auto join = std::make_shared<Node>();
    join->kind = Node::Kind::kJoin;
    join->join = Node::JoinKind::kCross;
    join->is_lateral = right.is_lateral;
    join->output = left.node->output;
    for (const Field& field : right.node->output.fields) join->output.fields.push_back(field);
    NodePtr right_node = right.node;
    if (right.is_lateral) right_node = TRY(lateral_side(right, left.base, scope));
    join->inputs = {std::move(left.node), std::move(right_node)};
    FromItem out;
    out.node = std::move(join);
    out.base = left.base;
    out.relations = std::move(left.relations);
    for (ScopeRelation& relation : right.relations) out.relations.push_back(std::move(relation));
    out.why_not = "it is joined with another relation";
    return out;
}

Result<Binder::FromItem> Binder::from_join(const TableRef& ref, Scope& scope) {
    const std::vector<ScopeRelation> before = scope.relations;
    FromItem left = TRY(from_item(*ref.left, scope, false));
    for (const ScopeRelation& relation : left.relations) scope.relations.push_back(relation);
    auto bound_right = from_item(*ref.right, scope, true);
    scope.relations = before;
    FromItem right = TRY(std::move(bound_right));
    TRY(check_names(left.relations, right.relations));
    const bool is_outer = ref.join == TableRef::Join::kRight || ref.join == TableRef::Join::kFull;
    if (right.is_lateral && is_outer) {
        int where = 0;
        walk(as_expression(right.node), 0, [&](const Expr& found, int depth) {
            const bool is_reference =
                found.kind == Expr::Kind::kOuterColumn && found.depth == depth;
            if (is_reference) where = found.position;
            return !is_reference;
        });
        return invalid_input("invalid reference to FROM-clause entry for table \"{}\"",
                             left.relations.empty() ? "" : left.relations[0].name)
            .with_detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
            .with_sqlstate("42P10")
            .with_position(where);
    }
    return join_items(ref, std::move(left), std::move(right), scope);
}

Result<Binder::FromItem> Binder::join_items(const TableRef& ref, FromItem left, FromItem right,
                                            Scope& scope) {
    const size_t base = left.base;
    const std::vector<ScopeRelation> left_relations = left.relations;
    const std::vector<ScopeRelation> right_relations = right.relations;
    FromItem out = TRY(cross(std::move(left), std::move(right), scope));
    auto join = std::make_shared<Node>(*out.node);
    std::vector<std::string> names = ref.using_columns;
    if (ref.is_natural) names = common_names(left_relations, right_relations);
    ExprPtr predicate;
    std::optional<ScopeRelation> merged;
    if (!names.empty()) {
        merged.emplace();
        predicate = TRY(merge_using(ref, names, left_relations, right_relations, *merged));
    } else if (ref.on != nullptr) {
        predicate = TRY(join_condition(ref, out.relations, scope));
    }
    if (predicate != nullptr) {
        join->join = kind_of(ref.join);
        join->predicate = plan::substitute(predicate, shift_of(scope.row, base));
    } else if (ref.join != TableRef::Join::kInner) {
        // NATURAL without common columns: every pair matches.
        join->join = kind_of(ref.join);
        join->predicate = plan::constant(Datum::boolean(true));
    }
    out.node = std::move(join);
    if (merged) {
        for (ScopeRelation& relation : out.relations) relation.by_column = false;
        out.relations.push_back(std::move(*merged));
    }
    if (ref.alias) TRY(alias_join(ref, out));
    return out;
}

/// ON sees only the two sides.
Result<ExprPtr> Binder::join_condition(const TableRef& ref,
                                       const std::vector<ScopeRelation>& relations, Scope& scope) {
    Scope hidden;
    hidden.relations = std::exchange(scope.relations, relations);
    const Scope* before = std::exchange(scope.sideways, &hidden);
    const Clause clause = std::exchange(scope.clause, Clause::kJoin);
    auto predicate = boolean(ref.on, scope, "JOIN/ON");
    scope.clause = clause;
    scope.sideways = before;
    scope.relations = std::move(hidden.relations);
    return predicate;
}

Result<ExprPtr> Binder::merge_using(const TableRef& ref, const std::vector<std::string>& names,
                                    const std::vector<ScopeRelation>& left,
                                    const std::vector<ScopeRelation>& right,
                                    ScopeRelation& merged) {
    std::vector<ExprPtr> conditions;
    for (const std::string& name : names) {
        const SideColumn sides[] = {find_column(left, name), find_column(right, name)};
        for (int i = 0; i < 2; ++i) {
            const std::string_view side = i == 0 ? "left" : "right";
            if (sides[i].count > 1) {
                return invalid_input("common column name \"{}\" appears more than once in {} table",
                                     name, side)
                    .with_sqlstate("42702");
            }
            if (sides[i].count == 0) {
                return not_found(
                           "column \"{}\" specified in USING clause does not exist in {} table",
                           name, side)
                    .with_sqlstate("42703");
            }
        }
        const ExprPtr& one = sides[0].expr;
        const ExprPtr& other = sides[1].expr;
        std::vector<ExprPtr> pair{one, other};
        const Type type = TRY(unify(pair, {}, "JOIN/USING"));
        conditions.push_back(TRY(apply_operator({"="}, {one, other}, -1)));
        ExprPtr value = pair[0];
        if (ref.join == TableRef::Join::kRight) value = pair[1];
        if (ref.join == TableRef::Join::kInner && value->kind != Expr::Kind::kColumn &&
            pair[1]->kind == Expr::Kind::kColumn) {
            value = pair[1];
        }
        if (ref.join == TableRef::Join::kFull) {
            value = plan::make(Expr::Kind::kCoalesce, type, pair);
        }
        merged.columns.push_back({name, std::move(value), false});
    }
    for (const auto* side : {&left, &right}) {
        for (const ScopeRelation& relation : *side) {
            if (!relation.by_column) continue;
            for (const ScopeColumn& column : relation.columns) {
                const bool is_merged =
                    !column.is_hidden && std::ranges::find(names, column.name) != names.end();
                if (!is_merged) merged.columns.push_back(column);
            }
        }
    }
    if (conditions.size() == 1) return conditions[0];
    return plan::make(Expr::Kind::kAnd, kBool, std::move(conditions));
}

/// (a JOIN b …) AS j (x, y): the sides are no longer seen.
Result<void> Binder::alias_join(const TableRef& ref, FromItem& item) const {
    ScopeRelation whole;
    whole.name = ref.alias->name;
    whole.written_name = whole.name;
    for (ScopeRelation& relation : item.relations) {
        if (relation.by_column) {
            for (const ScopeColumn& column : relation.columns) {
                if (!column.is_hidden) whole.columns.push_back(column);
            }
        }
        relation.by_name = false;
        relation.by_column = false;
    }
    if (ref.alias->columns.size() > whole.columns.size()) {
        return at(invalid_input("column alias list for \"{}\" has too many entries", whole.name)
                      .with_sqlstate("42601"),
                  ref.place);
    }
    for (size_t i = 0; i < ref.alias->columns.size(); ++i) {
        whole.columns[i].name = ref.alias->columns[i];
    }
    item.relations.push_back(std::move(whole));
    return {};
}

}  // namespace braid::sql
