// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <duckdb.h>

#include "operators/aggregate/exact_float_sum_internal.h"
#include "operators/aggregate/numeric_sum_internal.h"
#include "operators/expr/numeric_blob.h"
#include "read/adhoc/aggregate_state_internal.h"
#include "read/adhoc/functions_internal.h"

namespace braid::read {

namespace {

std::string_view bytes_of(const duckdb_string_t& value) {
    const uint32_t length = value.value.inlined.length;
    return {length <= 12 ? value.value.inlined.inlined : value.value.pointer.ptr, length};
}

/// A sum of Braid's aggregates with the memory beside it that few groups need. DuckDB moves the
/// bytes of a state about; what they point to stays.
template <typename Sum, typename Side>
struct SumState {
    Sum sum;
    Side* side;

    /// Runs `add(side)`; a side that comes to hold something stays with this state.
    template <typename Add>
    void with_side(Add&& add) {
        if (side != nullptr) {
            add(*side);
            return;
        }
        thread_local Side scratch;
        add(scratch);
        if (scratch.bytes_used() == 0) return;
        side = new Side(std::move(scratch));
        scratch = Side();
    }
};

/// numeric, as whole values or only the part that is compared.
struct NumericTotal {
    using State = SumState<operators::NumericSum, operators::ScaledSumsStore>;
    using Input = duckdb_string_t;
    static constexpr const char* kName = "b_numeric_state";
    static constexpr duckdb_type kInputType = DUCKDB_TYPE_BLOB;

    static bool add(State& state, const Input& input) {
        Numeric value;
        if (!operators::decode_numeric_blob(bytes_of(input), value)) return false;
        state.with_side([&](auto& side) { state.sum.add(value, side); });
        return true;
    }
    static void merge(State& state, const State& other) {
        state.with_side([&](auto& side) { state.sum.add(other.sum, side); });
    }
    static NumericGathered finish(const State& state) {
        NumericGathered out;
        out.count = state.sum.count();
        const Result<Numeric> total = state.sum.total();
        out.has_overflowed = !total.has_value();
        if (total.has_value()) {
            out.total = operators::encode_numeric_blob(*total);
        } else if (const Result<Numeric> average = state.sum.average()) {
            out.total = operators::encode_numeric_blob(*average);
            out.is_average = true;
        }
        return out;
    }
};

/// float8, exact and rounded once, as in views.
struct FloatTotal {
    using State = SumState<operators::ExactFloatSum, operators::FullFloatSums>;
    using Input = double;
    static constexpr const char* kName = "b_float_state";
    static constexpr duckdb_type kInputType = DUCKDB_TYPE_DOUBLE;

    static bool add(State& state, double value) {
        state.with_side([&](auto& side) { state.sum.add(value, side); });
        return true;
    }
    static void merge(State& state, const State& other) {
        state.with_side([&](auto& side) { state.sum.add(other.sum, side); });
    }
    static FloatGathered finish(const State& state) {
        FloatGathered out;
        out.count = static_cast<double>(state.sum.count());
        if (state.sum.count() == 0) return out;
        bool has_overflowed = false;
        out.sum = state.sum.sum(has_overflowed);
        out.has_overflowed = has_overflowed;
        out.average = state.sum.average();
        return out;
    }
};

struct VarianceState {
    double count;
    double sum;
    double squares;  // sum of squares of differences from the mean
    bool has_overflowed;
    void* side;  // none; for the shape of the others
};

/// PostgreSQL's own way (Youngs and Cramer), step by step, so that the last bits agree too.
struct Variance {
    using State = VarianceState;
    using Input = double;
    static constexpr const char* kName = "b_variance_state";
    static constexpr duckdb_type kInputType = DUCKDB_TYPE_DOUBLE;

    static bool add(State& state, double value) {
        const double before = state.count;
        const double sum_before = state.sum;
        state.count += 1.0;
        state.sum += value;
        if (before > 0.0) {
            const double difference = value * state.count - state.sum;
            state.squares += difference * difference / (state.count * before);
            if (std::isinf(state.sum) || std::isinf(state.squares)) {
                state.has_overflowed |= !std::isinf(sum_before) && !std::isinf(value);
                state.squares = std::numeric_limits<double>::quiet_NaN();
            }
        } else if (!std::isfinite(value)) {
            state.squares = std::numeric_limits<double>::quiet_NaN();
        }
        return true;
    }
    static void merge(State& state, const State& other) {
        if (other.count == 0.0) return;
        if (state.count == 0.0) {
            state = other;
            return;
        }
        const double count = state.count + other.count;
        const double difference = state.sum / state.count - other.sum / other.count;
        const double squares = state.squares + other.squares +
                               state.count * other.count * difference * difference / count;
        const double sum = state.sum + other.sum;
        const bool was_finite = !std::isinf(state.sum) && !std::isinf(other.sum);
        state.has_overflowed |=
            other.has_overflowed || (std::isinf(sum) && was_finite) ||
            (std::isinf(squares) && !std::isinf(state.squares) && !std::isinf(other.squares));
        state.count = count;
        state.sum = sum;
        state.squares = squares;
    }
    static FloatGathered finish(const State& state) {
        FloatGathered out;
        out.count = state.count;
        out.squares = state.squares;
        out.has_overflowed = state.has_overflowed;
        return out;
    }
};

template <typename T>
typename T::State& state_at(duckdb_aggregate_state* states, size_t row) {
    return *reinterpret_cast<typename T::State*>(states[row]);
}

template <typename T>
idx_t state_size(duckdb_function_info) {
    return sizeof(typename T::State);
}

template <typename T>
void init_state(duckdb_function_info, duckdb_aggregate_state state) {
    // All zero bytes is the empty state of each.
    std::memset(static_cast<void*>(state), 0, sizeof(typename T::State));
}

template <typename T>
void update(duckdb_function_info info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
    const auto* values = static_cast<const typename T::Input*>(duckdb_vector_get_data(vector));
    uint64_t* validity = duckdb_vector_get_validity(vector);
    const size_t count = duckdb_data_chunk_get_size(input);
    for (size_t row = 0; row < count; ++row) {
        if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) continue;
        if (!T::add(state_at<T>(states, row), values[row])) {
            duckdb_aggregate_function_set_error(info, "bytes that are no value of ours");
            return;
        }
    }
}

template <typename T>
void combine(duckdb_function_info, duckdb_aggregate_state* from, duckdb_aggregate_state* into,
             idx_t count) {
    for (size_t row = 0; row < count; ++row)
        T::merge(state_at<T>(into, row), state_at<T>(from, row));
}

template <typename T>
void finalize(duckdb_function_info, duckdb_aggregate_state* states, duckdb_vector result,
              idx_t count, idx_t offset) {
    for (size_t row = 0; row < count; ++row) {
        const auto gathered = T::finish(state_at<T>(states, row));
        char bytes[sizeof(gathered)];
        std::memcpy(bytes, &gathered, sizeof(gathered));
        duckdb_unsafe_vector_assign_string_element_len(result, offset + row, bytes, sizeof(bytes));
    }
}

template <typename T>
void destroy(duckdb_aggregate_state* states, idx_t count) {
    if constexpr (!std::is_same_v<typename T::State, VarianceState>) {
        for (size_t row = 0; row < count; ++row) {
            delete state_at<T>(states, row).side;
            state_at<T>(states, row).side = nullptr;
        }
    }
}

template <typename T>
bool register_one(_duckdb_connection* connection) {
    duckdb_aggregate_function function = duckdb_create_aggregate_function();
    duckdb_aggregate_function_set_name(function, T::kName);
    duckdb_logical_type input = duckdb_create_logical_type(T::kInputType);
    duckdb_aggregate_function_add_parameter(function, input);
    duckdb_destroy_logical_type(&input);
    duckdb_logical_type gathered = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_aggregate_function_set_return_type(function, gathered);
    duckdb_destroy_logical_type(&gathered);
    duckdb_aggregate_function_set_functions(function, state_size<T>, init_state<T>, update<T>,
                                            combine<T>, finalize<T>);
    duckdb_aggregate_function_set_destructor(function, destroy<T>);
    const bool registered =
        duckdb_register_aggregate_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_aggregate_function(&function);
    return registered;
}

}  // namespace

bool register_aggregates(_duckdb_connection* connection) {
    return register_one<NumericTotal>(connection) && register_one<FloatTotal>(connection) &&
           register_one<Variance>(connection);
}

}  // namespace braid::read
