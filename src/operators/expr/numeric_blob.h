// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "columnar/numeric.h"
#include "columnar/type.h"

namespace braid::operators {

/// How numeric and interval look as a BLOB in DuckDB: first bytes whose memcmp order is the order
/// of SQL, equal exactly for values that SQL calls equal; behind them what makes one such value
/// print differently from another (1.0 and 1.00, 1 mon and 30 days). So a comparison takes the
/// first bytes only, and min and max need nothing special. Not written to disk.
///
///     numeric:  class 1, exponent 2, 38 digits left-aligned as an integer 16 | display scale 2
///     interval: length in microseconds, biased 16                            | us 8, days 4,
///     months 4
///
/// All big-endian; for negative numerics exponent and digits are complemented.
inline constexpr size_t kNumericValueBytes = 19;
inline constexpr size_t kNumericBlobBytes = 21;
inline constexpr size_t kIntervalValueBytes = 16;
inline constexpr size_t kIntervalBlobBytes = 32;

using NumericBlob = std::array<char, kNumericBlobBytes>;
using IntervalBlob = std::array<char, kIntervalBlobBytes>;

NumericBlob encode_numeric_blob(const Numeric& value);
IntervalBlob encode_interval_blob(const Interval64& value);

/// False if the bytes are not what the encoder writes. Also reads the first kNumericValueBytes
/// alone: then the scale is the smallest that holds the value.
[[nodiscard]] bool decode_numeric_blob(std::string_view blob, Numeric& value);
[[nodiscard]] bool decode_interval_blob(std::string_view blob, Interval64& value);

}  // namespace braid::operators
