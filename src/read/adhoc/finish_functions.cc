// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "base/error_makers.h"
#include "columnar/numeric.h"
#include "read/adhoc/aggregate_state_internal.h"
#include "read/adhoc/functions_internal.h"
#include "read/adhoc/statement_state_internal.h"

namespace braid::read {

namespace {

using operators::NumericBlob;

struct FinishState {
    StatementPtr statement;
};

void destroy_state(void* state) { delete static_cast<FinishState*>(state); }

void init_finish(duckdb_init_info info) {
    const auto* registry =
        static_cast<const StatementRegistry*>(duckdb_scalar_function_init_get_extra_info(info));
    duckdb_client_context context = nullptr;
    duckdb_scalar_function_init_get_client_context(info, &context);
    auto state = std::make_unique<FinishState>();
    state->statement = registry->find_and_release(context);
    if (state->statement == nullptr) {
        duckdb_scalar_function_init_set_error(info, "finish without a statement");
        return;
    }
    duckdb_scalar_function_init_set_state(info, state.release(), destroy_state);
}

/// A column of arguments, which may be NULL.
template <typename T>
class Argument {
  public:
    Argument(duckdb_data_chunk input, size_t index) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(input, index);
        values_ = static_cast<const T*>(duckdb_vector_get_data(vector));
        validity_ = duckdb_vector_get_validity(vector);
    }
    bool is_null(size_t row) const {
        return validity_ != nullptr && !duckdb_validity_row_is_valid(validity_, row);
    }
    const T& operator[](size_t row) const { return values_[row]; }

  private:
    const T* values_;
    uint64_t* validity_;
};

std::string_view bytes_of(const duckdb_string_t& value) {
    const uint32_t length = value.value.inlined.length;
    return {length <= 12 ? value.value.inlined.inlined : value.value.pointer.ptr, length};
}

template <typename T>
bool read_bytes(const duckdb_string_t& value, T& into) {
    const std::string_view bytes = bytes_of(value);
    if (bytes.size() != sizeof(T)) return false;
    std::memcpy(&into, bytes.data(), sizeof(T));
    return true;
}

int128 wide(const duckdb_hugeint& value) {
    return static_cast<int128>(static_cast<uint128>(static_cast<uint64_t>(value.upper)) << 64 |
                               value.lower);
}

void set_result(duckdb_vector output, size_t row, int64_t value) {
    static_cast<int64_t*>(duckdb_vector_get_data(output))[row] = value;
}
void set_result(duckdb_vector output, size_t row, double value) {
    static_cast<double*>(duckdb_vector_get_data(output))[row] = value;
}
void set_result(duckdb_vector output, size_t row, const Numeric& value) {
    const NumericBlob blob = operators::encode_numeric_blob(value);
    duckdb_unsafe_vector_assign_string_element_len(output, row, blob.data(), blob.size());
}

/// Runs `compute(row)`, which gives Result<std::optional<T>>, for every row.
template <typename F>
Result<void> each_row(duckdb_data_chunk input, duckdb_vector output, F&& compute) {
    const size_t count = duckdb_data_chunk_get_size(input);
    for (size_t row = 0; row < count; ++row) {
        const auto value = TRY(compute(row));
        if (value.has_value()) {
            set_result(output, row, *value);
        } else {
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
        }
    }
    return {};
}

Result<void> sum_bigint(duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_hugeint> sums(input, 0);
    return each_row(input, output, [&](size_t row) -> Result<std::optional<int64_t>> {
        if (sums.is_null(row)) return std::optional<int64_t>();
        const int128 sum = wide(sums[row]);
        if (sum < INT64_MIN || sum > INT64_MAX) {
            return Error(invalid_input("bigint out of range")).with_sqlstate("22003");
        }
        return std::optional(static_cast<int64_t>(sum));
    });
}

Result<void> sum_numeric(duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_hugeint> sums(input, 0);
    return each_row(input, output, [&](size_t row) -> Result<std::optional<Numeric>> {
        if (sums.is_null(row)) return std::optional<Numeric>();
        return std::optional(Numeric{wide(sums[row]), 0, Numeric::Kind::kFinite});
    });
}

Result<void> average(duckdb_data_chunk input, duckdb_vector output) {
    const Argument<duckdb_hugeint> sums(input, 0);
    const Argument<int64_t> counts(input, 1);
    return each_row(input, output, [&](size_t row) -> Result<std::optional<Numeric>> {
        if (sums.is_null(row) || counts.is_null(row) || counts[row] == 0)
            return std::optional<Numeric>();
        const Numeric sum{wide(sums[row]), 0, Numeric::Kind::kFinite};
        return std::optional(TRY(divide(sum, Numeric::from_int(counts[row]))));
    });
}

Result<std::optional<Numeric>> finish_numeric(Finish finish, const NumericGathered& gathered,
                                              std::optional<int> scale) {
    if (gathered.count == 0) return std::optional<Numeric>();
    const bool is_finished = finish == Finish::kAverage && gathered.is_average;
    if (gathered.has_overflowed && !is_finished) {
        return Error(invalid_input("value overflows numeric format")).with_sqlstate("22003");
    }
    Numeric total;
    if (!operators::decode_numeric_blob({gathered.total.data(), gathered.total.size()}, total)) {
        return internal_error("sum of numerics is broken");
    }
    if (is_finished) return std::optional(total);
    if (scale.has_value() && total.is_finite() && *scale > total.scale) {
        total = TRY(round_to(total, *scale));
    }
    if (finish == Finish::kSum) return std::optional(total);
    return std::optional(TRY(divide(total, Numeric::from_int(gathered.count))));
}

Result<void> numeric_finish(duckdb_data_chunk input, duckdb_vector output) {
    const Argument<int32_t> kinds(input, 0);
    const Argument<duckdb_string_t> states(input, 1);
    const Argument<duckdb_string_t> scales(input, 2);
    return each_row(input, output, [&](size_t row) -> Result<std::optional<Numeric>> {
        NumericGathered gathered;
        if (states.is_null(row)) return std::optional<Numeric>();
        if (!read_bytes(states[row], gathered))
            return internal_error("state of numerics is broken");
        std::optional<int> scale;
        if (!scales.is_null(row)) {
            const std::string_view bytes = bytes_of(scales[row]);
            if (bytes.size() != 2) return internal_error("scale of numerics is broken");
            scale = static_cast<uint8_t>(bytes[0]) << 8 | static_cast<uint8_t>(bytes[1]);
        }
        return finish_numeric(static_cast<Finish>(kinds[row]), gathered, scale);
    });
}

Result<std::optional<double>> finish_float(Finish finish, const FloatGathered& gathered) {
    const bool is_of_sample = finish == Finish::kVarSamp || finish == Finish::kStddevSamp;
    if (gathered.count < (is_of_sample ? 2 : 1)) return std::optional<double>();
    if (gathered.has_overflowed && finish != Finish::kAverage) {
        return Error(invalid_input("value out of range: overflow")).with_sqlstate("22003");
    }
    switch (finish) {
        case Finish::kSum:
            return std::optional(gathered.sum);
        case Finish::kAverage:
            return std::optional(gathered.average);
        case Finish::kVarSamp:
            return std::optional(gathered.squares / (gathered.count - 1));
        case Finish::kVarPop:
            return std::optional(gathered.squares / gathered.count);
        case Finish::kStddevSamp:
            return std::optional(std::sqrt(gathered.squares / (gathered.count - 1)));
        case Finish::kStddevPop:
            return std::optional(std::sqrt(gathered.squares / gathered.count));
    }
    return internal_error("unknown finish");
}

Result<void> float_finish(duckdb_data_chunk input, duckdb_vector output) {
    const Argument<int32_t> kinds(input, 0);
    const Argument<duckdb_string_t> states(input, 1);
    return each_row(input, output, [&](size_t row) -> Result<std::optional<double>> {
        FloatGathered gathered;
        if (states.is_null(row)) return std::optional<double>();
        if (!read_bytes(states[row], gathered)) return internal_error("state of doubles is broken");
        return finish_float(static_cast<Finish>(kinds[row]), gathered);
    });
}

using Compute = Result<void> (*)(duckdb_data_chunk, duckdb_vector);

template <Compute compute>
void run_finish(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const Result<void> done = compute(input, output);
    if (done.has_value()) return;
    const auto& state = *static_cast<FinishState*>(duckdb_scalar_function_get_state(info));
    duckdb_scalar_function_set_error(info, state.statement->record(done.error()).c_str());
}

struct FinishFunction {
    const char* name;
    std::vector<duckdb_type> arguments;
    duckdb_type result;
    duckdb_scalar_function_t body;
};

bool register_one(_duckdb_connection* connection, const StatementRegistry& registry,
                  const FinishFunction& finish) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, finish.name);
    for (const duckdb_type id : finish.arguments) {
        duckdb_logical_type type = duckdb_create_logical_type(id);
        duckdb_scalar_function_add_parameter(function, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_logical_type result = duckdb_create_logical_type(finish.result);
    duckdb_scalar_function_set_return_type(function, result);
    duckdb_destroy_logical_type(&result);
    duckdb_scalar_function_set_extra_info(function, const_cast<StatementRegistry*>(&registry),
                                          nullptr);
    duckdb_scalar_function_set_special_handling(function);
    duckdb_scalar_function_set_init(function, init_finish);
    duckdb_scalar_function_set_function(function, finish.body);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return registered;
}

}  // namespace

bool register_finishes(_duckdb_connection* connection, const StatementRegistry& registry) {
    const FinishFunction functions[] = {
        {"b_sum_bigint", {DUCKDB_TYPE_HUGEINT}, DUCKDB_TYPE_BIGINT, run_finish<sum_bigint>},
        {"b_sum_numeric", {DUCKDB_TYPE_HUGEINT}, DUCKDB_TYPE_BLOB, run_finish<sum_numeric>},
        {"b_average",
         {DUCKDB_TYPE_HUGEINT, DUCKDB_TYPE_BIGINT},
         DUCKDB_TYPE_BLOB,
         run_finish<average>},
        {"b_numeric_finish",
         {DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BLOB},
         DUCKDB_TYPE_BLOB,
         run_finish<numeric_finish>},
        {"b_float_finish",
         {DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_BLOB},
         DUCKDB_TYPE_DOUBLE,
         run_finish<float_finish>},
    };
    bool registered = true;
    for (const FinishFunction& function : functions) {
        registered &= register_one(connection, registry, function);
    }
    return registered;
}

}  // namespace braid::read
