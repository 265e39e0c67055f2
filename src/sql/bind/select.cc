// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// A query from its WITH to its columns; PostgreSQL's order of analysis decides which error comes
// first.

namespace braid::sql {

Result<void> Binder::check_select(const Select& select) const {
    if (select.has_into) return unsupported("SELECT INTO is not supported");
    if (select.has_locking) return unsupported("SELECT … FOR UPDATE or FOR SHARE is not supported");
    if (select.with_ties) return unsupported("FETCH … WITH TIES is not supported");
    if (select.group_distinct) return unsupported("GROUP BY DISTINCT is not supported");
    return {};
}

Result<BoundQuery> Binder::bind_query(const Select& select, Scope* parent, bool is_border) {
    constexpr int kQueriesDeepMax = kDepthMax + 100;
    if (++depth_ > kQueriesDeepMax) {
        --depth_;
        return too_deep();
    }
    auto bound = bind_query_here(select, parent, is_border);
    --depth_;
    return bound;
}

Result<BoundQuery> Binder::bind_query_here(const Select& select, Scope* parent, bool is_border) {
    TRY(check_select(select));
    if (select.with.empty()) return bind_body(select, parent, is_border);
    Scope with;
    with.parent = parent;
    with.is_border = is_border;
    with.sideways = std::exchange(sideways_, nullptr);
    std::vector<WithBody> bodies;
    TRY(bind_with(select, with, bodies));
    BoundQuery query = TRY(bind_body(select, &with, false));
    // Innermost last: a body may use those before it.
    for (size_t i = bodies.size(); i-- > 0;) {
        if (with.common_tables[i].uses == 0) continue;
        auto node = std::make_shared<Node>();
        node->kind = Node::Kind::kWith;
        node->output = query.root->output;
        node->cte = with.common_tables[i].cte;
        node->is_recursive = bodies[i].is_recursive;
        node->inputs = {bodies[i].node, std::move(query.root)};
        query.root = std::move(node);
    }
    return query;
}

Result<BoundQuery> Binder::bind_body(const Select& select, Scope* parent, bool is_border) {
    if (select.operation != Select::SetOperation::kNone) {
        return bind_set_operation(select, parent, is_border);
    }
    std::unique_ptr<SelectBlock> block = TRY(bind_block(select, parent, is_border));
    return finish_query(*block);
}

Result<BoundQuery> Binder::finish_query(SelectBlock& block) {
    for (TargetColumn& target : block.targets) target.expr = TRY(settled(std::move(target.expr)));
    judge_states(block);
    BoundQuery out;
    for (const TargetColumn& target : block.targets) {
        if (!target.is_junk) out.lineage.push_back(target.lineage);
    }
    out.keeps_states = block.keeps_states;
    out.why_not = block.why_not;
    out.root = TRY(finish(block));
    return out;
}

Result<std::unique_ptr<SelectBlock>> Binder::bind_block(const Select& select, Scope* parent,
                                                        bool is_border) {
    auto block = std::make_unique<SelectBlock>();
    Scope& scope = block->scope;
    scope.parent = parent;
    scope.is_border = is_border;
    scope.sideways = std::exchange(sideways_, nullptr);
    scope.window_clause = &select.windows;
    if (!select.values.empty()) {
        TRY(bind_values(select, *block));
    } else {
        TRY(bind_from(select, *block));
        TRY(bind_targets(select, *block));
    }
    if (select.where != nullptr) {
        scope.clause = Clause::kWhere;
        block->where = TRY(boolean(select.where, scope, "WHERE"));
    }
    if (select.having != nullptr) {
        scope.clause = Clause::kHaving;
        block->having = TRY(boolean(select.having, scope, "HAVING"));
    }
    TRY(bind_order_by(select, *block));
    TRY(bind_group_by(select, *block));
    TRY(bind_distinct(select, *block));
    if (select.offset != nullptr)
        block->offset = TRY(bind_limit(select.offset, scope, Clause::kOffset));
    if (select.limit != nullptr)
        block->limit = TRY(bind_limit(select.limit, scope, Clause::kLimit));
    for (size_t i = 0; i < select.windows.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            if (select.windows[i].name != select.windows[j].name) continue;
            return at(invalid_input("window \"{}\" is already defined", select.windows[i].name)
                          .with_sqlstate("42P20"),
                      select.windows[i].place);
        }
    }
    block->is_grouped =
        !block->group_by.empty() || !scope.aggregates.empty() || block->having != nullptr;
    return block;
}

/// VALUES is a FROM item of which all columns are selected.
Result<void> Binder::bind_values(const Select& select, SelectBlock& block) {
    Scope& scope = block.scope;
    scope.clause = Clause::kValues;
    const size_t width = select.values[0].size();
    std::vector<std::vector<ExprPtr>> columns(width);
    std::vector<std::vector<int>> places(width);
    for (const std::vector<ExpressionPtr>& row : select.values) {
        if (row.size() != width) {
            return at(
                invalid_input("VALUES lists must all be the same length").with_sqlstate("42601"),
                row.empty() ? -1 : row[0]->place);
        }
        std::vector<ExprPtr> values = TRY(expressions(row, scope));
        for (size_t i = 0; i < width; ++i) {
            columns[i].push_back(std::move(values[i]));
            places[i].push_back(place_of(*row[i]));
        }
    }
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kValues;
    node->rows.resize(select.values.size());
    ScopeRelation relation;
    relation.name = "*VALUES*";
    for (size_t i = 0; i < width; ++i) {
        const Type type = TRY(unify(columns[i], places[i], "VALUES"));
        for (size_t row = 0; row < columns[i].size(); ++row) {
            node->rows[row].push_back(std::move(columns[i][row]));
        }
        const std::string name = "column" + std::to_string(i + 1);
        node->output.fields.push_back({name, type});
        relation.columns.push_back({name, plan::column_ref(static_cast<int>(i), type), false});
        scope.row.push_back({relation.name, name, type, {}});
        block.targets.push_back({name, plan::column_ref(static_cast<int>(i), type), -1, false, {}});
    }
    scope.relations.push_back(std::move(relation));
    block.from = std::move(node);
    block.why_not = "there is no view in FROM";
    return {};
}

Result<void> Binder::bind_targets(const Select& select, SelectBlock& block) {
    Scope& scope = block.scope;
    scope.clause = Clause::kSelect;
    for (const Target& target : select.targets) {
        const Expression& expression = *target.expr;
        if (expression.kind == Expression::Kind::kColumn && expression.is_star) {
            TRY(expand_star(expression, target.place, block));
            continue;
        }
        TargetColumn column;
        column.expr = TRY(this->expression(target.expr, scope));
        column.name = target.name.empty() ? column_name_of(expression) : target.name;
        column.place = place_of(expression);
        if (column.expr->kind == Expr::Kind::kColumn) {
            column.lineage = scope.row[static_cast<size_t>(column.expr->column)].lineage;
        }
        block.targets.push_back(std::move(column));
    }
    if (block.targets.empty()) {
        // EXISTS (SELECT FROM …): rows count, columns do not.
        ExprPtr one = plan::constant(Datum::int4(1));
        block.targets.push_back({"?column?", std::move(one), -1, false, {}});
    }
    constexpr size_t kTargetsMax = 1664;
    if (block.targets.size() > kTargetsMax) {
        return invalid_input("target lists can have at most {} entries", kTargetsMax)
            .with_sqlstate("54011");
    }
    return {};
}

Result<void> Binder::expand_star(const Expression& star, int place, SelectBlock& block) {
    Scope& scope = block.scope;
    const auto add = [&](const ScopeRelation& relation) {
        for (const ScopeColumn& column : relation.columns) {
            if (column.is_hidden) continue;
            auto expr = std::make_shared<Expr>(*column.expr);
            expr->position = position(star.place);
            TargetColumn target{column.name, expr, place, false, {}};
            if (expr->kind == Expr::Kind::kColumn) {
                target.lineage = scope.row[static_cast<size_t>(expr->column)].lineage;
            }
            block.targets.push_back(std::move(target));
        }
    };
    if (star.names.empty()) {
        bool found = false;
        for (const ScopeRelation& relation : scope.relations) {
            if (!relation.by_column) continue;
            add(relation);
            found = true;
        }
        if (found) return {};
        return at(
            invalid_input("SELECT * with no tables specified is not valid").with_sqlstate("42601"),
            star.place);
    }
    for (const ScopeRelation& relation : scope.relations) {
        if (!relation.by_name || relation.name != star.names.back()) continue;
        if (star.names.size() == 2 && relation.schema != star.names[0]) continue;
        add(relation);
        return {};
    }
    Expression column = star;
    column.names.push_back("*");
    return no_such_relation_in_from(column, scope);
}

Result<void> Binder::bind_with(const Select& select, Scope& scope, std::vector<WithBody>& bodies) {
    for (size_t i = 0; i < select.with.size(); ++i) {
        const CommonTable& table = select.with[i];
        if (!table.unsupported.empty()) {
            return at(unsupported("{} is not supported", table.unsupported), table.place);
        }
        for (size_t j = 0; j < i; ++j) {
            if (select.with[j].name != table.name) continue;
            return at(invalid_input("WITH query name \"{}\" specified more than once", table.name)
                          .with_sqlstate("42712"),
                      table.place);
        }
        scope.later_tables.clear();
        for (size_t j = i + 1; j < select.with.size(); ++j) {
            scope.later_tables.push_back(select.with[j].name);
        }
        CommonTableScope entry;
        entry.name = table.name;
        entry.cte = "cte_" + std::to_string(next_cte_++);
        WithBody body;
        if (select.is_recursive && mentions(*table.query, table.name)) {
            body.is_recursive = true;
            body.node = TRY(bind_recursive(table, entry, scope));
        } else {
            BoundQuery query = TRY(bind_query(*table.query, &scope, false));
            entry.columns = TRY(columns_of(table, query.root->output));
            body.node = std::move(query.root);
        }
        scope.common_tables.push_back(std::move(entry));
        bodies.push_back(std::move(body));
    }
    return {};
}

Result<Schema> Binder::columns_of(const CommonTable& table, const Schema& output) const {
    Schema out = output;
    if (table.columns.size() > out.fields.size()) {
        return at(
            invalid_input("WITH query \"{}\" has {} columns available but {} columns specified",
                          table.name, out.fields.size(), table.columns.size())
                .with_sqlstate("42P10"),
            table.place);
    }
    for (size_t i = 0; i < table.columns.size(); ++i) out.fields[i].name = table.columns[i];
    return out;
}

/// base UNION [ALL] step, where step reads the rows of the round before.
Result<NodePtr> Binder::bind_recursive(const CommonTable& table, CommonTableScope& entry,
                                       Scope& scope) {
    const Select& query = *table.query;
    const bool has_form =
        query.operation == Select::SetOperation::kUnion && !mentions(*query.left, table.name);
    if (!has_form) {
        return at(invalid_input("recursive query \"{}\" does not have the form non-recursive-term "
                                "UNION [ALL] recursive-term",
                                table.name)
                      .with_sqlstate("42P19"),
                  table.place);
    }
    if (!query.order_by.empty() || query.limit != nullptr || query.offset != nullptr) {
        return at(unsupported("ORDER BY or LIMIT in a recursive query is not implemented"),
                  table.place);
    }
    if (!query.with.empty()) {
        return at(unsupported("WITH in a recursive query is not supported"), table.place);
    }
    BoundQuery base = TRY(bind_query(*query.left, &scope, false));
    entry.columns = TRY(columns_of(table, base.root->output));
    scope.common_tables.push_back(entry);
    auto bound_step = bind_arm(*query.right, &scope, false);
    entry.uses = scope.common_tables.back().uses;
    scope.common_tables.pop_back();
    Arm step = TRY(std::move(bound_step));
    const std::vector<Field>& left = base.root->output.fields;
    const std::vector<Type> right = step.types();
    std::vector<Type> wanted;
    for (const Field& field : left) wanted.push_back(field.type);
    if (left.size() != right.size()) {
        return at(invalid_input("each UNION query must have the same number of columns")
                      .with_sqlstate("42601"),
                  first_place(*query.right));
    }
    for (size_t i = 0; i < left.size(); ++i) {
        const std::vector<Type> types{left[i].type, right[i]};
        const CommonType common = common_type(types);
        if (common.type && same_type(*common.type, left[i].type)) continue;
        if (!common.type) {
            return at(invalid_input("UNION types {} and {} cannot be matched", left[i].type.name(),
                                    right[i].name())
                          .with_sqlstate("42804"),
                      first_place(*query.right));
        }
        return at(
            invalid_input("recursive query \"{}\" column {} has type {} in non-recursive term but "
                          "type {} overall",
                          table.name, i + 1, left[i].type.name(), common.type->name())
                .with_sqlstate("42804")
                .with_hint("Cast the output of the non-recursive term to the correct type."),
            first_place(*query.left));
    }
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kSetOperation;
    node->set_kind = Node::SetKind::kUnion;
    node->is_all = query.is_all;
    node->output = entry.columns;
    NodePtr step_node = TRY(finish_arm(step, wanted));
    node->inputs = {std::move(base.root), std::move(step_node)};
    return NodePtr(std::move(node));
}

/// The same rows with columns cast to these types.
Result<NodePtr> Binder::cast_columns(NodePtr node, const Schema& wanted) {
    std::vector<ExprPtr> exprs;
    bool changed = false;
    for (size_t i = 0; i < wanted.fields.size(); ++i) {
        const Type& type = node->output.fields[i].type;
        ExprPtr column = plan::column_ref(static_cast<int>(i), type);
        exprs.push_back(TRY(coerce(column, wanted.fields[i].type, CastContext::kImplicit)));
        changed = changed || exprs.back() != column;
    }
    if (!changed) return node;
    auto project = std::make_shared<Node>();
    project->kind = Node::Kind::kProject;
    for (size_t i = 0; i < exprs.size(); ++i) {
        project->output.fields.push_back({node->output.fields[i].name, exprs[i]->type});
    }
    project->exprs = std::move(exprs);
    project->inputs = {std::move(node)};
    return NodePtr(std::move(project));
}

/// Can the states of the view behind this block be combined, here or further out?
void Binder::judge_states(SelectBlock& block) const {
    const Scope& scope = block.scope;
    const auto on_keys = [&](const ExprPtr& expr) {
        return walk(expr, 0, [&](const Expr& found, int depth) {
            if (found.kind != Expr::Kind::kColumn || depth > 0) return found.subquery == nullptr;
            return scope.row[static_cast<size_t>(found.column)].lineage.is_key();
        });
    };
    const auto refuse = [&](std::string why) {
        if (block.keeps_states) block.why_not = std::move(why);
        block.keeps_states = false;
    };
    block.states_reach = block.keeps_states;
    if (block.where != nullptr && !on_keys(block.where)) {
        refuse("WHERE reads more than the view's keys");
        block.states_reach = false;
    }
    for (const ExprPtr& key : block.group_by) {
        if (!block.states_reach || on_keys(key)) continue;
        refuse("GROUP BY reads more than the view's keys");
        block.states_reach = false;
    }
    if (block.is_grouped) refuse("it is grouped already");
    if (!scope.windows.empty()) refuse("a window function stands between");
    if (block.is_distinct) refuse("DISTINCT stands between");
    if (block.limit != nullptr || block.offset != nullptr) refuse("LIMIT stands between");
}

}  // namespace braid::sql
