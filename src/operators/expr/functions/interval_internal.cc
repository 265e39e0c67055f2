// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/interval_internal.h"

#include <cmath>
#include <cstdlib>

#include "columnar/time_zone.h"
#include "operators/expr/compare_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

constexpr double kSecondsPerDay = 86'400.0;

Error interval_out_of_range() { return datetime_out_of_range("interval"); }

/// To whole microseconds, in units of seconds or days.
double rounded_to_micros(double value) { return std::rint(value * 1e6) / 1e6; }

bool fits_int32(double value) { return value >= -2147483648.0 && value < 2147483648.0; }
bool fits_int64(double value) {
    return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
}

/// months, days and microseconds are products or quotients with their fractions.
Result<Interval64> cascade(double months, double days, double micros) {
    if (!fits_int32(months) || !fits_int32(days)) return interval_out_of_range();
    Interval64 out;
    out.months = static_cast<int32_t>(months);
    out.days = static_cast<int32_t>(days);
    const double month_rest_days = rounded_to_micros((months - out.months) * kDaysPerMonth);
    double rest_seconds = rounded_to_micros(
        (days - out.days + month_rest_days - static_cast<int>(month_rest_days)) * kSecondsPerDay);
    if (std::fabs(rest_seconds) >= kSecondsPerDay) {
        const int whole_days = static_cast<int>(rest_seconds / kSecondsPerDay);
        out.days += whole_days;
        rest_seconds -= whole_days * kSecondsPerDay;
    }
    if (__builtin_add_overflow(out.days, static_cast<int32_t>(month_rest_days), &out.days)) {
        return interval_out_of_range();
    }
    const double total = std::rint(micros + rest_seconds * 1e6);
    if (!fits_int64(total)) return interval_out_of_range();
    out.us = static_cast<int64_t>(total);
    return out;
}

}  // namespace

Result<Interval64> add(const Interval64& left, const Interval64& right) {
    Interval64 out;
    if (__builtin_add_overflow(left.months, right.months, &out.months) ||
        __builtin_add_overflow(left.days, right.days, &out.days) ||
        __builtin_add_overflow(left.us, right.us, &out.us)) {
        return interval_out_of_range();
    }
    return out;
}

Result<Interval64> subtract(const Interval64& left, const Interval64& right) {
    Interval64 out;
    if (__builtin_sub_overflow(left.months, right.months, &out.months) ||
        __builtin_sub_overflow(left.days, right.days, &out.days) ||
        __builtin_sub_overflow(left.us, right.us, &out.us)) {
        return interval_out_of_range();
    }
    return out;
}

Result<Interval64> negate(const Interval64& value) { return subtract(Interval64{}, value); }

Result<Interval64> multiply(const Interval64& value, double factor) {
    return cascade(value.months * factor, value.days * factor,
                   static_cast<double>(value.us) * factor);
}

Result<Interval64> divide(const Interval64& value, double divisor) {
    if (divisor == 0.0) return division_by_zero();
    return cascade(value.months / divisor, value.days / divisor,
                   static_cast<double>(value.us) / divisor);
}

Result<Interval64> justify_hours(Interval64 value) {
    const auto whole_days = static_cast<int32_t>(value.us / kMicrosPerDay);
    value.us %= kMicrosPerDay;
    if (__builtin_add_overflow(value.days, whole_days, &value.days)) return interval_out_of_range();
    if (value.days > 0 && value.us < 0) {
        value.us += kMicrosPerDay;
        --value.days;
    } else if (value.days < 0 && value.us > 0) {
        value.us -= kMicrosPerDay;
        ++value.days;
    }
    return value;
}

Result<Interval64> justify_days(Interval64 value) {
    const int32_t whole_months = value.days / kDaysPerMonth;
    value.days %= kDaysPerMonth;
    if (__builtin_add_overflow(value.months, whole_months, &value.months)) {
        return interval_out_of_range();
    }
    if (value.months > 0 && value.days < 0) {
        value.days += kDaysPerMonth;
        --value.months;
    } else if (value.months < 0 && value.days > 0) {
        value.days -= kDaysPerMonth;
        ++value.months;
    }
    return value;
}

Result<Interval64> justify_interval(Interval64 value) {
    // Days go to months first where the signs allow it, so that adding whole days cannot overflow.
    if ((value.days > 0 && value.us > 0) || (value.days < 0 && value.us < 0)) {
        if (__builtin_add_overflow(value.months, value.days / kDaysPerMonth, &value.months)) {
            return interval_out_of_range();
        }
        value.days %= kDaysPerMonth;
    }
    value.days += static_cast<int32_t>(value.us / kMicrosPerDay);
    value.us %= kMicrosPerDay;
    if (__builtin_add_overflow(value.months, value.days / kDaysPerMonth, &value.months)) {
        return interval_out_of_range();
    }
    value.days %= kDaysPerMonth;
    if (value.months > 0 && (value.days < 0 || (value.days == 0 && value.us < 0))) {
        value.days += kDaysPerMonth;
        --value.months;
    } else if (value.months < 0 && (value.days > 0 || (value.days == 0 && value.us > 0))) {
        value.days -= kDaysPerMonth;
        ++value.months;
    }
    if (value.days > 0 && value.us < 0) {
        value.us += kMicrosPerDay;
        --value.days;
    } else if (value.days < 0 && value.us > 0) {
        value.us -= kMicrosPerDay;
        ++value.days;
    }
    return value;
}

}  // namespace braid::operators
