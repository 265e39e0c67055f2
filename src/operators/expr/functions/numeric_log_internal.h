// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "columnar/numeric.h"

/// exp, ln, log and power of numeric: correctly rounded, with as many decimals as PostgreSQL 15
/// shows.
namespace braid::operators {

Result<Numeric> numeric_exp(const Numeric& value);
Result<Numeric> numeric_ln(const Numeric& value);
Result<Numeric> numeric_log(const Numeric& base, const Numeric& value);
/// For a base above 0 and an exponent that is no whole number of 32 bits; both finite.
Result<Numeric> numeric_fractional_power(const Numeric& base, const Numeric& exponent);

}  // namespace braid::operators
