// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread.h"
#include "read/adhoc/duck_engine.h"
#include "read/adhoc/statement_state_internal.h"

struct _duckdb_database;
struct _duckdb_connection;

namespace braid::read {

/// An open database with everything of ours registered and everything else locked. Lives as long as
/// a statement of it does. Thread-safe.
class DuckInstance {
  public:
    static Result<std::shared_ptr<DuckInstance>> open(const DuckLimits& limits);
    ~DuckInstance();
    DuckInstance(const DuckInstance&) = delete;
    DuckInstance& operator=(const DuckInstance&) = delete;

    const DuckLimits& limits() const { return limits_; }
    StatementRegistry& registry() { return registry_; }
    /// Null when DuckDB refuses.
    _duckdb_connection* connect();

    /// After a fatal error DuckDB refuses everything for ever: no new statement should come here.
    void mark_broken() { is_broken_ = true; }
    bool is_broken() const { return is_broken_; }

  private:
    explicit DuckInstance(const DuckLimits& limits) : limits_(limits) {}
    Result<void> set_up();

    const DuckLimits limits_;
    StatementRegistry registry_;
    _duckdb_database* database_ = nullptr;
    std::atomic<bool> is_broken_{false};
};

/// Interrupts statements that were cancelled or whose time is up: one thread, asleep while nothing
/// runs.
class StatementWatch {
  public:
    /// How late a cancellation may be seen.
    static constexpr int kPollMs = 5;

    StatementWatch();
    ~StatementWatch();

    /// The connection must stay open until remove().
    void add(_duckdb_connection* connection, StatementPtr statement);
    void remove(_duckdb_connection* connection);

  private:
    void run();

    Mutex mutex_;
    CondVar changed_;
    std::map<_duckdb_connection*, StatementPtr> running_;
    bool is_stopping_ = false;
    Thread thread_;
};

/// What went wrong, from a message of DuckDB's: our own error if it was ours. `error_type` is a
/// duckdb_error_type, or 0 where only the message is known.
Error error_from_duck(int error_type, std::string_view message, const StatementState& statement,
                      DuckInstance& instance);

}  // namespace braid::read
