// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

using int128 = __int128;
using uint128 = unsigned __int128;

/// PostgreSQL's numeric within 38 digits: unscaled × 10^-scale, or NaN, or ±Infinity. The scale is
/// what is displayed (1.0 and 1.00 are equal but print differently). Beyond 38 digits every
/// operation fails with 22003 "value overflows numeric format", which is narrower than PostgreSQL
/// and documented.
struct Numeric {
    enum class Kind : uint8_t { kFinite, kNaN, kInfinity, kNegativeInfinity };

    int128 unscaled = 0;
    int16_t scale = 0;
    Kind kind = Kind::kFinite;

    static constexpr int kDigitsMax = 38;
    static Numeric from_int(int64_t value) { return {value, 0, Kind::kFinite}; }
    static Numeric nan() { return {0, 0, Kind::kNaN}; }
    bool is_finite() const { return kind == Kind::kFinite; }
};

/// By value, NaN equal to itself and above everything, as PostgreSQL orders.
std::strong_ordering compare(const Numeric& left, const Numeric& right);

Result<Numeric> add(const Numeric& left, const Numeric& right);
Result<Numeric> subtract(const Numeric& left, const Numeric& right);
Result<Numeric> multiply(const Numeric& left, const Numeric& right);
/// Result scale as PostgreSQL's select_div_scale; division by zero is 22012.
Result<Numeric> divide(const Numeric& left, const Numeric& right);
Result<Numeric> modulo(const Numeric& left, const Numeric& right);
Numeric negate(const Numeric& value);
/// Half away from zero; scale may be negative for rounding (result scale then 0).
Result<Numeric> round_to(const Numeric& value, int scale);
Numeric trunc_to(const Numeric& value, int scale);
/// Rounds to the scale and checks the precision of numeric(p,s): 22003 "numeric field overflow".
Result<Numeric> fit(const Numeric& value, int precision, int scale);

Result<Numeric> parse_numeric(std::string_view text);
void format_numeric(const Numeric& value, std::string& out);
Result<Numeric> numeric_from_double(double value);  // 15 significant digits, as float8::numeric
double to_double(const Numeric& value);             // correctly rounded
/// Rounds half away from zero; 22003 when out of range.
Result<int64_t> to_int8(const Numeric& value);

/// PostgreSQL's binary wire form (base 10000 digits, big endian) without the length word.
void format_numeric_binary(const Numeric& value, std::string& out);
Result<Numeric> parse_numeric_binary(std::string_view bytes);

/// An exact sum of numerics at one scale, wide enough for 2^63 values of 38 digits. A commutative
/// monoid: adding in any order gives the same bytes.
struct WideInt {
    uint64_t limbs[4] = {0, 0, 0, 0};  // two's complement, little endian

    void add(int128 value);
    void add(const WideInt& other);
    /// False, and unchanged, if the product leaves 256 bits. Used when sums meet at different
    /// scales.
    bool multiply_pow10(int exponent);
    bool fits_int128() const;
    int128 to_int128() const;
    friend bool operator==(const WideInt&, const WideInt&) = default;
};

}  // namespace braid
