// SPDX-License-Identifier: Apache-2.0
#include "read/adhoc/duck_engine.h"

#include <cstring>
#include <functional>
#include <utility>

#include <duckdb.h>

#include "base/big_stack.h"
#include "base/error_makers.h"
#include "base/mutex.h"
#include "operators/expr/numeric_blob.h"
#include "read/adhoc/duck_instance_internal.h"
#include "read/adhoc/generator_internal.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/statement_state_internal.h"
#include "read/adhoc/vector_codec_internal.h"

namespace braid::read {

namespace {

/// Writing and planning a query recurse over its nesting.
constexpr int kDepthOnOrdinaryStack = 24;

Error no_stack() { return Error(exhausted("no thread for another query")).with_sqlstate("53000"); }

/// On a big stack only where it must be: changing threads costs more than writing most queries.
Result<GeneratedSql> generate(StatementState& state) {
    Generator shallow(state, kDepthOnOrdinaryStack);
    Result<GeneratedSql> sql = shallow.generate();
    if (sql.has_value() || !shallow.is_too_deep()) return sql;
    Generator deep(state, kDepthMax);
    if (!run_on_big_stack([&] { sql = deep.generate(); })) return no_stack();
    return sql;
}

/// A running statement with its connection; the rows of its answer. One thread at a time.
class DuckRows final : public RowSource {
  public:
    DuckRows(std::shared_ptr<DuckInstance> instance, std::shared_ptr<StatementWatch> watch,
             StatementPtr statement)
        : instance_(std::move(instance)),
          watch_(std::move(watch)),
          statement_(std::move(statement)),
          output_(statement_->statement().root->output) {
        std::memset(&result_, 0, sizeof(result_));
    }
    ~DuckRows() override {
        if (connection_ != nullptr && !on_stack([this] { close(); })) close();
    }

    /// Until DuckDB has the first rows.
    Result<void> start() {
        const GeneratedSql sql = TRY(generate(*statement_));
        is_deep_ = sql.depth > kDepthOnOrdinaryStack;
        Result<void> started;
        if (!on_stack([&] { started = execute(sql); })) return no_stack();
        return started;
    }

    Result<bool> next(Batch& batch) override {
        Result<bool> given = false;
        if (!on_stack([&] { given = fetch(batch); })) return no_stack();
        return given;
    }

  private:
    bool on_stack(const std::function<void()>& work) {
        if (is_deep_) return run_on_big_stack(work);
        work();
        return true;
    }

    Result<void> execute(const GeneratedSql& sql) {
        connection_ = instance_->connect();
        if (connection_ == nullptr) return internal_error("DuckDB gave no connection");
        duckdb_client_context context = nullptr;
        duckdb_connection_get_client_context(connection_, &context);
        connection_id_ = duckdb_client_context_get_connection_id(context);
        duckdb_destroy_client_context(&context);
        instance_->registry().add(connection_id_, statement_);
        watch_->add(connection_, statement_);
        TRY(statement_->check_running());
        if (duckdb_prepare(connection_, sql.text.c_str(), &prepared_) != DuckDBSuccess) {
            const char* message = duckdb_prepare_error(prepared_);
            return error_from_duck(0, message == nullptr ? "" : message, *statement_, *instance_);
        }
        for (size_t i = 0; i < sql.parameters.size(); ++i) TRY(bind(i + 1, sql.parameters[i]));
        if (duckdb_execute_prepared_streaming(prepared_, &result_) != DuckDBSuccess)
            return failure();
        return check_result();
    }

    Result<void> bind(idx_t index, const Datum& value) {
        duckdb_state state = DuckDBError;
        switch (value.type.kind) {
            case TypeKind::kFloat8:
                state = duckdb_bind_double(prepared_, index, value.as<double>());
                break;
            case TypeKind::kText:
            case TypeKind::kUnknown: {
                const auto& text = value.as<std::string>();
                state = duckdb_bind_varchar_length(prepared_, index, text.data(), text.size());
                break;
            }
            case TypeKind::kNumeric: {
                const auto blob = operators::encode_numeric_blob(value.as<Numeric>());
                state = duckdb_bind_blob(prepared_, index, blob.data(), blob.size());
                break;
            }
            case TypeKind::kInterval: {
                const auto blob = operators::encode_interval_blob(value.as<Interval64>());
                state = duckdb_bind_blob(prepared_, index, blob.data(), blob.size());
                break;
            }
            default:
                break;
        }
        if (state != DuckDBSuccess) return internal_error("DuckDB refused a value");
        return {};
    }

    Error failure() {
        const char* message = duckdb_result_error(&result_);
        return error_from_duck(duckdb_result_error_type(&result_),
                               message == nullptr ? "" : message, *statement_, *instance_);
    }

    /// The columns must be what we read them as.
    Result<void> check_result() {
        const std::vector<Field>& fields = output_.fields;
        bool fits = duckdb_column_count(&result_) == std::max<size_t>(fields.size(), 1);
        for (size_t i = 0; fits && i < fields.size(); ++i) {
            duckdb_logical_type wanted = make_logical_type(fields[i].type.kind);
            fits = duckdb_column_type(&result_, i) == duckdb_get_type_id(wanted);
            duckdb_destroy_logical_type(&wanted);
        }
        if (!fits) return internal_error("DuckDB gave other columns than planned");
        return {};
    }

    Result<bool> fetch(Batch& batch) {
        if (connection_ == nullptr) return false;
        TRY(statement_->check_running());
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result_);
        if (chunk == nullptr) {
            const char* message = duckdb_result_error(&result_);
            if (message != nullptr && *message != '\0') return failure();
            close();
            return false;
        }
        // The text of the batch lies in the chunk.
        const std::shared_ptr<void> held(chunk, [instance = instance_](void* pointer) {
            auto dead = static_cast<duckdb_data_chunk>(pointer);
            duckdb_destroy_data_chunk(&dead);
        });
        Batch given;
        given.length = duckdb_data_chunk_get_size(chunk);
        const std::vector<Field>& fields = output_.fields;
        for (size_t i = 0; i < fields.size(); ++i) {
            given.columns.push_back(TRY(read_vector(duckdb_data_chunk_get_vector(chunk, i),
                                                    fields[i].type, given.length, held)));
        }
        if (given.length == 0) return fetch(batch);
        batch = std::move(given);
        return true;
    }

    /// In this order: no interrupt may meet a closed connection, and DuckDB's threads may look up
    /// the statement until its result is gone.
    void close() {
        watch_->remove(connection_);
        duckdb_destroy_result(&result_);
        duckdb_destroy_prepare(&prepared_);
        duckdb_disconnect(&connection_);
        instance_->registry().remove(connection_id_);
        connection_ = nullptr;
    }

    const std::shared_ptr<DuckInstance> instance_;
    const std::shared_ptr<StatementWatch> watch_;
    const StatementPtr statement_;
    const Schema output_;  // the plan's root may be gone once run() has returned
    duckdb_connection connection_ = nullptr;
    uint64_t connection_id_ = 0;
    duckdb_prepared_statement prepared_ = nullptr;
    duckdb_result result_;
    bool is_deep_ = false;
};

class LockedDuckEngine final : public DuckEngine {
  public:
    explicit LockedDuckEngine(DuckLimits limits) : limits_(limits) {}

    Result<void> start() {
        const ScopedLock lock(mutex_);
        instance_ = TRY(DuckInstance::open(limits_));
        return {};
    }

    Result<RowSourcePtr> run(DuckStatement statement) override {
        if (statement.root == nullptr) return internal_error("statement without a plan");
        statement.context.parameters = statement.parameters;
        auto state = std::make_shared<StatementState>(std::move(statement));
        auto rows = std::make_unique<DuckRows>(TRY(instance()), watch_, std::move(state));
        TRY(rows->start());
        return RowSourcePtr(std::move(rows));
    }

  private:
    /// The instance for a new statement; after a fatal error a new one, while older statements end
    /// on theirs.
    Result<std::shared_ptr<DuckInstance>> instance() {
        const ScopedLock lock(mutex_);
        if (instance_->is_broken()) instance_ = TRY(DuckInstance::open(limits_));
        return instance_;
    }

    const DuckLimits limits_;
    Mutex mutex_;
    std::shared_ptr<DuckInstance> instance_ GUARDED_BY(mutex_);
    const std::shared_ptr<StatementWatch> watch_ = std::make_shared<StatementWatch>();
};

}  // namespace

Result<std::unique_ptr<DuckEngine>> DuckEngine::open(DuckLimits limits) {
    auto engine = std::make_unique<LockedDuckEngine>(limits);
    TRY(engine->start());
    return std::unique_ptr<DuckEngine>(std::move(engine));
}

Result<std::string> generate_sql(const DuckStatement& statement) {
    if (statement.root == nullptr) return internal_error("statement without a plan");
    StatementState state(statement);
    return TRY(generate(state)).text;
}

}  // namespace braid::read
