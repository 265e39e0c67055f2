// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "plan/identifier.h"
#include "sql/bind/binder_internal.h"

// Names that PostgreSQL gives to columns without AS; quoting; who mentions whom.

namespace braid::sql {

using Kind = Expression::Kind;

namespace {

/// A name and how good it is: 0 none, 1 from a cast's type or CASE, 2 from a column or function.
struct Guess {
    std::string name;
    int strength = 0;
};

Guess guess(const Expression& expression);

Guess guess_cast(const Expression& expression) {
    Guess inner = guess(*expression.arguments[0]);
    if (inner.strength > 1) return inner;
    return {expression.type_name->names.back(), 1};
}

Guess guess_subquery(const Expression& expression) {
    using Sub = Expression::SubqueryKind;
    if (expression.subquery_kind == Sub::kExists) return {"exists", 2};
    if (expression.subquery_kind == Sub::kArray) return {"array", 2};
    if (expression.subquery_kind != Sub::kScalar) return {};
    const Select* select = expression.subquery.get();
    while (select->left != nullptr) select = select->left.get();
    if (select->targets.empty()) return select->values.empty() ? Guess{} : Guess{"column1", 2};
    const Target& target = select->targets[0];
    if (!target.name.empty()) return {target.name, 2};
    return guess(*target.expr);
}

Guess guess(const Expression& expression) {
    switch (expression.kind) {
        case Kind::kColumn:
            if (expression.names.empty() || expression.is_star) return {};
            return {expression.names.back(), 2};
        case Kind::kSubscript:
            if (!expression.names.empty()) return {expression.names.back(), 2};
            return guess(*expression.arguments[0]);
        case Kind::kCall:
            return {expression.names.back(), 2};
        case Kind::kNullIf:
            return {"nullif", 2};
        case Kind::kCast:
            return guess_cast(expression);
        case Kind::kCollate:
            return guess(*expression.arguments[0]);
        case Kind::kGrouping:
            return {"grouping", 2};
        case Kind::kSubquery:
            return guess_subquery(expression);
        case Kind::kCase: {
            if (expression.otherwise != nullptr) {
                Guess inner = guess(*expression.otherwise);
                if (inner.strength > 1) return inner;
            }
            return {"case", 1};
        }
        case Kind::kArray:
            return {"array", 2};
        case Kind::kRow:
            return {"row", 2};
        case Kind::kCoalesce:
            return {"coalesce", 2};
        case Kind::kGreatest:
            return {"greatest", 2};
        case Kind::kLeast:
            return {"least", 2};
        case Kind::kSqlValue:
            return {expression.text, 2};
        default:
            return {};
    }
}

bool mentioned(const Expression& expression, const std::string& name);

bool mentioned(const ExpressionPtr& expression, const std::string& name) {
    return expression != nullptr && mentioned(*expression, name);
}

bool mentioned(const Expression& expression, const std::string& name) {
    const auto in = [&](const ExpressionPtr& child) { return mentioned(child, name); };
    const auto in_sort = [&](const SortItem& item) { return mentioned(item.expr, name); };
    if (expression.subquery != nullptr && mentions(*expression.subquery, name)) return true;
    return std::ranges::any_of(expression.arguments, in) || in(expression.operand) ||
           in(expression.otherwise) || in(expression.filter) ||
           std::ranges::any_of(expression.order_by, in_sort);
}

bool mentioned(const TableRef& ref, const std::string& name) {
    if (ref.kind == TableRef::Kind::kRelation) return ref.names.size() == 1 && ref.names[0] == name;
    if (ref.subquery != nullptr && mentions(*ref.subquery, name)) return true;
    if (ref.left != nullptr && mentioned(*ref.left, name)) return true;
    if (ref.right != nullptr && mentioned(*ref.right, name)) return true;
    return mentioned(ref.on, name) || mentioned(ref.function, name);
}

}  // namespace

std::string column_name_of(const Expression& expression) {
    Guess found = guess(expression);
    return found.strength == 0 ? "?column?" : found.name;
}

bool mentions(const Select& select, const std::string& name) {
    const auto in = [&](const ExpressionPtr& child) { return mentioned(child, name); };
    for (const CommonTable& table : select.with) {
        if (table.query != nullptr && mentions(*table.query, name)) return true;
        if (table.name == name) return false;  // a nearer one hides it
    }
    for (const TableRefPtr& ref : select.from) {
        if (mentioned(*ref, name)) return true;
    }
    for (const Target& target : select.targets) {
        if (in(target.expr)) return true;
    }
    if (select.left != nullptr && mentions(*select.left, name)) return true;
    if (select.right != nullptr && mentions(*select.right, name)) return true;
    return in(select.where) || in(select.having) || std::ranges::any_of(select.group_by, in);
}

std::string quote_identifier(std::string_view name) {
    std::string out;
    plan::append_identifier(name, out);
    return out;
}

}  // namespace braid::sql
