// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/datum.h"
#include "plan/node.h"
#include "read/adhoc/statement_state_internal.h"

namespace braid::read {

struct Conjunct;
struct KernelArguments;
class Projection;
struct TableCall;

/// SQL for DuckDB, made of names and numbers of ours, and the values for its $1, $2, ….
struct GeneratedSql {
    std::string text;
    std::vector<Datum> parameters;
    /// Nesting of queries; DuckDB recurses as deeply.
    int depth = 0;
};

/// Something that stands in FROM, under an alias of its own: `from`, whose columns are `columns`.
struct FromItem {
    std::string from;
    std::vector<std::string> columns;  // "t3.c0", …
};

/// Turns a bound plan into SQL. One object per statement; what DuckDB shall call back for (leaves,
/// kernel expressions) goes into the state.
///
/// A plan node becomes one SELECT whose columns are c0, c1, … (or one column d if it has none),
/// nested in the SELECT of the node above. Aliases are unique in the statement, so an outer column
/// is simply its alias and name. An expression is written natively where DuckDB's meaning is
/// PostgreSQL's and it cannot fail; otherwise all of it becomes one kernel expression over the
/// columns that it reads, which keeps PostgreSQL's laziness inside. See README.md.
class Generator {
  public:
    /// Queries nested more deeply than `depth_max` are refused.
    Generator(StatementState& state, int depth_max)
        : statement_(state.statement()), state_(state), depth_max_(depth_max) {}

    Result<GeneratedSql> generate();
    /// True if that is why it failed.
    bool is_too_deep() const { return depth_ > depth_max_; }

  private:
    using Names = std::vector<std::string>;
    using Expr = plan::Expr;
    using ExprPtr = plan::ExprPtr;
    using Node = plan::Node;

    // generator.cc: the nodes. Each gives a SELECT without parentheses.
    Result<std::string> select(const Node& node);
    Result<std::string> select_of_kind(const Node& node);
    Result<std::string> values(const Node& node);
    Result<std::string> filter(const Node& node);
    Result<std::string> project(const Node& node);
    Result<std::string> join(const Node& node);
    Result<std::string> sort(const Node& node);
    Result<std::string> limit(const Node& node);
    Result<std::string> distinct(const Node& node);
    Result<std::string> with(const Node& node);
    Result<std::string> cte_scan(const Node& node);
    std::string leaf_scan(Leaf leaf);
    Result<std::string> kernel_leaf(const Node& node);
    Result<FromItem> from(const Node& node);
    FromItem alias(std::string select, size_t columns, bool is_lateral = false);
    Result<std::string> order_by(const std::vector<plan::SortKey>& keys, const Names& here);
    Result<std::string> limit_clause(const Node& node);
    Result<std::optional<int64_t>> row_count(const ExprPtr& expr, std::string_view clause);

    // generator_set.cc
    Result<std::string> set_operation(const Node& node);
    Result<std::string> counted_set_operation(const Node& node);

    // generator_function.cc: generate_series, unnest, …
    Result<std::string> function_scan(const Node& node);
    Result<std::string> lateral_function(const Node& node, const TableCall& call);

    // generator_aggregate.cc
    struct Call;
    Result<std::string> aggregate(const Node& node);
    Result<std::string> window(const Node& node);
    /// Arguments and filter as columns of `inner`.
    Result<void> add_arguments(const std::vector<ExprPtr>& arguments, const ExprPtr& filter,
                               const Names& here, Projection& inner, Call& call);
    Result<std::string> aggregate_call(const Call& call);
    Result<std::string> sum_or_average(const Call& call);
    Result<std::string> string_aggregate(const Call& call);
    Result<std::string> list_aggregate(const Call& call);
    // generator_window.cc
    Result<std::string> window_function(const Call& call);
    Result<void> over_clause(const plan::WindowCall& window, const Names& here, Projection& inner,
                             Call& call);

    // generator_expr.cc
    Result<std::string> write(const ExprPtr& expr, const Names& here);
    Result<std::string> write_native(const Expr& expr, const Names& here);
    Result<std::string> write_call(const Expr& expr, const Names& here);
    Result<std::string> write_case(const Expr& expr, const Names& here);
    Result<std::string> write_subquery(const Expr& expr, const Names& here);
    Result<std::string> write_quantified(const Expr& expr, const Node& node, const Names& here);
    Result<std::string> write_array(const Node& node);
    Result<std::string> write_kernel(const ExprPtr& expr, const Names& here);
    Result<ExprPtr> lift_leaves(const ExprPtr& expr, const Names& here, KernelArguments& into);
    std::string write_constant(const Datum& value);
    Result<std::string> joined(std::span<const ExprPtr> exprs, std::string_view separator,
                               const Names& here);
    bool is_native(const Expr& expr, int depth = 0) const;
    Result<Datum> parameter(const Expr& expr) const;
    /// The conjuncts of a predicate as one SQL condition. `sources` tells for each column of `here`
    /// which relation of the FROM clause it comes from.
    Result<std::string> condition(const ExprPtr& predicate, const Names& here,
                                  const std::vector<int>& sources);
    Result<std::string> equality_of_sides(const Conjunct& conjunct,
                                          const std::vector<Conjunct>& all, const Names& here,
                                          const std::vector<int>& sources);
    Result<std::string> subquery(const Node& node, const Names& here);

    std::string fresh_alias() { return "t" + std::to_string(alias_count_++); }
    Error not_supported(std::string_view what, int position = 0) const;

    const DuckStatement& statement_;
    StatementState& state_;
    const int depth_max_;
    GeneratedSql out_;
    int alias_count_ = 0;
    int cte_count_ = 0;
    int depth_ = 0;
    /// Columns of the queries around, innermost last: kOuterColumn of depth 1 is in the last.
    std::vector<const Names*> outer_;
    struct Cte {
        std::string name;
        size_t columns;
    };
    std::map<std::string, Cte> ctes_;
};

/// "t1.c0 AS c0, t1.c1 AS c1", or a lone "d" if there is no column.
std::string select_list(std::span<const std::string> columns);
/// The part of a value that SQL compares: all of it but for numeric and interval.
std::string comparable(std::string sql, const Type& type);
/// True if `expr` reads columns of this query, of an outer one, or has a subquery.
bool is_constant(const plan::Expr& expr);
/// For each column of the node, which relation below inner and outer joins it comes from.
std::vector<int> sources_of(const plan::Node& node);
/// The conjuncts of a predicate: the arguments of nested ANDs; none for a null one.
std::vector<plan::ExprPtr> conjuncts(const plan::ExprPtr& predicate);

/// Nesting of queries, in all.
inline constexpr int kDepthMax = 500;
/// PostgreSQL's own limit on columns of a query.
inline constexpr size_t kColumnsMax = 1664;

}  // namespace braid::read
