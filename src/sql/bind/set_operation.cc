// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// UNION, INTERSECT and EXCEPT.

namespace braid::sql {

std::vector<Type> Binder::Arm::types() const {
    std::vector<Type> out;
    if (block == nullptr) {
        for (const Field& field : node->output.fields) out.push_back(field.type);
        return out;
    }
    for (const TargetColumn& target : block->targets) {
        if (!target.is_junk) out.push_back(target.expr->type);
    }
    return out;
}

std::vector<std::string> Binder::Arm::names() const {
    std::vector<std::string> out;
    if (block == nullptr) {
        for (const Field& field : node->output.fields) out.push_back(field.name);
        return out;
    }
    for (const TargetColumn& target : block->targets) {
        if (!target.is_junk) out.push_back(target.name);
    }
    return out;
}

int Binder::Arm::place_of_column(size_t column) const {
    if (block == nullptr || column >= block->targets.size()) return place;
    return block->targets[column].place;
}

namespace {

std::string_view word_of(Select::SetOperation operation) {
    switch (operation) {
        case Select::SetOperation::kIntersect:
            return "INTERSECT";
        case Select::SetOperation::kExcept:
            return "EXCEPT";
        default:
            return "UNION";
    }
}

Node::SetKind kind_of(Select::SetOperation operation) {
    switch (operation) {
        case Select::SetOperation::kIntersect:
            return Node::SetKind::kIntersect;
        case Select::SetOperation::kExcept:
            return Node::SetKind::kExcept;
        default:
            return Node::SetKind::kUnion;
    }
}

/// Whether a side is nothing but set operations further down.
bool is_bare_operation(const Select& select) {
    return select.operation != Select::SetOperation::kNone && select.order_by.empty() &&
           select.limit == nullptr && select.offset == nullptr && select.with.empty();
}

}  // namespace

int first_place(const Select& select) {
    const Select* leaf = &select;
    while (leaf->left != nullptr) leaf = leaf->left.get();
    if (!leaf->targets.empty()) return place_of(*leaf->targets[0].expr);
    if (!leaf->values.empty() && !leaf->values[0].empty()) return place_of(*leaf->values[0][0]);
    return -1;
}

Result<Binder::Arm> Binder::bind_arm(const Select& select, Scope* parent, bool is_border) {
    Arm arm;
    arm.place = first_place(select);
    if (is_bare_operation(select)) return bind_arms(select, parent, is_border);
    const bool is_plain = select.operation == Select::SetOperation::kNone && select.with.empty();
    if (is_plain) {
        TRY(check_select(select));
        arm.block = TRY(bind_block(select, parent, is_border));
    } else {
        arm.node = TRY(bind_query(select, parent, is_border)).root;
    }
    return arm;
}

Result<Binder::Arm> Binder::bind_arms(const Select& select, Scope* parent, bool is_border) {
    constexpr int kArmsDeepMax = kDepthMax + 100;
    if (++depth_ > kArmsDeepMax) {
        --depth_;
        return too_deep();
    }
    auto bound = bind_arms_here(select, parent, is_border);
    --depth_;
    return bound;
}

Result<Binder::Arm> Binder::bind_arms_here(const Select& select, Scope* parent, bool is_border) {
    Arm left = TRY(bind_arm(*select.left, parent, is_border));
    Arm right = TRY(bind_arm(*select.right, parent, is_border));
    const std::vector<Type> left_types = left.types();
    const std::vector<Type> right_types = right.types();
    const std::string_view word = word_of(select.operation);
    if (left_types.size() != right_types.size()) {
        return at(invalid_input("each {} query must have the same number of columns", word)
                      .with_sqlstate("42601"),
                  right.place);
    }
    std::vector<Type> types;
    for (size_t i = 0; i < left_types.size(); ++i) {
        const std::vector<Type> pair{left_types[i], right_types[i]};
        const CommonType common = common_type(pair);
        if (!common.type) {
            return at(invalid_input("{} types {} and {} cannot be matched", word,
                                    without_precision(left_types[i]).name(),
                                    without_precision(right_types[i]).name())
                          .with_sqlstate("42804"),
                      right.place_of_column(i));
        }
        types.push_back(*common.type);
        const bool needs_equality =
            select.operation != Select::SetOperation::kUnion || !select.is_all;
        if (needs_equality) TRY(check_groupable(*common.type, right.place_of_column(i)));
    }
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kSetOperation;
    node->set_kind = kind_of(select.operation);
    node->is_all = select.is_all;
    const std::vector<std::string> names = left.names();
    for (size_t i = 0; i < names.size(); ++i) node->output.fields.push_back({names[i], types[i]});
    NodePtr left_node = TRY(finish_arm(left, types));
    NodePtr right_node = TRY(finish_arm(right, types));
    node->inputs = {std::move(left_node), std::move(right_node)};
    Arm out;
    out.node = std::move(node);
    out.place = left.place;
    return out;
}

Result<NodePtr> Binder::finish_arm(Arm& arm, std::span<const Type> types) {
    Schema wanted;
    const std::vector<std::string> names = arm.names();
    for (size_t i = 0; i < types.size(); ++i) wanted.fields.push_back({names[i], types[i]});
    if (arm.block == nullptr) return cast_columns(arm.node, wanted);
    // Only literals take the type in place: what is sorted or distinct keeps the type it was sorted
    // by.
    for (size_t i = 0; i < types.size(); ++i) {
        ExprPtr& expr = arm.block->targets[i].expr;
        if (is_unknown(expr->type)) {
            expr = TRY(coerce(std::move(expr), types[i], CastContext::kImplicit));
        }
    }
    BoundQuery query = TRY(finish_query(*arm.block));
    return cast_columns(std::move(query.root), wanted);
}

Result<BoundQuery> Binder::bind_set_operation(const Select& select, Scope* parent, bool is_border) {
    const Scope* sideways = std::exchange(sideways_, nullptr);
    Arm arm = TRY(bind_arms(select, parent, is_border));
    BoundQuery out;
    Scope scope;
    scope.parent = parent;
    scope.is_border = is_border;
    scope.sideways = sideways;
    out.root = TRY(sort_set_operation(select, std::move(arm.node), scope));
    out.lineage.resize(out.root->output.fields.size());
    out.why_not = "a set operation stands between";
    return out;
}

/// ORDER BY of a set operation knows nothing but the names and numbers of its columns.
Result<NodePtr> Binder::sort_set_operation(const Select& select, NodePtr node, Scope& scope) {
    SelectBlock block;
    block.scope.parent = scope.parent;
    block.scope.is_border = scope.is_border;
    const std::vector<Field>& fields = node->output.fields;
    for (size_t i = 0; i < fields.size(); ++i) {
        ExprPtr column = plan::column_ref(static_cast<int>(i), fields[i].type);
        block.targets.push_back({fields[i].name, std::move(column), -1, false, {}});
    }
    const size_t width = fields.size();
    for (const SortItem& item : select.order_by) {
        const auto found = TRY(target_by_name_or_ordinal(*item.expr, block, Clause::kOrderBy));
        if (found) continue;
        // PostgreSQL first looks whether the expression makes sense at all.
        ScopeRelation relation;
        for (size_t i = 0; i < width; ++i) {
            relation.columns.push_back({fields[i].name, block.targets[i].expr, false});
            block.scope.row.push_back({"", fields[i].name, fields[i].type, {}});
        }
        block.scope.relations = {std::move(relation)};
        TRY(expression_in(item.expr, block.scope, Clause::kOrderBy));
        return at(
            unsupported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                .with_detail("Only result column names can be used, not expressions or functions.")
                .with_hint("Add the expression/function to every SELECT, or move the UNION into a "
                           "FROM clause."),
            place_of(*item.expr));
    }
    TRY(bind_order_by(select, block));
    if (select.offset != nullptr) {
        block.offset = TRY(bind_limit(select.offset, scope, Clause::kOffset));
    }
    if (select.limit != nullptr) block.limit = TRY(bind_limit(select.limit, scope, Clause::kLimit));
    if (block.sort.empty() && block.limit == nullptr && block.offset == nullptr) return node;
    NodePtr sorted = TRY(finish_output(block, node));
    return without_identity_project(sorted, node);
}

/// finish_output puts a projection of all columns over its input; sorting needs none.
NodePtr Binder::without_identity_project(const NodePtr& node, const NodePtr& input) const {
    if (node->kind == Node::Kind::kProject) return input;
    auto copy = std::make_shared<Node>(*node);
    copy->inputs[0] = without_identity_project(node->inputs[0], input);
    return copy;
}

}  // namespace braid::sql
