// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// ORDER BY, GROUP BY, DISTINCT and LIMIT: names and numbers of output columns, and expressions.

namespace braid::sql {

using Kind = Expression::Kind;

namespace {

constexpr Type kInt8 = Type::of(TypeKind::kInt8);

bool is_constant(const Expression& expression) {
    return expression.kind == Kind::kFloat || expression.kind == Kind::kString ||
           expression.kind == Kind::kBoolean || expression.kind == Kind::kNull;
}

/// A bare name that is also a column of FROM; GROUP BY takes that one first.
bool is_row_column(const std::string& name, const Scope& scope) {
    for (const Scope* level = &scope; level != nullptr; level = level->parent) {
        for (const ScopeRelation& relation : level->relations) {
            if (!relation.by_column) continue;
            for (const ScopeColumn& column : relation.columns) {
                if (column.name == name) return true;
            }
        }
    }
    return false;
}

}  // namespace

/// For ORDER BY. Arrays are text, whose order is not that of their elements.
Result<void> Binder::check_sortable(const Type& type, int place) const {
    if (is_array(type))
        return at(unsupported("sorting by {} is not supported", type.name()), place);
    return check_groupable(type, place);
}

/// For GROUP BY, DISTINCT, PARTITION BY, UNION and their like, which ask for equality only.
Result<void> Binder::check_groupable(const Type& type, int place) const {
    if (is_array(type) && !has_one_text(type)) {
        return at(unsupported("comparison of {} is not supported", type.name()), place);
    }
    if (type.alias != TypeAlias::kXid) return {};
    return at(not_found("could not identify an ordering operator for type {}", type.name())
                  .with_sqlstate("42883")
                  .with_hint("Use an explicit ordering operator or modify the query."),
              place);
}

/// An output column by name, or by number; nullopt if the expression is neither.
Result<std::optional<size_t>> Binder::target_by_name_or_ordinal(const Expression& expression,
                                                                SelectBlock& block, Clause clause) {
    using Found = std::optional<size_t>;
    if (expression.kind == Kind::kColumn && !expression.is_star && expression.names.size() == 1) {
        const std::string& name = expression.names[0];
        if (clause == Clause::kGroupBy && is_row_column(name, block.scope)) return Found();
        Found found;
        for (size_t i = 0; i < block.targets.size(); ++i) {
            const TargetColumn& target = block.targets[i];
            if (target.is_junk || target.name != name) continue;
            if (found && !same_expr(*block.targets[*found].expr, *target.expr)) {
                return at(invalid_input("{} \"{}\" is ambiguous", name_of(clause), name)
                              .with_sqlstate("42702"),
                          expression.place);
            }
            if (!found) found = i;
        }
        return found;
    }
    if (is_constant(expression)) {
        return at(
            invalid_input("non-integer constant in {}", name_of(clause)).with_sqlstate("42601"),
            expression.place);
    }
    if (expression.kind != Kind::kInteger) return Found();
    size_t count = 0;
    for (const TargetColumn& target : block.targets) count += target.is_junk ? 0 : 1;
    const int64_t ordinal = expression.number;
    if (ordinal < 1 || ordinal > static_cast<int64_t>(count)) {
        return at(invalid_input("{} position {} is not in select list", name_of(clause), ordinal)
                      .with_sqlstate("42P10"),
                  expression.place);
    }
    return Found(static_cast<size_t>(ordinal - 1));
}

/// The output column to sort by; an expression that is none yet becomes one that is not shown.
Result<size_t> Binder::sort_target(const ExpressionPtr& expression, SelectBlock& block,
                                   Clause clause) {
    if (const auto found = TRY(target_by_name_or_ordinal(*expression, block, clause))) {
        TargetColumn& target = block.targets[*found];
        target.expr = TRY(settled(std::move(target.expr)));
        return *found;
    }
    ExprPtr bound = TRY(settled(TRY(expression_in(expression, block.scope, clause))));
    for (size_t i = 0; i < block.targets.size(); ++i) {
        if (same_expr(*block.targets[i].expr, *bound)) return i;
    }
    TargetColumn junk;
    junk.name = "?sort" + std::to_string(block.targets.size()) + "?";
    junk.expr = std::move(bound);
    junk.place = place_of(*expression);
    junk.is_junk = true;
    block.targets.push_back(std::move(junk));
    return block.targets.size() - 1;
}

Result<void> Binder::bind_order_by(const Select& select, SelectBlock& block) {
    for (const SortItem& item : select.order_by) {
        if (item.direction == SortItem::Direction::kUsing) {
            return at(unsupported("ORDER BY … USING is not supported"), item.expr->place);
        }
        SortEntry entry;
        entry.target = TRY(sort_target(item.expr, block, Clause::kOrderBy));
        entry.descending = item.direction == SortItem::Direction::kDescending;
        entry.nulls_first = item.nulls == SortItem::Nulls::kDefault
                                ? entry.descending
                                : item.nulls == SortItem::Nulls::kFirst;
        TRY(check_sortable(block.targets[entry.target].expr->type, item.expr->place));
        const auto same = [&](const SortEntry& known) { return known.target == entry.target; };
        if (std::ranges::none_of(block.sort, same)) block.sort.push_back(entry);
    }
    return {};
}

Result<void> Binder::bind_group_by(const Select& select, SelectBlock& block) {
    Scope& scope = block.scope;
    for (const ExpressionPtr& item : select.group_by) {
        if (item->kind == Kind::kUnsupported) {
            return at(unsupported("{} is not supported", item->text), item->place);
        }
        std::vector<ExpressionPtr> parts{item};
        if (item->kind == Kind::kRow) parts = item->arguments;
        for (const ExpressionPtr& part : parts) {
            ExprPtr key;
            if (const auto found = TRY(target_by_name_or_ordinal(*part, block, Clause::kGroupBy))) {
                TargetColumn& target = block.targets[*found];
                target.expr = TRY(settled(std::move(target.expr)));
                key = target.expr;
                TRY(check_group_key(key));
            } else {
                key = TRY(settled(TRY(expression_in(part, scope, Clause::kGroupBy))));
            }
            TRY(check_groupable(key->type, part->place));
            const auto same = [&](const ExprPtr& known) { return same_expr(*known, *key); };
            if (std::ranges::none_of(block.group_by, same))
                block.group_by.push_back(std::move(key));
        }
    }
    return {};
}

Result<void> Binder::check_group_key(const ExprPtr& key) const {
    const Expr* culprit = nullptr;
    walk(key, 0, [&](const Expr& found, int depth) {
        if (found.kind == Expr::Kind::kAggregate && found.depth == depth) culprit = &found;
        return culprit == nullptr;
    });
    if (culprit == nullptr) return {};
    Error error =
        is_window_ref(*culprit)
            ? invalid_input("window functions are not allowed in GROUP BY").with_sqlstate("42P20")
            : invalid_input("aggregate functions are not allowed in GROUP BY")
                  .with_sqlstate("42803");
    return std::move(error).with_position(culprit->position);
}

Result<void> Binder::bind_distinct(const Select& select, SelectBlock& block) {
    if (!select.is_distinct) return {};
    block.is_distinct = true;
    if (select.distinct_on.empty()) {
        for (TargetColumn& target : block.targets) {
            if (target.is_junk) {
                return at(invalid_input("for SELECT DISTINCT, ORDER BY expressions must appear in "
                                        "select list")
                              .with_sqlstate("42P10"),
                          target.place);
            }
            target.expr = TRY(settled(std::move(target.expr)));
            TRY(check_groupable(target.expr->type, target.place));
        }
        return {};
    }
    for (const ExpressionPtr& item : select.distinct_on) {
        const size_t target = TRY(sort_target(item, block, Clause::kDistinctOn));
        TRY(check_groupable(block.targets[target].expr->type, item->place));
        if (std::ranges::find(block.distinct_on, target) == block.distinct_on.end()) {
            block.distinct_on.push_back(target);
        }
    }
    // The sort must begin with the DISTINCT ON columns, in whatever order.
    bool skipped = false;
    size_t matched = 0;
    for (const SortEntry& entry : block.sort) {
        const bool is_on =
            std::ranges::find(block.distinct_on, entry.target) != block.distinct_on.end();
        if (!is_on) {
            skipped = true;
        } else if (skipped) {
            return at(invalid_input("SELECT DISTINCT ON expressions must match initial ORDER BY "
                                    "expressions")
                          .with_sqlstate("42P10"),
                      block.targets[entry.target].place);
        } else {
            ++matched;
        }
    }
    if (skipped && matched < block.distinct_on.size()) {
        for (const size_t target : block.distinct_on) {
            const auto same = [&](const SortEntry& entry) { return entry.target == target; };
            if (std::ranges::any_of(block.sort, same)) continue;
            return at(invalid_input("SELECT DISTINCT ON expressions must match initial ORDER BY "
                                    "expressions")
                          .with_sqlstate("42P10"),
                      block.targets[target].place);
        }
    }
    return {};
}

Result<ExprPtr> Binder::bind_limit(const ExpressionPtr& limit, Scope& scope, Clause clause) {
    // LIMIT ALL
    if (limit->kind == Kind::kNull) return ExprPtr();
    ExprPtr bound = TRY(expression_in(limit, scope, clause));
    if (!can_coerce(bound->type, kInt8, CastContext::kAssignment)) {
        return at(invalid_input("argument of {} must be type bigint, not type {}", name_of(clause),
                                without_precision(bound->type).name())
                      .with_sqlstate("42804"),
                  place_of(*limit));
    }
    bound = TRY(coerce(std::move(bound), kInt8, CastContext::kAssignment));
    if (reads_row(bound)) {
        return at(invalid_input("argument of {} must not contain variables", name_of(clause))
                      .with_sqlstate("42P10"),
                  limit->place);
    }
    if (bound->kind == Expr::Kind::kConstant && !bound->constant.is_null() &&
        bound->constant.as<int64_t>() < 0) {
        const bool is_limit = clause == Clause::kLimit;
        return invalid_input("{} must not be negative", name_of(clause))
            .with_sqlstate(is_limit ? "2201W" : "2201X");
    }
    return bound;
}

}  // namespace braid::sql
