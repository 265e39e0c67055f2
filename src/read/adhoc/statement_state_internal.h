// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "operators/expr/evaluator.h"
#include "plan/node.h"
#include "read/adhoc/duck_engine.h"
#include "read/adhoc/table_call_internal.h"

struct _duckdb_connection;
struct _duckdb_client_context;

namespace braid::read {

/// An expression that our kernel runs when DuckDB calls b_eval_…(number, arguments…): its columns
/// are the arguments.
struct KernelExpression {
    plan::ExprPtr expr;
    std::vector<Type> arguments;
};

/// What b_scan(number) reads. `open` gives batches of exactly `columns` (indexes into `output`), in
/// order; called by one thread at a time.
struct Leaf {
    Schema output;
    std::function<Result<RowPiecesPtr>(std::span<const int> columns)> open;
};

/// Everything that DuckDB's calls back into Braid need to know about the statement that they belong
/// to. Written while the SQL is generated, then only read, but for errors. Shared by the engine,
/// the answer and whatever DuckDB has not let go of yet.
class StatementState {
  public:
    explicit StatementState(DuckStatement statement) : statement_(std::move(statement)) {}

    const DuckStatement& statement() const { return statement_; }

    // Filled by the generator.
    int add_expression(KernelExpression expression);
    int add_leaf(Leaf leaf);
    int add_table_call(TableCall call);
    /// Keeps a node made by the generator alive as long as its rows may be read.
    const plan::Node& keep(plan::NodePtr node);

    const KernelExpression* expression(int64_t number) const;
    const Leaf* leaf(int64_t number) const;
    const TableCall* table_call(int64_t number) const;
    /// Opens a leaf; serialised, since what leaves stand on may not be thread-safe.
    Result<RowPiecesPtr> open(const Leaf& leaf, std::span<const int> columns);

    /// Keeps an error that DuckDB shall only see as the marker given back.
    std::string record(Error error);
    /// The error whose marker stands in a message of DuckDB's.
    std::optional<Error> recorded(std::string_view message) const;

    /// Cancelled or Timeout once the statement should end.
    Result<void> check_running() const { return statement_.limits.check(); }

  private:
    const DuckStatement statement_;
    std::vector<KernelExpression> expressions_;
    std::vector<Leaf> leaves_;
    std::vector<TableCall> table_calls_;
    std::vector<plan::NodePtr> kept_;
    Mutex open_mutex_;
    mutable Mutex errors_mutex_;
    std::deque<Error> errors_;
};
using StatementPtr = std::shared_ptr<StatementState>;

/// Running statements by DuckDB's connection id. Thread-safe.
class StatementRegistry {
  public:
    void add(uint64_t connection, StatementPtr statement);
    void remove(uint64_t connection);
    StatementPtr find(uint64_t connection) const;
    /// Of the connection that a callback runs for; takes the context over. Null if there is none.
    StatementPtr find_and_release(_duckdb_client_context* context) const;

  private:
    mutable Mutex mutex_;
    std::map<uint64_t, StatementPtr> statements_;
};

}  // namespace braid::read
