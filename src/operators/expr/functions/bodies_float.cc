// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "operators/expr/body_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using Float = Result<double>;

/// PostgreSQL refuses an infinity or a zero that the operands do not explain.
Float sum_checked(double result, double a, double b) {
    if (std::isinf(result) && !std::isinf(a) && !std::isinf(b)) return overflow_error();
    return result;
}

Float add(double a, double b) { return sum_checked(a + b, a, b); }
Float subtract(double a, double b) { return sum_checked(a - b, a, b); }

Float multiply(double a, double b) {
    const double result = a * b;
    if (std::isinf(result) && !std::isinf(a) && !std::isinf(b)) return overflow_error();
    if (result == 0.0 && a != 0.0 && b != 0.0) return underflow_error();
    return result;
}

Float divide(double a, double b) {
    if (b == 0.0 && !std::isnan(a)) return division_by_zero();
    const double result = a / b;
    if (std::isinf(result) && !std::isinf(a)) return overflow_error();
    if (result == 0.0 && a != 0.0 && !std::isinf(b)) return underflow_error();
    return result;
}

bool is_odd_integer(double value) {
    return std::isfinite(value) && std::floor(value) == value && std::fmod(value, 2.0) != 0.0;
}

Float power(double base, double exponent) {
    // C99's pow already has SQL's special cases of NaN and infinity; errors are SQL's own.
    if (std::isnan(base)) return exponent == 0.0 ? 1.0 : base;
    if (std::isnan(exponent)) return base == 1.0 ? 1.0 : exponent;
    if (base == 0.0 && exponent < 0.0) {
        return argument_error("2201F", "zero raised to a negative power is undefined");
    }
    if (base < 0.0 && std::isfinite(exponent) && std::floor(exponent) != exponent) {
        return argument_error("2201F",
                              "a negative number raised to a non-integer power yields a complex "
                              "result");
    }
    if (std::isinf(base) && base < 0.0 && exponent < 0.0) {
        return is_odd_integer(exponent) ? -0.0 : 0.0;
    }
    const double result = std::pow(base, exponent);
    if (std::isinf(base) || std::isinf(exponent)) return result;
    if (std::isinf(result)) return overflow_error();
    if (result == 0.0 && base != 0.0) return underflow_error();
    return result;
}

Float square_root(double value) {
    if (value < 0.0) {
        return argument_error("2201F", "cannot take square root of a negative number");
    }
    return std::sqrt(value);
}

Float exponential(double value) {
    const double result = std::exp(value);
    if (std::isinf(value) || std::isnan(value)) return result;
    if (std::isinf(result)) return overflow_error();
    if (result == 0.0) return underflow_error();
    return result;
}

Float logarithm(double value, double (*function)(double)) {
    if (value == 0.0) return argument_error("2201E", "cannot take logarithm of zero");
    if (value < 0.0) return argument_error("2201E", "cannot take logarithm of a negative number");
    return function(value);
}

double sign(double value) {
    // NaN gives 0, as PostgreSQL's comparisons make it.
    return value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : 0.0;
}

Result<int32_t> width_bucket(double value, double low, double high, int32_t count) {
    const auto refuse = [](const char* message) { return argument_error("2201G", message); };
    if (count <= 0) return refuse("count must be greater than zero");
    if (std::isnan(value) || std::isnan(low) || std::isnan(high)) {
        return refuse("operand, lower bound, and upper bound cannot be NaN");
    }
    if (std::isinf(low) || std::isinf(high)) return refuse("lower and upper bounds must be finite");
    if (low == high) return refuse("lower bound cannot equal upper bound");
    const bool ascends = low < high;
    const bool is_below = ascends ? value < low : value > low;
    if (is_below) return 0;
    const bool is_above = ascends ? value >= high : value <= high;
    if (is_above) {
        int32_t above;
        if (__builtin_add_overflow(count, 1, &above)) return out_of_range("integer");
        return above;
    }
    // Halving keeps the differences from overflowing.
    const bool is_wide = std::isinf(high - low);
    const double part =
        is_wide ? (value / 2 - low / 2) / (high / 2 - low / 2) : (value - low) / (high - low);
    const auto bucket = static_cast<int32_t>(static_cast<double>(count) * part);
    return std::min(bucket, count - 1) + 1;
}

template <auto function>
Column unary(Call& call) {
    return map_fallible<double, double>(call, function);
}
template <auto function>
Column binary(Call& call) {
    return map_fallible<double, double, double>(call, function);
}
template <auto function>
Column unary_total(Call& call) {
    return map_total<double, double>(call, function);
}

double ceiling_of(double value) { return std::ceil(value); }
double floor_of(double value) { return std::floor(value); }
double round_of(double value) { return std::rint(value); }  // half to even
double trunc_of(double value) { return std::trunc(value); }
double absolute_of(double value) { return std::fabs(value); }
double negative_of(double value) { return -value; }

}  // namespace

void add_float_bodies(BodyTable& table) {
    table.add("+(float8,float8)", binary<add>);
    table.add("-(float8,float8)", binary<subtract>);
    table.add("*(float8,float8)", binary<multiply>);
    table.add("/(float8,float8)", binary<divide>);
    for (const char* name : {"^", "power", "pow"}) {
        table.add(std::string(name) + "(float8,float8)", binary<power>);
    }
    table.add("sqrt(float8)", unary<square_root>);
    table.add("exp(float8)", unary<exponential>);
    table.add("ln(float8)", [](Call& call) {
        return map_fallible<double, double>(call, [](double v) { return logarithm(v, std::log); });
    });
    for (const char* name : {"log(float8)", "log10(float8)"}) {
        table.add(name, [](Call& call) {
            return map_fallible<double, double>(call,
                                                [](double v) { return logarithm(v, std::log10); });
        });
    }
    for (const char* name : {"ceil(float8)", "ceiling(float8)"}) {
        table.add_cheap(name, unary_total<ceiling_of>);
    }
    table.add_cheap("floor(float8)", unary_total<floor_of>);
    table.add_cheap("round(float8)", unary_total<round_of>);
    table.add_cheap("trunc(float8)", unary_total<trunc_of>);
    table.add_cheap("sign(float8)", unary_total<sign>);
    table.add_cheap("abs(float8)", unary_total<absolute_of>);
    table.add_cheap("@(float8)", unary_total<absolute_of>);
    table.add_cheap("-(float8)", unary_total<negative_of>);
    table.add_cheap("+(float8)",
                    [](Call& call) { return call.arguments[0].with_type(call.result); });
    table.add("width_bucket(float8,float8,float8,int4)", [](Call& call) {
        return map_fallible<int32_t, double, double, double, int32_t>(call, width_bucket);
    });
}

}  // namespace braid::operators
