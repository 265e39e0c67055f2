// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_makers.h"
#include "sql/bind/binder_internal.h"

// What a column name means: PostgreSQL's scoping, and its suggestions when a name means nothing.

namespace braid::sql {
namespace {

constexpr int kFuzzyDistanceMax = 3;

std::string joined(const Name& names) {
    std::string out;
    for (const std::string& part : names) out += (out.empty() ? "" : ".") + part;
    return out;
}

/// A column of the level `depth` borders further out.
ExprPtr seen_from(const ExprPtr& expr, int depth, int position) {
    auto copy = std::make_shared<Expr>(*expr);
    copy->position = position;
    if (depth == 0) return copy;
    if (copy->kind == Expr::Kind::kColumn) {
        copy->kind = Expr::Kind::kOuterColumn;
        copy->depth = depth;
        return copy;
    }
    // A column that JOIN … USING merged.
    for (ExprPtr& argument : copy->arguments) argument = seen_from(argument, depth, position);
    return copy;
}

/// The nearest names so far, at most two; more than two are no help.
class Suggestions {
  public:
    void offer(const ScopeRelation& relation, const ScopeColumn& column, std::string_view wanted,
               int penalty) {
        const int limit = distance_ + 1 - penalty;
        int distance = edit_distance(column.name, wanted, limit);
        if (distance > limit || distance > static_cast<int>(wanted.size()) / 2) return;
        distance += penalty;
        const std::string name = relation.name + "." + column.name;
        if (distance < distance_) {
            distance_ = distance;
            names_ = {name};
        } else if (distance == distance_) {
            if (names_.size() == 2) {
                names_.clear();
                distance_ = distance - 1;
            } else if (!names_.empty() || distance_ <= kFuzzyDistanceMax) {
                names_.push_back(name);
            }
        }
    }

    std::string hint() const {
        if (names_.empty()) return {};
        std::string out = "Perhaps you meant to reference the column \"" + names_[0] + "\"";
        if (names_.size() == 2) out += " or the column \"" + names_[1] + "\"";
        return out + ".";
    }

  private:
    int distance_ = kFuzzyDistanceMax + 1;
    std::vector<std::string> names_;
};

}  // namespace

int edit_distance(std::string_view left, std::string_view right, int most) {
    const int difference = static_cast<int>(left.size()) - static_cast<int>(right.size());
    if (difference > most || -difference > most) return most + 1;
    std::vector<int> row(right.size() + 1);
    for (size_t j = 0; j <= right.size(); ++j) row[j] = static_cast<int>(j);
    for (size_t i = 1; i <= left.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i);
        for (size_t j = 1; j <= right.size(); ++j) {
            const int change = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[right.size()];
}

Result<ExprPtr> Binder::column(const Expression& expression, Scope& scope) {
    if (expression.is_star) {
        return at(
            invalid_input("row expansion via \"*\" is not supported here").with_sqlstate("0A000"),
            expression.place);
    }
    if (expression.names.size() == 1) return bare_column(expression, scope);
    return qualified_column(expression, scope);
}

Result<ExprPtr> Binder::bare_column(const Expression& expression, Scope& scope) {
    const std::string& name = expression.names[0];
    int depth = 0;
    for (Scope* level = &scope; level != nullptr; level = level->parent) {
        const ScopeColumn* found = nullptr;
        for (const ScopeRelation& relation : level->relations) {
            if (!relation.by_column) continue;
            for (const ScopeColumn& column : relation.columns) {
                if (column.name != name) continue;
                if (found != nullptr) {
                    return at(invalid_input("column reference \"{}\" is ambiguous", name)
                                  .with_sqlstate("42702"),
                              expression.place);
                }
                found = &column;
            }
        }
        if (found != nullptr) return seen_from(found->expr, depth, position(expression.place));
        if (level->is_border) ++depth;
    }
    for (Scope* level = &scope; level != nullptr; level = level->parent) {
        for (const ScopeRelation& relation : level->relations) {
            if (relation.by_name && relation.name == name) {
                return at(unsupported("whole-row reference to \"{}\" is not supported", name)
                              .with_hint("Name the columns, or write " + quote_identifier(name) +
                                         ".* in a select list."),
                          expression.place);
            }
        }
    }
    return no_such_column(expression, scope);
}

Result<ExprPtr> Binder::qualified_column(const Expression& expression, Scope& scope) {
    const Name& names = expression.names;
    if (names.size() > 3) {
        return at(unsupported("cross-database references are not implemented: {}", joined(names)),
                  expression.place);
    }
    const std::string& wanted = names.back();
    const std::string& table = names[names.size() - 2];
    int depth = 0;
    for (Scope* level = &scope; level != nullptr; level = level->parent) {
        const ScopeRelation* found = nullptr;
        for (const ScopeRelation& relation : level->relations) {
            if (!relation.by_name || relation.name != table) continue;
            if (names.size() == 3 && relation.schema != names[0]) continue;
            if (found != nullptr) {
                return at(invalid_input("table reference \"{}\" is ambiguous", table)
                              .with_sqlstate("42P09"),
                          expression.place);
            }
            found = &relation;
        }
        if (found != nullptr) {
            const ScopeColumn* match = nullptr;
            for (const ScopeColumn& column : found->columns) {
                if (column.name != wanted) continue;
                if (match != nullptr) {
                    return at(invalid_input("column reference \"{}\" is ambiguous", wanted)
                                  .with_sqlstate("42702"),
                              expression.place);
                }
                match = &column;
            }
            if (match == nullptr) return no_such_column(expression, scope);
            return seen_from(match->expr, depth, position(expression.place));
        }
        if (level->is_border) ++depth;
    }
    return no_such_relation_in_from(expression, scope);
}

Error Binder::no_such_column(const Expression& expression, const Scope& scope) const {
    const std::string& wanted = expression.names.back();
    const bool is_qualified = expression.names.size() > 1;
    const std::string table =
        is_qualified ? expression.names[expression.names.size() - 2] : std::string();
    Suggestions suggestions;
    std::string hidden_hint;
    for (const Scope* level = &scope; level != nullptr; level = level->parent) {
        for (const ScopeRelation& relation : level->relations) {
            if (relation.name.empty()) continue;
            const int penalty =
                is_qualified ? edit_distance(table, relation.name, kFuzzyDistanceMax) : 0;
            for (const ScopeColumn& column : relation.columns) {
                if (column.is_hidden) continue;
                suggestions.offer(relation, column, wanted, penalty);
            }
        }
        if (level->sideways == nullptr || is_qualified) continue;
        for (const ScopeRelation& relation : level->sideways->relations) {
            for (const ScopeColumn& column : relation.columns) {
                if (column.name != wanted || !hidden_hint.empty()) continue;
                hidden_hint = "There is a column named \"" + wanted + "\" in table \"" +
                              relation.name +
                              "\", but it cannot be referenced from this part of the query.";
            }
        }
    }
    Error error = is_qualified ? not_found("column {}.{} does not exist", table, wanted)
                               : not_found("column \"{}\" does not exist", wanted);
    error = std::move(error).with_sqlstate("42703");
    const std::string hint = hidden_hint.empty() ? suggestions.hint() : hidden_hint;
    if (!hint.empty()) error = std::move(error).with_hint(hint);
    return at(std::move(error), expression.place);
}

Error Binder::no_such_relation_in_from(const Expression& expression, const Scope& scope) const {
    const std::string& table = expression.names[expression.names.size() - 2];
    std::string hint;
    for (const Scope* level = &scope; level != nullptr; level = level->parent) {
        for (const Scope* seen : {level, level->sideways}) {
            if (seen == nullptr) continue;
            for (const RowColumn& column : seen->row) {
                if (column.relation != table || !hint.empty()) continue;
                hint = "There is an entry for table \"" + table +
                       "\", but it cannot be referenced from this part of the query.";
            }
            for (const ScopeRelation& relation : seen->relations) {
                if (relation.written_name != table || relation.name == table || !hint.empty()) {
                    continue;
                }
                hint = "Perhaps you meant to reference the table alias \"" + relation.name + "\".";
            }
        }
    }
    if (hint.empty()) {
        return at(not_found("missing FROM-clause entry for table \"{}\"", table), expression.place);
    }
    return at(
        not_found("invalid reference to FROM-clause entry for table \"{}\"", table).with_hint(hint),
        expression.place);
}

}  // namespace braid::sql
