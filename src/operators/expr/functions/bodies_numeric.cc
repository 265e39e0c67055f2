// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error_makers.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/compare_internal.h"
#include "operators/expr/functions/numeric_log_internal.h"
#include "operators/expr/functions/value_errors_internal.h"
#include "operators/expr/functions/wide_decimal_internal.h"

namespace braid::operators {

namespace {

using Value = Result<Numeric>;

// What numeric.c of PostgreSQL promises of results that have no natural scale.
constexpr int kSignificantDigitsMin = 16;
constexpr int kScaleMax = 1000;
constexpr int kDigitsPerGroup = 4;  // PostgreSQL's digits are base 10000

bool is_negative(const Numeric& value) {
    return value.kind == Numeric::Kind::kNegativeInfinity ||
           (value.is_finite() && value.unscaled < 0);
}
bool is_zero(const Numeric& value) { return value.is_finite() && value.unscaled == 0; }
bool is_nan(const Numeric& value) { return value.kind == Numeric::Kind::kNaN; }

int32_t sign_number(const Numeric& value) {
    return is_zero(value) ? 0 : is_negative(value) ? -1 : 1;
}

Numeric sign(const Numeric& value) {
    return is_nan(value) ? value : Numeric::from_int(sign_number(value));
}

Numeric absolute(const Numeric& value) { return is_negative(value) ? negate(value) : value; }

bool is_integer(const Numeric& value) {
    return value.is_finite() && compare(trunc_to(value, 0), value) == 0;
}

Value floor_of(const Numeric& value) {
    if (!value.is_finite()) return value;
    const Numeric cut = trunc_to(value, 0);
    if (!is_negative(value) || compare(cut, value) == 0) return cut;
    return subtract(cut, Numeric::from_int(1));
}

Value ceiling_of(const Numeric& value) {
    if (!value.is_finite()) return value;
    const Numeric cut = trunc_to(value, 0);
    if (is_negative(value) || compare(cut, value) == 0) return cut;
    return add(cut, Numeric::from_int(1));
}

/// The quotient without its fraction.
Value integer_quotient(const Numeric& left, const Numeric& right) {
    if (!left.is_finite() || !right.is_finite() || is_zero(right)) {
        return trunc_to(TRY(divide(left, right)), 0);
    }
    const Numeric whole = TRY(subtract(left, TRY(modulo(left, right))));
    return trunc_to(TRY(divide(whole, right)), 0);
}

/// Number of the base-10000 digit that the first digit stands in; that of 1 to 9999 is 0.
int group_weight(const Numeric& value) {
    if (is_zero(value)) return 0;
    const int exponent = decimal_digits(value.unscaled) - value.scale - 1;
    return exponent >= 0 ? exponent / kDigitsPerGroup
                         : -((-exponent + kDigitsPerGroup - 1) / kDigitsPerGroup);
}

Value square_root(const Numeric& value) {
    if (is_nan(value)) return value;
    if (is_negative(value)) {
        return argument_error("2201F", "cannot take square root of a negative number");
    }
    if (!value.is_finite()) return value;
    const int weight = (group_weight(value) + 1) * kDigitsPerGroup / 2 - 1;
    int scale = std::max(kSignificantDigitsMin - weight, 0);
    scale = std::min(std::max(scale, int{value.scale}), kScaleMax);
    const std::optional<int128> root = rounded_square_root(value.unscaled, 2 * scale - value.scale);
    if (!root.has_value()) return argument_error("22003", "value overflows numeric format");
    return Numeric{*root, static_cast<int16_t>(scale), Numeric::Kind::kFinite};
}

Error complex_power() {
    return argument_error(
        "2201F", "a negative number raised to a non-integer power yields a complex result");
}

/// Where an operand is NaN or infinite: the rules of C99's pow, as PostgreSQL applies them.
Value special_power(const Numeric& base, const Numeric& exponent) {
    const Numeric one = Numeric::from_int(1);
    if (is_nan(base)) return is_zero(exponent) ? one : base;
    if (is_nan(exponent)) return compare(base, one) == 0 ? one : exponent;
    if (is_zero(base) && is_negative(exponent)) {
        return argument_error("2201F", "zero raised to a negative power is undefined");
    }
    if (compare(base, one) == 0 || is_zero(exponent)) return one;
    if (is_zero(base)) return Numeric::from_int(0);
    if (exponent.is_finite()) {  // the base is infinite
        if (is_negative(base) && !is_integer(exponent)) return complex_power();
        if (is_negative(exponent)) return Numeric::from_int(0);
        const Value half = modulo(exponent, Numeric::from_int(2));
        const bool is_odd = half.has_value() && !is_zero(*half);
        return is_negative(base) && !is_odd ? negate(base) : base;
    }
    const Numeric size = absolute(base);
    const auto order = compare(size, one);
    if (order == 0) return one;
    const bool grows = (order > 0) == !is_negative(exponent);
    return grows ? absolute(exponent) : Numeric::from_int(0);
}

Value power(const Numeric& base, const Numeric& exponent) {
    if (!base.is_finite() || !exponent.is_finite()) return special_power(base, exponent);
    if (is_zero(base) && is_negative(exponent)) {
        return argument_error("2201F", "zero raised to a negative power is undefined");
    }
    const int scale = std::max(kSignificantDigitsMin, int{base.scale});
    const bool is_whole = is_integer(exponent);
    const Result<int64_t> whole = to_int8(exponent);
    const bool fits = whole.has_value() && *whole >= INT32_MIN && *whole <= INT32_MAX;
    if (!is_whole || !fits) {
        if (!is_whole && is_negative(base)) return complex_power();
        if (is_zero(base)) return Numeric{0, kSignificantDigitsMin, Numeric::Kind::kFinite};
        const Numeric size = TRY(numeric_fractional_power(absolute(base), exponent));
        const bool is_odd = !is_zero(TRY(modulo(exponent, Numeric::from_int(2))));
        return is_negative(base) && is_odd ? negate(size) : size;
    }
    const std::optional<int128> result =
        rounded_power(base.unscaled, base.scale, static_cast<int32_t>(*whole), scale);
    if (!result.has_value()) return argument_error("22003", "value overflows numeric format");
    return Numeric{*result, static_cast<int16_t>(scale), Numeric::Kind::kFinite};
}

Numeric without_trailing_zeros(Numeric value) {
    if (!value.is_finite()) return value;
    while (value.scale > 0 && value.unscaled % 10 == 0) {
        value.unscaled /= 10;
        --value.scale;
    }
    return value;
}

template <auto function>
Column binary(Call& call) {
    return map_fallible<Numeric, Numeric, Numeric>(call, function);
}
template <auto function>
Column unary(Call& call) {
    return map_fallible<Numeric, Numeric>(call, function);
}
template <auto function>
Column unary_total(Call& call) {
    return map_total<Numeric, Numeric>(call, function);
}

Value decimal_logarithm(const Numeric& value) { return numeric_log(Numeric::from_int(10), value); }
Value round_whole(const Numeric& value) { return round_to(value, 0); }
Numeric trunc_whole(const Numeric& value) { return trunc_to(value, 0); }

Column scale_of(Call& call) {
    return map_nullable<int32_t, Numeric>(
        call, [](const Numeric& value) -> Result<std::optional<int32_t>> {
            if (!value.is_finite()) return std::optional<int32_t>();
            return std::optional<int32_t>(value.scale);
        });
}

}  // namespace

void add_numeric_bodies(BodyTable& table) {
    table.add("+(numeric,numeric)", binary<add>);
    table.add("-(numeric,numeric)", binary<subtract>);
    table.add("*(numeric,numeric)", binary<multiply>);
    table.add("/(numeric,numeric)", binary<divide>);
    table.add("%(numeric,numeric)", binary<modulo>);
    table.add("mod(numeric,numeric)", binary<modulo>);
    table.add("div(numeric,numeric)", binary<integer_quotient>);
    for (const char* name : {"^", "power", "pow"}) {
        table.add(std::string(name) + "(numeric,numeric)", binary<power>);
    }
    table.add_cheap("-(numeric)", unary_total<negate>);
    table.add_cheap("+(numeric)",
                    [](Call& call) { return call.arguments[0].with_type(call.result); });
    table.add_cheap("abs(numeric)", unary_total<absolute>);
    table.add_cheap("@(numeric)", unary_total<absolute>);
    table.add_cheap("sign(numeric)", unary_total<sign>);
    table.add("floor(numeric)", unary<floor_of>);
    table.add("ceil(numeric)", unary<ceiling_of>);
    table.add("ceiling(numeric)", unary<ceiling_of>);
    table.add("round(numeric)", unary<round_whole>);
    table.add("round(numeric,int4)", [](Call& call) {
        return map_fallible<Numeric, Numeric, int32_t>(
            call, [](const Numeric& value, int32_t scale) {
                return round_to(value, std::clamp(scale, -kScaleMax * 2, kScaleMax * 2));
            });
    });
    table.add("trunc(numeric)", unary_total<trunc_whole>);
    table.add("trunc(numeric,int4)", [](Call& call) {
        return map_total<Numeric, Numeric, int32_t>(call, [](const Numeric& value, int32_t scale) {
            return trunc_to(value, std::clamp(scale, -kScaleMax * 2, kScaleMax * 2));
        });
    });
    table.add("sqrt(numeric)", unary<square_root>);
    table.add("exp(numeric)", unary<numeric_exp>);
    table.add("ln(numeric)", unary<numeric_ln>);
    table.add("log(numeric,numeric)", binary<numeric_log>);
    for (const char* name : {"log(numeric)", "log10(numeric)"}) {
        table.add(name, unary<decimal_logarithm>);
    }
    table.add("scale(numeric)", scale_of);
    table.add_cheap("trim_scale(numeric)", unary_total<without_trailing_zeros>);
}

}  // namespace braid::operators
