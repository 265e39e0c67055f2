// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "base/error_makers.h"
#include "read/adhoc/functions_internal.h"
#include "read/adhoc/statement_state_internal.h"
#include "read/adhoc/vector_codec_internal.h"

namespace braid::read {

namespace {

/// One mention of b_scan in one statement.
struct ScanCall {
    StatementPtr statement;
    const Leaf* leaf = nullptr;
};

/// One time that DuckDB reads it, with as many threads as there are pieces.
struct Scan {
    StatementPtr statement;
    RowPiecesPtr pieces;
    std::vector<int> columns;  // of the leaf, ascending, each once: those that the batches have
    std::vector<int> places;   // per output column: its place in `columns`, -1 = nobody looks
};

/// What one thread has of it.
struct ScanThread {
    RowSourcePtr rows;  // of the piece at hand; null: the next one is to be taken
    std::vector<DictionaryWriter> writers;  // per output column
    Batch batch;
    size_t from = 0;
};

template <typename T>
void destroy(void* object) {
    delete static_cast<T*>(object);
}

void bind_scan(duckdb_bind_info info) {
    const auto* registry = static_cast<const StatementRegistry*>(duckdb_bind_get_extra_info(info));
    duckdb_client_context context = nullptr;
    duckdb_table_function_get_client_context(info, &context);
    auto call = std::make_unique<ScanCall>();
    call->statement = registry->find_and_release(context);
    duckdb_value argument = duckdb_bind_get_parameter(info, 0);
    const int64_t number = duckdb_get_int64(argument);
    duckdb_destroy_value(&argument);
    if (call->statement != nullptr) call->leaf = call->statement->leaf(number);
    if (call->leaf == nullptr) {
        duckdb_bind_set_error(info, "b_scan of no leaf");
        return;
    }
    const auto add_column = [&](const std::string& name, TypeKind kind) {
        duckdb_logical_type type = make_logical_type(kind);
        duckdb_bind_add_result_column(info, name.c_str(), type);
        duckdb_destroy_logical_type(&type);
    };
    // Where nobody reads a column, as in count(*), DuckDB asks for the first: one that costs
    // nothing.
    add_column("d", TypeKind::kBool);
    const std::vector<Field>& fields = call->leaf->output.fields;
    for (size_t i = 0; i < fields.size(); ++i) {
        add_column(fmt::format("c{}", i), fields[i].type.kind);
    }
    duckdb_bind_set_bind_data(info, call.release(), destroy<ScanCall>);
}

/// What DuckDB asks for: 0 is the column of nothing, beyond the last is a row id.
void choose_columns(duckdb_init_info info, Scan& scan, size_t leaf_columns) {
    const size_t count = duckdb_init_get_column_count(info);
    std::vector<int> asked;
    for (size_t i = 0; i < count; ++i) {
        const idx_t index = duckdb_init_get_column_index(info, i);
        asked.push_back(index <= leaf_columns ? static_cast<int>(index) - 1 : -1);
    }
    scan.columns = asked;
    std::ranges::sort(scan.columns);
    scan.columns.erase(std::unique(scan.columns.begin(), scan.columns.end()), scan.columns.end());
    std::erase(scan.columns, -1);
    for (const int column : asked) {
        const auto at = std::ranges::lower_bound(scan.columns, column);
        scan.places.push_back(column < 0 ? -1 : static_cast<int>(at - scan.columns.begin()));
    }
}

void init_scan(duckdb_init_info info) {
    const auto* call = static_cast<const ScanCall*>(duckdb_init_get_bind_data(info));
    auto scan = std::make_unique<Scan>();
    scan->statement = call->statement;
    choose_columns(info, *scan, call->leaf->output.fields.size());
    Result<RowPiecesPtr> pieces = call->statement->open(*call->leaf, scan->columns);
    if (!pieces.has_value()) {
        duckdb_init_set_error(info, call->statement->record(std::move(pieces).error()).c_str());
        return;
    }
    scan->pieces = std::move(pieces).value();
    duckdb_init_set_max_threads(info, scan->pieces->count());
    duckdb_init_set_init_data(info, scan.release(), destroy<Scan>);
}

void init_thread(duckdb_init_info info) {
    auto thread = std::make_unique<ScanThread>();
    thread->writers = std::vector<DictionaryWriter>(duckdb_init_get_column_count(info));
    duckdb_init_set_init_data(info, thread.release(), destroy<ScanThread>);
}

/// False at the end.
Result<bool> advance(const Scan& scan, ScanThread& thread) {
    if (thread.from < thread.batch.length) return true;
    thread.batch = {};
    thread.from = 0;
    while (true) {
        TRY(scan.statement->check_running());
        if (!thread.rows) thread.rows = TRY(scan.pieces->next());
        if (!thread.rows) return false;
        if (TRY(thread.rows->next(thread.batch))) return true;
        thread.rows = nullptr;
    }
}

Result<void> fill(const Scan& scan, ScanThread& thread, duckdb_data_chunk output) {
    size_t count = 0;
    if (TRY(advance(scan, thread))) {
        const Batch& batch = thread.batch;
        if (batch.columns.size() < scan.columns.size()) {
            return internal_error("a leaf gave {} columns of {}", batch.columns.size(),
                                  scan.columns.size());
        }
        count = std::min<size_t>(batch.length - thread.from, duckdb_vector_size());
        for (size_t i = 0; i < scan.places.size(); ++i) {
            if (scan.places[i] < 0) {
                duckdb_vector unread = duckdb_data_chunk_get_vector(output, i);
                std::memset(duckdb_vector_get_data(unread), 0, count);
                continue;
            }
            const Column& column = batch.columns[static_cast<size_t>(scan.places[i])];
            thread.writers[i].write(column, thread.from, count,
                                    duckdb_data_chunk_get_vector(output, i));
        }
        thread.from += count;
    }
    duckdb_data_chunk_set_size(output, count);
    return {};
}

void run_scan(duckdb_function_info info, duckdb_data_chunk output) {
    const auto& scan = *static_cast<const Scan*>(duckdb_function_get_init_data(info));
    auto& thread = *static_cast<ScanThread*>(duckdb_function_get_local_init_data(info));
    const Result<void> filled = fill(scan, thread, output);
    if (filled.has_value()) return;
    duckdb_data_chunk_set_size(output, 0);
    duckdb_function_set_error(info, scan.statement->record(filled.error()).c_str());
}

}  // namespace

bool register_scan(_duckdb_connection* connection, const StatementRegistry& registry) {
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "b_scan");
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_table_function_add_parameter(function, number);
    duckdb_destroy_logical_type(&number);
    duckdb_table_function_set_extra_info(function, const_cast<StatementRegistry*>(&registry),
                                         nullptr);
    duckdb_table_function_set_bind(function, bind_scan);
    duckdb_table_function_set_init(function, init_scan);
    duckdb_table_function_set_local_init(function, init_thread);
    duckdb_table_function_set_function(function, run_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    const bool registered = duckdb_register_table_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    return registered;
}

}  // namespace braid::read
