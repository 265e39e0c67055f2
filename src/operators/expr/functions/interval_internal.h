// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "columnar/type.h"

/// Arithmetic of intervals as PostgreSQL does it; 22008 "interval out of range".
namespace braid::operators {

Result<Interval64> add(const Interval64& left, const Interval64& right);
Result<Interval64> subtract(const Interval64& left, const Interval64& right);
Result<Interval64> negate(const Interval64& value);
/// Fractions of months and days become days and time.
Result<Interval64> multiply(const Interval64& value, double factor);
Result<Interval64> divide(const Interval64& value, double divisor);

Result<Interval64> justify_hours(Interval64 value);
Result<Interval64> justify_days(Interval64 value);
Result<Interval64> justify_interval(Interval64 value);

}  // namespace braid::operators
