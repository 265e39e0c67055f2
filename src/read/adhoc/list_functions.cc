// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "base/error_makers.h"
#include "columnar/key_codec.h"
#include "columnar/text_io.h"
#include "read/adhoc/functions_internal.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/statement_state_internal.h"
#include "read/adhoc/table_call_internal.h"
#include "read/adhoc/vector_codec_internal.h"

namespace braid::read {

namespace {

/// Elements that one vector of calls may give; a list lies in memory whole.
constexpr size_t kElementsMax = 10'000'000;
constexpr size_t kElementsAtOnce = 4096;

/// One mention of a list function on one thread.
struct ListState {
    StatementPtr statement;
    bool is_checked = false;
};

void destroy_state(void* state) { delete static_cast<ListState*>(state); }

void init_list(duckdb_init_info info) {
    const auto* registry =
        static_cast<const StatementRegistry*>(duckdb_scalar_function_init_get_extra_info(info));
    duckdb_client_context context = nullptr;
    duckdb_scalar_function_init_get_client_context(info, &context);
    auto state = std::make_unique<ListState>();
    state->statement = registry->find_and_release(context);
    if (state->statement == nullptr) {
        duckdb_scalar_function_init_set_error(info, "list function without a statement");
        return;
    }
    duckdb_scalar_function_init_set_state(info, state.release(), destroy_state);
}

Result<std::vector<Column>> read_arguments(ListState& state, const TableCall& call,
                                           duckdb_data_chunk input) {
    const size_t rows = duckdb_data_chunk_get_size(input);
    bool fits = duckdb_data_chunk_get_column_count(input) == call.arguments.size() + 1;
    std::vector<Column> columns;
    for (size_t i = 0; fits && i < call.arguments.size(); ++i) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(input, i + 1);
        fits = state.is_checked || has_form_of(vector, call.arguments[i].kind);
        if (fits) columns.push_back(TRY(read_vector(vector, call.arguments[i], rows, nullptr)));
    }
    if (!fits) return internal_error("list function called with other types");
    state.is_checked = true;
    return columns;
}

Result<void> write_lists(ListState& state, duckdb_data_chunk input, duckdb_vector output) {
    const auto* numbers =
        static_cast<const int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
    const TableCall* call = state.statement->table_call(numbers[0]);
    if (call == nullptr) return internal_error("no such table function");
    const std::vector<Column> arguments = TRY(read_arguments(state, *call, input));
    const size_t rows = duckdb_data_chunk_get_size(input);
    auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(output));
    ColumnBuilder builder(call->element);
    for (size_t row = 0; row < rows; ++row) {
        std::vector<Datum> values;
        for (const Column& column : arguments) values.push_back(column.datum(row));
        const auto elements =
            TRY(open_elements(*call, values, state.statement->statement().context));
        entries[row].offset = builder.length();
        while (TRY(elements->next(kElementsAtOnce, builder))) {
            TRY(state.statement->check_running());
            if (builder.length() > kElementsMax) {
                return Error(exhausted("table function gives more than {} rows", kElementsMax))
                    .with_hint("Ask for fewer at a time.")
                    .with_sqlstate("54000");
            }
        }
        entries[row].length = builder.length() - entries[row].offset;
    }
    const Column all = builder.finish();
    if (duckdb_list_vector_reserve(output, all.length()) != DuckDBSuccess ||
        duckdb_list_vector_set_size(output, all.length()) != DuckDBSuccess) {
        return internal_error("list of {} elements refused", all.length());
    }
    write_vector(all, 0, all.length(), duckdb_list_vector_get_child(output));
    return {};
}

void run_list(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    if (duckdb_data_chunk_get_size(input) == 0) return;
    auto& state = *static_cast<ListState*>(duckdb_scalar_function_get_state(info));
    const Result<void> done = write_lists(state, input, output);
    if (done.has_value()) return;
    duckdb_scalar_function_set_error(info, state.statement->record(done.error()).c_str());
}

void run_array_literal(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    duckdb_vector lists = duckdb_data_chunk_get_vector(input, 0);
    const size_t rows = duckdb_data_chunk_get_size(input);
    const Result<Column> elements =
        read_vector(duckdb_list_vector_get_child(lists), Type::of(TypeKind::kText),
                    duckdb_list_vector_get_size(lists), nullptr);
    if (!elements.has_value()) {
        duckdb_scalar_function_set_error(info, "list of texts is broken");
        return;
    }
    const auto* entries = static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(lists));
    uint64_t* validity = duckdb_vector_get_validity(lists);
    std::string text;
    for (size_t row = 0; row < rows; ++row) {
        if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) {
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
            continue;
        }
        text = "{";
        for (size_t i = entries[row].offset; i < entries[row].offset + entries[row].length; ++i) {
            if (i > entries[row].offset) text += ',';
            const bool is_null = elements->is_null(i);
            append_array_element(
                is_null ? std::nullopt : std::optional(elements->at<std::string_view>(i)), text);
        }
        text += '}';
        duckdb_unsafe_vector_assign_string_element_len(output, row, text.data(), text.size());
    }
}

/// Where the longest stretch of equal elements in [from, to) of a sorted list begins; NULLs are no
/// elements. `to` if there is none.
size_t longest_stretch(const Column& elements, size_t from, size_t to) {
    size_t best = to;
    size_t best_length = 0;
    size_t start = from;
    std::string key;
    std::string last;
    for (size_t at = from; at < to; ++at) {
        if (elements.is_null(at)) {
            start = at + 1;
            continue;
        }
        key.clear();
        encode_key_value(elements, at, key);
        if (at > start && key != last) start = at;
        last.swap(key);
        if (at + 1 - start <= best_length) continue;
        best_length = at + 1 - start;
        best = start;
    }
    return best;
}

template <TypeKind kind>
void run_mode(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    duckdb_vector lists = duckdb_data_chunk_get_vector(input, 0);
    const size_t rows = duckdb_data_chunk_get_size(input);
    const Result<Column> elements = read_vector(duckdb_list_vector_get_child(lists), Type::of(kind),
                                                duckdb_list_vector_get_size(lists), nullptr);
    if (!elements.has_value()) {
        duckdb_scalar_function_set_error(info, "list of values is broken");
        return;
    }
    const auto* entries = static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(lists));
    uint64_t* validity = duckdb_vector_get_validity(lists);
    ColumnBuilder builder(Type::of(kind), rows);
    for (size_t row = 0; row < rows; ++row) {
        const bool is_null = validity != nullptr && !duckdb_validity_row_is_valid(validity, row);
        const size_t from = is_null ? 0 : entries[row].offset;
        const size_t to = is_null ? 0 : from + entries[row].length;
        const size_t found = longest_stretch(*elements, from, to);
        if (found == to) {
            builder.append_null();
        } else {
            builder.append(elements->datum(found));
        }
    }
    write_vector(builder.finish(), 0, rows, output);
}

template <TypeKind kind>
bool register_mode(_duckdb_connection* connection) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, std::string(mode_function(kind)).c_str());
    duckdb_logical_type element = make_logical_type(kind);
    duckdb_logical_type list = duckdb_create_list_type(element);
    duckdb_scalar_function_add_parameter(function, list);
    duckdb_scalar_function_set_return_type(function, element);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&element);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_function(function, run_mode<kind>);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return registered;
}

bool register_list(_duckdb_connection* connection, const StatementRegistry& registry,
                   Physical form) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, std::string(list_function(form)).c_str());
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_scalar_function_add_parameter(function, number);
    duckdb_destroy_logical_type(&number);
    duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
    duckdb_scalar_function_set_varargs(function, any);
    duckdb_destroy_logical_type(&any);
    duckdb_logical_type element = make_logical_type(kind_of(form));
    duckdb_logical_type list = duckdb_create_list_type(element);
    duckdb_scalar_function_set_return_type(function, list);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&element);
    duckdb_scalar_function_set_extra_info(function, const_cast<StatementRegistry*>(&registry),
                                          nullptr);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_volatile(function);
    duckdb_scalar_function_set_init(function, init_list);
    duckdb_scalar_function_set_function(function, run_list);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return registered;
}

bool register_array_literal(_duckdb_connection* connection) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, "b_array_literal");
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type list = duckdb_create_list_type(text);
    duckdb_scalar_function_add_parameter(function, list);
    duckdb_scalar_function_set_return_type(function, text);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&text);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_function(function, run_array_literal);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return registered;
}

}  // namespace

bool register_list_functions(_duckdb_connection* connection, const StatementRegistry& registry) {
    bool registered = register_array_literal(connection);
    registered &= register_mode<TypeKind::kBool>(connection);
    registered &= register_mode<TypeKind::kInt4>(connection);
    registered &= register_mode<TypeKind::kInt8>(connection);
    registered &= register_mode<TypeKind::kFloat8>(connection);
    registered &= register_mode<TypeKind::kText>(connection);
    registered &= register_mode<TypeKind::kNumeric>(connection);
    registered &= register_mode<TypeKind::kInterval>(connection);
    for (const Physical form : kPhysicalForms)
        registered &= register_list(connection, registry, form);
    return registered;
}

}  // namespace braid::read
