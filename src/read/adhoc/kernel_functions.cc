// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "base/error_makers.h"
#include "columnar/kind_switch.h"
#include "operators/expr/evaluator.h"
#include "read/adhoc/functions_internal.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/statement_state_internal.h"
#include "read/adhoc/vector_codec_internal.h"

namespace braid::read {

namespace {

/// One mention of a kernel function on one thread of DuckDB's: programs are not shared.
struct Evaluation {
    explicit Evaluation(StatementPtr of)
        : statement(std::move(of)), written(statement->statement().context.limits) {}

    StatementPtr statement;
    int64_t number = -1;
    const KernelExpression* expression = nullptr;
    std::unique_ptr<operators::Program> program;
    /// Texts of the vector that was written last; DuckDB counts only what it keeps.
    HeldMemory written;
};

void destroy_evaluation(void* evaluation) { delete static_cast<Evaluation*>(evaluation); }

void init_evaluation(duckdb_init_info info) {
    const auto* registry =
        static_cast<const StatementRegistry*>(duckdb_scalar_function_init_get_extra_info(info));
    duckdb_client_context context = nullptr;
    duckdb_scalar_function_init_get_client_context(info, &context);
    StatementPtr statement = registry->find_and_release(context);
    if (statement == nullptr) {
        duckdb_scalar_function_init_set_error(info, "kernel expression without a statement");
        return;
    }
    auto evaluation = std::make_unique<Evaluation>(std::move(statement));
    duckdb_scalar_function_init_set_state(info, evaluation.release(), destroy_evaluation);
}

/// The expression is known by number only when the first rows come.
Result<void> prepare(Evaluation& evaluation, duckdb_data_chunk input, duckdb_vector output) {
    const auto* numbers =
        static_cast<const int32_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
    if (evaluation.program != nullptr && evaluation.number == numbers[0]) return {};
    evaluation.number = numbers[0];
    evaluation.expression = evaluation.statement->expression(evaluation.number);
    if (evaluation.expression == nullptr) return internal_error("no such kernel expression");
    const KernelExpression& expression = *evaluation.expression;
    // The vectors' memory is read as these types: never by trust alone.
    bool fits = duckdb_data_chunk_get_column_count(input) == expression.arguments.size() + 1;
    for (size_t i = 0; fits && i < expression.arguments.size(); ++i) {
        fits =
            has_form_of(duckdb_data_chunk_get_vector(input, i + 1), expression.arguments[i].kind);
    }
    const TypeKind result = expression.expr->type.kind;
    fits = fits && (result == TypeKind::kBool || has_form_of(output, result));
    if (!fits) return internal_error("kernel expression called with other types");
    evaluation.program = TRY(
        operators::Program::compile({expression.expr}, evaluation.statement->statement().context));
    return {};
}

/// Writes what the rows give into the output from its row `first` on.
Result<void> evaluate_rows(Evaluation& evaluation, const Batch& rows, size_t first,
                           duckdb_vector output) {
    const std::vector<operators::Evaluated> results = evaluation.program->run(rows);
    if (!results[0].errors.empty()) return results[0].errors[0].error;
    const Column& column = results[0].column;
    if (physical_of(column.type()) != physical_of(evaluation.expression->expr->type)) {
        return internal_error("kernel expression gave another type");
    }
    if (is_text(column.type().kind)) {
        uint64_t bytes = 0;
        for (size_t row = 0; row < rows.length; ++row) {
            if (!column.is_null(row)) bytes += column.at<std::string_view>(row).size();
        }
        TRY(evaluation.written.take(bytes));
    }
    write_vector(column, 0, rows.length, output, first);
    return {};
}

Result<void> evaluate(Evaluation& evaluation, duckdb_data_chunk input, duckdb_vector output) {
    TRY(prepare(evaluation, input, output));
    evaluation.written.give_back();
    Batch batch;
    batch.length = duckdb_data_chunk_get_size(input);
    const std::vector<Type>& types = evaluation.expression->arguments;
    for (size_t i = 0; i < types.size(); ++i) {
        batch.columns.push_back(TRY(read_vector(duckdb_data_chunk_get_vector(input, i + 1),
                                                types[i], batch.length, nullptr)));
    }
    const bool makes_texts = is_text(evaluation.expression->expr->type.kind);
    // What a run makes on its way lives as long as the run.
    constexpr size_t kTextRows = 128;
    const size_t rows_max = makes_texts ? kTextRows : batch.length;
    for (size_t first = 0; first < batch.length; first += rows_max) {
        const size_t rows = std::min(rows_max, batch.length - first);
        const bool is_all = rows == batch.length;
        TRY(evaluate_rows(evaluation, is_all ? batch : batch.slice(first, rows), first, output));
    }
    return {};
}

void run_evaluation(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    if (duckdb_data_chunk_get_size(input) == 0) return;
    auto& evaluation = *static_cast<Evaluation*>(duckdb_scalar_function_get_state(info));
    const Result<void> done = evaluate(evaluation, input, output);
    if (done.has_value()) return;
    duckdb_scalar_function_set_error(info, evaluation.statement->record(done.error()).c_str());
}

bool register_one(_duckdb_connection* connection, const StatementRegistry& registry,
                  Physical form) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, std::string(kernel_function(form)).c_str());
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_scalar_function_add_parameter(function, number);
    duckdb_destroy_logical_type(&number);
    duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
    duckdb_scalar_function_set_varargs(function, any);
    duckdb_destroy_logical_type(&any);
    duckdb_logical_type result = form == Physical::kBoolean
                                     ? duckdb_create_logical_type(DUCKDB_TYPE_TINYINT)
                                     : make_logical_type(kind_of(form));
    duckdb_scalar_function_set_return_type(function, result);
    duckdb_destroy_logical_type(&result);
    duckdb_scalar_function_set_extra_info(function, const_cast<StatementRegistry*>(&registry),
                                          nullptr);
    duckdb_scalar_function_set_special_handling(function);  // NULLs are ours to judge
    // Not that values change: it keeps DuckDB from moving filters on a computed column below the
    // column's own filters, where the expression would meet rows that SQL never shows it.
    duckdb_scalar_function_set_volatile(function);
    duckdb_scalar_function_set_init(function, init_evaluation);
    duckdb_scalar_function_set_function(function, run_evaluation);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return registered;
}

}  // namespace

bool register_kernel_functions(_duckdb_connection* connection, const StatementRegistry& registry) {
    bool registered = true;
    for (const Physical form : kPhysicalForms)
        registered &= register_one(connection, registry, form);
    return registered;
}

}  // namespace braid::read
