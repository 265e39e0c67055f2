// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <numeric>

#include "operators/expr/body_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

template <typename R>
constexpr std::string_view name_of() {
    return std::is_same_v<R, int32_t> ? "integer" : "bigint";
}

struct Add {
    template <typename A, typename B, typename R>
    static bool overflows(A a, B b, R* out) {
        return __builtin_add_overflow(a, b, out);
    }
};
struct Subtract {
    template <typename A, typename B, typename R>
    static bool overflows(A a, B b, R* out) {
        return __builtin_sub_overflow(a, b, out);
    }
};
struct Multiply {
    template <typename A, typename B, typename R>
    static bool overflows(A a, B b, R* out) {
        return __builtin_mul_overflow(a, b, out);
    }
};

/// Computes all rows and looks for the ones that overflowed only if there is any.
template <typename Operation, typename R, typename A, typename B>
Column checked(Call& call) {
    const Reader<A> left = reader<A>(call, 0);
    const Reader<B> right = reader<B>(call, 1);
    std::vector<R> out(call.rows);
    bool any = false;
    for (size_t row = 0; row < call.rows; ++row) {
        any |= Operation::overflows(left[row], right[row], &out[row]);
    }
    for (size_t row = 0; any && row < call.rows; ++row) {
        R ignored;
        if (call.is_active(row) && Operation::overflows(left[row], right[row], &ignored)) {
            call.errors.push_back({static_cast<uint32_t>(row), out_of_range(name_of<R>())});
        }
    }
    return make_column(call, std::move(out));
}

template <typename R, typename A, typename B>
Column quotient(Call& call) {
    return map_fallible<R, A, B>(call, [](A a, B b) -> Result<R> {
        if (b == 0) return division_by_zero();
        if (b == -1) {
            R negated;
            if (__builtin_sub_overflow(R{0}, a, &negated)) return out_of_range(name_of<R>());
            return negated;
        }
        return static_cast<R>(R{a} / R{b});
    });
}

template <typename T>
Column remainder(Call& call) {
    return map_fallible<T, T, T>(call, [](T a, T b) -> Result<T> {
        if (b == 0) return division_by_zero();
        return b == -1 ? T{0} : static_cast<T>(a % b);
    });
}

template <typename T>
Column negated(Call& call) {
    return map_fallible<T, T>(call, [](T a) -> Result<T> {
        if (a == std::numeric_limits<T>::min()) return out_of_range(name_of<T>());
        return -a;
    });
}

template <typename T>
Column absolute(Call& call) {
    return map_fallible<T, T>(call, [](T a) -> Result<T> {
        if (a == std::numeric_limits<T>::min()) return out_of_range(name_of<T>());
        return a < 0 ? -a : a;
    });
}

template <typename T>
Column greatest_common_divisor(Call& call) {
    return map_fallible<T, T, T>(call, [](T a, T b) -> Result<T> {
        using U = std::make_unsigned_t<T>;
        const auto magnitude = [](T v) {
            return v < 0 ? U{0} - static_cast<U>(v) : static_cast<U>(v);
        };
        const U divisor = std::gcd(magnitude(a), magnitude(b));
        if (divisor > static_cast<U>(std::numeric_limits<T>::max()))
            return out_of_range(name_of<T>());
        return static_cast<T>(divisor);
    });
}

/// Shifts take the count modulo the width, as the machine does.
template <typename T>
T shift_left(T value, int32_t count) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(value)
                          << (static_cast<uint32_t>(count) % (8 * sizeof(T))));
}
template <typename T>
T shift_right(T value, int32_t count) {
    return static_cast<T>(value >> (static_cast<uint32_t>(count) % (8 * sizeof(T))));
}

Column itself(Call& call) { return call.arguments[0].with_type(call.result); }

template <typename T>
void add_bits(BodyTable& table, const std::string& type) {
    const std::string both = "(" + type + "," + type + ")";
    const std::string with_count = "(" + type + ",int4)";
    table.add_cheap("&" + both, [](Call& call) {
        return map_total<T, T, T>(call, [](T a, T b) { return a & b; });
    });
    table.add_cheap("|" + both, [](Call& call) {
        return map_total<T, T, T>(call, [](T a, T b) { return a | b; });
    });
    table.add_cheap("#" + both, [](Call& call) {
        return map_total<T, T, T>(call, [](T a, T b) { return a ^ b; });
    });
    table.add_cheap("~(" + type + ")",
                    [](Call& call) { return map_total<T, T>(call, [](T a) { return ~a; }); });
    table.add_cheap("<<" + with_count,
                    [](Call& call) { return map_total<T, T, int32_t>(call, shift_left<T>); });
    table.add_cheap(">>" + with_count,
                    [](Call& call) { return map_total<T, T, int32_t>(call, shift_right<T>); });
}

template <typename T>
void add_unary(BodyTable& table, const std::string& type) {
    const std::string one = "(" + type + ")";
    const std::string both = "(" + type + "," + type + ")";
    table.add("-" + one, negated<T>);
    table.add_cheap("+" + one, itself);
    table.add("abs" + one, absolute<T>);
    table.add("@" + one, absolute<T>);
    table.add("mod" + both, remainder<T>);
    table.add("%" + both, remainder<T>);
    table.add("gcd" + both, greatest_common_divisor<T>);
    add_bits<T>(table, type);
}

template <typename R, typename A, typename B>
void add_binary(BodyTable& table, const std::string& left, const std::string& right) {
    const std::string types = "(" + left + "," + right + ")";
    table.add("+" + types, checked<Add, R, A, B>);
    table.add("-" + types, checked<Subtract, R, A, B>);
    table.add("*" + types, checked<Multiply, R, A, B>);
    table.add("/" + types, quotient<R, A, B>);
}

// smallint is an integer in memory: what leaves its range fails after the operation.

Result<int32_t> as_smallint(int32_t value) {
    if (value < INT16_MIN || value > INT16_MAX) return out_of_range("smallint");
    return value;
}

template <typename F>
void add_smallint(BodyTable& table, const std::string& sign, F compute) {
    table.add(sign + "(int2,int2)", [compute](Call& call) {
        return map_fallible<int32_t, int32_t, int32_t>(call, compute);
    });
}

void add_smallints(BodyTable& table) {
    using Value = Result<int32_t>;
    // No two smallints leave the integers.
    add_smallint(table, "+", [](int32_t a, int32_t b) { return as_smallint(a + b); });
    add_smallint(table, "-", [](int32_t a, int32_t b) { return as_smallint(a - b); });
    add_smallint(table, "*", [](int32_t a, int32_t b) { return as_smallint(a * b); });
    add_smallint(table, "/", [](int32_t a, int32_t b) -> Value {
        if (b == 0) return division_by_zero();
        return as_smallint(a / b);
    });
    for (const std::string name : {"-", "abs", "@"}) {
        table.add(name + "(int2)", [is_minus = name == "-"](Call& call) {
            return map_fallible<int32_t, int32_t>(
                call, [is_minus](int32_t a) { return as_smallint(is_minus || a < 0 ? -a : a); });
        });
    }
    table.add_cheap("<<(int2,int4)", [](Call& call) {
        return map_total<int32_t, int32_t, int32_t>(call, [](int32_t value, int32_t count) {
            return int32_t{static_cast<int16_t>(shift_left(value, count))};
        });
    });
}

}  // namespace

void add_integer_bodies(BodyTable& table) {
    add_smallints(table);
    add_binary<int32_t, int32_t, int32_t>(table, "int4", "int4");
    add_binary<int64_t, int32_t, int64_t>(table, "int4", "int8");
    add_binary<int64_t, int64_t, int32_t>(table, "int8", "int4");
    add_binary<int64_t, int64_t, int64_t>(table, "int8", "int8");
    add_unary<int32_t>(table, "int4");
    add_unary<int64_t>(table, "int8");
}

}  // namespace braid::operators
