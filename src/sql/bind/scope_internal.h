// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/node.h"
#include "plan/view_plan.h"
#include "sql/parse/ast.h"

namespace braid::sql {

using plan::Expr;
using plan::ExprPtr;
using plan::Node;
using plan::NodePtr;

/// Where an expression stands; decides what it may hold and how errors name the place.
enum class Clause : uint8_t {
    kSelect,
    kWhere,
    kHaving,
    kFrom,
    kJoin,
    kGroupBy,
    kOrderBy,
    kDistinctOn,
    kLimit,
    kOffset,
    kFilter,
    kWindow,
    kFrame,
    kValues,
    kExecute,
    kCall,
    kOther,
};
/// "WHERE", "JOIN conditions", …
std::string_view name_of(Clause clause);

/// Which output of which view's plan a column is, through derived tables too. Null plan: none.
struct Lineage {
    plan::ViewPlanPtr plan;
    int output = -1;
    bool is_key() const { return plan != nullptr && plan->key_of_output(output) >= 0; }
};

/// One column of the row that a query's FROM gives, all items side by side.
struct RowColumn {
    std::string relation;
    std::string name;
    Type type;
    Lineage lineage;
};

struct ScopeColumn {
    std::string name;
    ExprPtr expr;            // over the row
    bool is_hidden = false;  // by name only, not in *
};

/// A FROM item as names see it.
struct ScopeRelation {
    std::string schema;        // of a relation without alias
    std::string name;          // empty: a JOIN … USING without alias
    std::string written_name;  // of the relation behind an alias, for hints
    bool by_name = true;       // name.column finds it
    bool by_column = true;     // a bare column finds it
    std::vector<ScopeColumn> columns;
};

/// A WITH query that is visible by name.
struct CommonTableScope {
    std::string name;
    std::string cte;  // unique in the plan
    Schema columns;
    int uses = 0;
};

/// What names mean at one level of queries. The levels form a chain to the outermost.
struct Scope {
    Scope* parent = nullptr;
    /// Expressions here are evaluated once per row of the parent: a subquery, or the right side of
    /// a lateral join. Each such border counts one in Expr::depth.
    bool is_border = false;
    /// FROM items on the left that a subquery without LATERAL must not see; for the hint only.
    const Scope* sideways = nullptr;
    std::vector<ScopeRelation> relations;
    std::vector<RowColumn> row;
    std::vector<CommonTableScope> common_tables;
    std::vector<std::string> later_tables;  // WITH queries that are not bound yet
    std::vector<plan::AggregateCall> aggregates;
    std::vector<plan::WindowCall> windows;
    const std::vector<WindowSpec>* window_clause = nullptr;
    Clause clause = Clause::kOther;
    bool in_aggregate = false;
    bool in_window_call = false;
};

/// Aggregates and window calls of the level being bound are kAggregate expressions: an index into
/// Scope::aggregates, or kWindowBase plus an index into Scope::windows. Expr::depth is not 0 for an
/// aggregate of the query so many borders out, which takes that query's rows.
inline constexpr int kWindowBase = 1 << 20;
inline bool is_window_ref(const Expr& expr) {
    return expr.kind == Expr::Kind::kAggregate && expr.column >= kWindowBase;
}
inline bool is_aggregate_ref(const Expr& expr) {
    return expr.kind == Expr::Kind::kAggregate && expr.column < kWindowBase && expr.depth == 0;
}
/// For an expression that stands `depth` borders inside of a level: is an aggregate of that level.
inline bool is_aggregate_of(const Expr& expr, int depth) {
    return expr.kind == Expr::Kind::kAggregate && expr.column < kWindowBase && expr.depth == depth;
}

/// Equal in structure; places in the text play no part.
bool same_expr(const Expr& left, const Expr& right);
/// Calls `visit` for the expression and everything in it, also inside of subqueries; `depth` counts
/// the borders between. Stops when it gives false.
bool walk(const ExprPtr& expr, int depth, const std::function<bool(const Expr&, int depth)>& visit);
bool contains_aggregate(const ExprPtr& expr);
bool contains_window(const ExprPtr& expr);
/// The expression seen from `borders` further in: its columns become outer ones.
ExprPtr deepened(const ExprPtr& expr, int borders);
/// The other way: an expression that reads nothing nearer, seen from `borders` further out.
ExprPtr raised(const ExprPtr& expr, int borders);
/// Columns of the expression's row, also where subqueries in it read them, replaced by `values`.
ExprPtr with_columns(const ExprPtr& expr, const std::vector<ExprPtr>& values);
/// Reads a column of the level itself, also from within a subquery.
bool reads_row(const ExprPtr& expr);

}  // namespace braid::sql
