// SPDX-License-Identifier: Apache-2.0
#pragma once

struct _duckdb_connection;

namespace braid::read {

class StatementRegistry;

/// What the instance learns once, before its configuration is locked. Each gives false when DuckDB
/// refuses. The registry must outlive the instance.

/// b_scan(number): the rows of a leaf.
[[nodiscard]] bool register_scan(_duckdb_connection* connection, const StatementRegistry& registry);
/// b_eval_…(number, arguments…): a kernel expression.
[[nodiscard]] bool register_kernel_functions(_duckdb_connection* connection,
                                             const StatementRegistry& registry);
/// b_numeric_state, b_float_state, b_variance_state.
[[nodiscard]] bool register_aggregates(_duckdb_connection* connection);
/// b_numeric_finish and its like: from what an aggregate gathered to PostgreSQL's result.
[[nodiscard]] bool register_finishes(_duckdb_connection* connection,
                                     const StatementRegistry& registry);
/// b_list_…(number, arguments…): a table function's elements; b_array_literal: a list as an array's
/// text; b_mode_…: the value that is in a sorted list most often.
[[nodiscard]] bool register_list_functions(_duckdb_connection* connection,
                                           const StatementRegistry& registry);

}  // namespace braid::read
