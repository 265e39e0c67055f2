// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "columnar/datum.h"
#include "columnar/type.h"
#include "plan/function.h"

namespace braid::plan {

struct Node;
struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
using NodePtr = std::shared_ptr<const Node>;

/// A typed expression over the columns of its input. Plain immutable data; shared freely between
/// threads.
struct Expr {
    enum class Kind : uint8_t {
        kColumn,     // `column` of the input
        kConstant,   // `constant`
        kParameter,  // $n: `column` = n - 1
        kCall,       // `function` of `arguments`; operators and casts too
        kAnd,  // two or more arguments, SQL's three values; errors only from arguments that decide
        kOr,
        kNot,
        kIsNull,
        kIsNotNull,
        kIsDistinctFrom,  // two arguments
        kIsNotDistinctFrom,
        kCase,      // condition, value, condition, value, …, else (always present); lazy
        kCoalesce,  // lazy
        kGreatest,  // NULLs are skipped
        kLeast,
        kIn,  // first argument in the others, SQL's three values; NOT IN is kNot of it
        // Only in the plans of SELECT statements:
        kOuterColumn,  // `column` of the input of the query `depth` levels out
        kAggregate,    // replaced by a column before execution; never seen outside the binder
        kSubquery,     // `subquery`
    };
    enum class SubqueryKind : uint8_t { kScalar, kExists, kAny, kAll, kArray };

    Kind kind = Kind::kConstant;
    Type type;
    int column = 0;
    int depth = 0;
    Datum constant;
    const Function* function = nullptr;
    std::vector<ExprPtr> arguments;  // of kAny/kAll: the left side
    SubqueryKind subquery_kind = SubqueryKind::kScalar;
    const Function* comparison = nullptr;  // of kAny/kAll: left op (subquery's only column)
    NodePtr subquery;
    /// 1-based position in the statement, for errors; 0 if it has none.
    int position = 0;
};

ExprPtr column_ref(int column, Type type);
ExprPtr constant(Datum value);
ExprPtr call(const Function* function, std::vector<ExprPtr> arguments, int position = 0);
ExprPtr make(Expr::Kind kind, Type type, std::vector<ExprPtr> arguments);

/// A text that is equal for equal expressions, for finding common ones: "+(int4,int4)($0,
/// 1::int4)".
std::string fingerprint(const Expr& expr);
/// Highest-to-lowest use: the set of input columns it reads, ascending.
std::vector<int> columns_of(const Expr& expr);
/// The same expression with column i replaced by columns[i].
ExprPtr substitute(const ExprPtr& expr, const std::vector<ExprPtr>& columns);
/// As SQL a person can read, with `names` for the columns; for EXPLAIN.
std::string to_sql(const Expr& expr, const std::vector<std::string>& names);

}  // namespace braid::plan
