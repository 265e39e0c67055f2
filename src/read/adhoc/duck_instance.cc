// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include <duckdb.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "read/adhoc/duck_instance_internal.h"
#include "read/adhoc/functions_internal.h"

namespace braid::read {

namespace {

/// Set when the database is opened; the rest by SQL, while SQL still may.
constexpr std::pair<const char*, const char*> kOptions[] = {
    {"autoload_known_extensions", "false"},  {"autoinstall_known_extensions", "false"},
    {"allow_community_extensions", "false"}, {"allow_unsigned_extensions", "false"},
    {"preserve_insertion_order", "true"},    {"default_null_order", "nulls_last"},
};

/// The order matters: each one closes doors, the last one all. An empty temp_directory is what
/// keeps DuckDB from spilling to disk; it is refused as an option at opening, and once external
/// access is gone.
///
/// Disabled optimizers give wrong rows or errors (1.5.6). `deliminator`: [NOT] EXISTS whose
/// conditions on the outer row are a range and an inequality. `filter_pullup`: a condition that
/// reads no column goes above the projection that it guards, in the sides of EXCEPT and INTERSECT.
constexpr const char* kSettings[] = {
    "SET disabled_optimizers = 'deliminator,filter_pullup'",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET TimeZone = 'UTC'",
    "SET disabled_filesystems = 'LocalFileSystem'",
    "SET lock_configuration = true",
};

Result<void> run_setting(duckdb_connection connection, const char* sql) {
    duckdb_result result;
    const bool done = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    const std::string message = done ? "" : duckdb_result_error(&result);
    duckdb_destroy_result(&result);
    if (!done) return internal_error("DuckDB refused {}: {}", sql, message);
    return {};
}

}  // namespace

Result<std::shared_ptr<DuckInstance>> DuckInstance::open(const DuckLimits& limits) {
    std::shared_ptr<DuckInstance> instance(new DuckInstance(limits));
    TRY(instance->set_up());
    return instance;
}

DuckInstance::~DuckInstance() {
    if (database_ != nullptr) duckdb_close(&database_);
}

Result<void> DuckInstance::set_up() {
    duckdb_config config = nullptr;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return internal_error("no DuckDB configuration");
    bool accepted = true;
    for (const auto& [name, value] : kOptions) {
        accepted &= duckdb_set_config(config, name, value) == DuckDBSuccess;
    }
    const std::string memory = fmt::format("{}B", limits_.memory_bytes_max);
    accepted &= duckdb_set_config(config, "memory_limit", memory.c_str()) == DuckDBSuccess;
    const std::string threads = std::to_string(limits_.threads);
    accepted &= duckdb_set_config(config, "threads", threads.c_str()) == DuckDBSuccess;
    char* message = nullptr;
    const bool opened =
        accepted && duckdb_open_ext(nullptr, &database_, config, &message) == DuckDBSuccess;
    duckdb_destroy_config(&config);
    if (!opened) {
        Error error =
            internal_error("DuckDB did not open: {}", message == nullptr ? "option" : message);
        duckdb_free(message);
        return error;
    }
    duckdb_connection connection = connect();
    if (connection == nullptr) return internal_error("DuckDB gave no connection");
    const bool registered =
        register_scan(connection, registry_) && register_kernel_functions(connection, registry_) &&
        register_aggregates(connection) && register_finishes(connection, registry_) &&
        register_list_functions(connection, registry_);
    Result<void> locked;
    if (!registered) locked = internal_error("DuckDB refused a function");
    for (const char* setting : kSettings) {
        if (locked.has_value()) locked = run_setting(connection, setting);
    }
    duckdb_disconnect(&connection);
    return locked;
}

_duckdb_connection* DuckInstance::connect() {
    duckdb_connection connection = nullptr;
    if (duckdb_connect(database_, &connection) != DuckDBSuccess) return nullptr;
    return connection;
}

StatementWatch::StatementWatch() : thread_("duck watch", [this] { run(); }) {}

StatementWatch::~StatementWatch() {
    {
        const ScopedLock lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void StatementWatch::add(_duckdb_connection* connection, StatementPtr statement) {
    {
        const ScopedLock lock(mutex_);
        running_[connection] = std::move(statement);
        if (running_.size() > 1) return;
    }
    changed_.notify_all();
}

void StatementWatch::remove(_duckdb_connection* connection) {
    const ScopedLock lock(mutex_);
    running_.erase(connection);
}

void StatementWatch::run() {
    UniqueLock lock(mutex_);
    while (!is_stopping_) {
        if (running_.empty()) {
            changed_.wait(lock);
            continue;
        }
        changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
        for (const auto& [connection, statement] : running_) {
            // Again at each round: DuckDB forgets an interrupt that comes before it has begun to
            // execute.
            if (!statement->check_running().has_value()) duckdb_interrupt(connection);
        }
    }
}

namespace {

/// Messages of DuckDB's that have an equal in PostgreSQL.
struct KnownMessage {
    std::string_view part;
    ErrorCode code;
    std::string_view sqlstate;
    std::string_view message;
    std::string_view hint = {};
};
constexpr KnownMessage kKnown[] = {
    {"More than one row returned by a subquery", ErrorCode::kInvalidInput, "21000",
     "more than one row returned by a subquery used as an expression"},
    {"destination type UINT64", ErrorCode::kInvalidInput, "2201W", "LIMIT must not be negative"},
    {"Max expression depth limit", ErrorCode::kExhausted, "54001", "query is nested too deeply",
     "Write the statement with less nesting."},
};

}  // namespace

Error error_from_duck(int error_type, std::string_view message, const StatementState& statement,
                      DuckInstance& instance) {
    if (std::optional<Error> own = statement.recorded(message)) return std::move(*own);
    const auto is = [&](duckdb_error_type type, std::string_view prefix) {
        return error_type == type || message.starts_with(prefix);
    };
    if (is(DUCKDB_ERROR_INTERRUPT, "INTERRUPT Error")) {
        const Result<void> running = statement.check_running();
        return running.has_value() ? cancelled("canceling statement due to user request")
                                   : running.error();
    }
    if (is(DUCKDB_ERROR_OUT_OF_MEMORY, "Out of Memory Error")) {
        return Error(exhausted("out of memory"))
            .with_sqlstate("53200")
            .with_detail(fmt::format("Queries together may use {} MiB for joins, sorts and groups.",
                                     instance.limits().memory_bytes_max >> 20))
            .with_hint(
                "Read fewer rows or columns, or put what is asked often into a materialized view.");
    }
    for (const KnownMessage& known : kKnown) {
        if (message.find(known.part) == std::string_view::npos) continue;
        return Error(known.code, std::string(known.message))
            .with_hint(std::string(known.hint))
            .with_sqlstate(known.sqlstate);
    }
    if (is(DUCKDB_ERROR_FATAL, "FATAL Error") || is(DUCKDB_ERROR_INTERNAL, "INTERNAL Error")) {
        instance.mark_broken();
    }
    if (is(DUCKDB_ERROR_NOT_IMPLEMENTED, "Not implemented Error") ||
        is(DUCKDB_ERROR_BINDER, "Binder Error")) {
        return Error(unsupported("this form of query is not supported"))
            .with_detail(std::string(message.substr(0, message.find('\n'))));
    }
    return Error(internal_error("query failed"))
        .with_detail(std::string(message.substr(0, message.find('\n'))));
}

}  // namespace braid::read
