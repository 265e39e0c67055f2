// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "columnar/column.h"
#include "model/ids.h"
#include "plan/expr.h"
#include "plan/view_plan.h"

namespace braid::plan {

/// What a scan reads.
struct RelationRef {
    enum class Kind : uint8_t { kView, kStream, kSystem, kFunction };
    Kind kind = Kind::kView;
    ObjectId id;        // view or table
    VersionId version;  // of a view: the one bound to
    std::string name;   // as the user knows it; for system relations schema-qualified
                        // ("pg_catalog.pg_class")
};

struct SortKey {
    ExprPtr expr;
    bool descending = false;
    bool nulls_first = false;
};

/// An aggregate in a SELECT. Those of views (plan::AggregateKind) and those that only DuckDB runs
/// share the form; `name` is PostgreSQL's.
struct AggregateCall {
    std::string name;                // "count", "sum", "string_agg", "combine", …
    std::vector<ExprPtr> arguments;  // of mode: what it orders by, ascending
    bool is_distinct = false;
    ExprPtr filter;
    std::vector<SortKey> order_by;
    Type result;
    int position = 0;
};

struct WindowCall {
    std::string name;  // an aggregate or row_number, rank, lag, …
    std::vector<ExprPtr> arguments;
    ExprPtr filter;
    std::vector<ExprPtr> partition_by;
    std::vector<SortKey> order_by;
    /// The frame clause in canonical SQL ("ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"); made by the
    /// binder from the parse tree, numbers and keywords only.
    std::string frame;
    Type result;
};

/// A relational operator of a SELECT. Plain immutable data. Expressions refer to the columns of the
/// input; of a join to the left columns followed by the right ones. Operators below `operators`
/// never see this.
struct Node {
    enum class Kind : uint8_t {
        kScan,       // relation; gives `output`
        kValues,     // rows of expressions
        kFilter,     // predicate
        kProject,    // exprs
        kAggregate,  // exprs = group keys, then aggregates; output = keys then aggregates
        kWindow,     // input columns, then one per window call
        kJoin,       // inputs[0], inputs[1]
        kSort,
        kLimit,     // limit and offset, either may be null
        kDistinct,  // exprs empty: DISTINCT; else DISTINCT ON (exprs), after a sort
        kSetOperation,
        kWith,     // inputs[0] = body of the CTE `cte`, inputs[1] = the query that uses it
        kCteScan,  // of `cte`
    };
    enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull, kCross };
    enum class SetKind : uint8_t { kUnion, kIntersect, kExcept };

    Kind kind = Kind::kValues;
    Schema output;
    std::vector<NodePtr> inputs;

    RelationRef relation;
    /// kScan: which of the relation's columns, in order of `output`.
    std::vector<int> scan_columns;
    std::vector<ExprPtr>
        scan_arguments;  // of a table function, constants only: generate_series, unnest, …
    std::vector<std::vector<ExprPtr>> rows;
    ExprPtr predicate;  // kFilter, kJoin (null for a cross join)
    std::vector<ExprPtr> exprs;
    std::vector<AggregateCall> aggregates;
    std::vector<WindowCall> windows;
    std::vector<SortKey> sort_keys;
    ExprPtr limit;
    ExprPtr offset;
    JoinKind join = JoinKind::kInner;
    bool is_lateral = false;
    SetKind set_kind = SetKind::kUnion;
    bool is_all = false;
    std::string cte;  // a unique name made by the binder, "cte_1"
    bool is_recursive = false;
};

/// A bound SELECT.
struct Query {
    NodePtr root;
    Schema output;
    std::vector<Type> parameters;
    /// Things the user should hear: PostgreSQL WARNINGs with SQLSTATE 01000.
    std::vector<std::string> warnings;
    /// Views and streams it reads, for pinning one snapshot of all of them.
    std::vector<RelationRef> reads;
};

/// The plan as an indented text, one operator a line, as EXPLAIN prints it.
std::string to_text(const Node& node);

}  // namespace braid::plan
