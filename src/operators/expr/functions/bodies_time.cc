// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>

#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/interval_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

/// Operators on dates, times and intervals, and functions that move between zones.
namespace braid::operators {

namespace {

using View = std::string_view;
using Instant = Result<int64_t>;

Result<int32_t> date_plus_days(int32_t date, int32_t days) {
    if (!is_finite_date(date)) return date;
    return checked_date(int64_t{date} + days);
}
Result<int32_t> date_minus_days(int32_t date, int32_t days) {
    if (!is_finite_date(date)) return date;
    return checked_date(int64_t{date} - days);
}
Result<int32_t> date_minus_date(int32_t left, int32_t right) {
    if (!is_finite_date(left) || !is_finite_date(right)) {
        return argument_error("22008", "cannot subtract infinite dates");
    }
    return left - right;
}

Instant add_micros(int64_t us, int64_t more) {
    int64_t out;
    if (__builtin_add_overflow(us, more, &out)) return datetime_out_of_range("timestamp");
    // What would read as infinity is out of range as well.
    if (out < kTimestampMinUs || out >= kTimestampEndUs) return datetime_out_of_range("timestamp");
    return out;
}

Instant timestamp_plus(int64_t us, const Interval64& span) {
    if (!is_finite_us(us)) return us;
    if (span.months != 0) us = TRY(checked_timestamp(TRY(add_months(us, span.months))));
    if (span.days != 0) us = TRY(checked_timestamp(TRY(add_days(us, span.days))));
    return add_micros(us, span.us);
}

/// Months and days move the local date, so a day may have 23 or 25 hours; the rest moves the
/// instant.
Instant timestamptz_plus(int64_t us, const Interval64& span, ZoneOffsets& zone) {
    if (!is_finite_us(us)) return us;
    if (span.months != 0) {
        const int64_t local = TRY(add_months(zone.to_local_us(us), span.months));
        us = TRY(timestamptz_of_local(local, zone.zone()));
    }
    if (span.days != 0) {
        const int64_t local = TRY(add_days(zone.to_local_us(us), span.days));
        us = TRY(timestamptz_of_local(local, zone.zone()));
    }
    return add_micros(us, span.us);
}

Result<Interval64> difference(int64_t left, int64_t right) {
    if (!is_finite_us(left) || !is_finite_us(right)) {
        return argument_error("22008", "cannot subtract infinite timestamps");
    }
    Interval64 out;
    if (__builtin_sub_overflow(left, right, &out.us)) return datetime_out_of_range("interval");
    return justify_hours(out);
}

/// Years, months, days and time between two local times, counted as a calendar does. `later` >=
/// `earlier`.
Interval64 calendar_difference(int64_t later, int64_t earlier) {
    const CivilTime a = civil_from_us(later);
    const CivilTime b = civil_from_us(earlier);
    int64_t time = floor_modulo(later, kMicrosPerDay) - floor_modulo(earlier, kMicrosPerDay);
    int days = a.day - b.day;
    int64_t months = (a.year - b.year) * kMonthsPerYear + (a.month - b.month);
    if (time < 0) {
        time += kMicrosPerDay;
        --days;
    }
    if (days < 0) {
        // Borrowed days are those of the month that the span began in.
        days += month_length(b.year, b.month);
        --months;
    }
    return {time, days, static_cast<int32_t>(months)};
}

Result<Interval64> age(int64_t later, int64_t earlier) {
    // To PostgreSQL infinity is the last of all times here, and -infinity none at all.
    if (later == kTimestampNegativeInfinity || earlier == kTimestampNegativeInfinity) {
        return datetime_out_of_range("timestamp");
    }
    if (later >= earlier) return calendar_difference(later, earlier);
    return negate(calendar_difference(earlier, later));
}

Result<int32_t> make_date(int32_t year, int32_t month, int32_t day) {
    const auto refuse = [] { return argument_error("22008", "date field value out of range"); };
    if (year == 0 || month < 1 || month > kMonthsPerYear) return refuse();
    const int64_t astronomical = year < 0 ? int64_t{year} + 1 : year;
    if (day < 1 || day > month_length(astronomical, month)) return refuse();
    constexpr int64_t kYears = 5'874'898;
    if (astronomical > kYears || astronomical < -kYears) return datetime_out_of_range("date");
    return checked_date(days_from_civil(astronomical, month, day));
}

Instant to_timestamp(double seconds) {
    if (std::isnan(seconds)) return argument_error("22008", "timestamp cannot be NaN");
    if (std::isinf(seconds)) return seconds < 0 ? kTimestampNegativeInfinity : kTimestampInfinity;
    constexpr double kEpochSeconds = 946'684'800.0;
    constexpr double kMinSeconds = -211'813'488'000.0 + kEpochSeconds;
    constexpr double kEndSeconds = 9'223'371'331'200.0 + kEpochSeconds;
    if (seconds < kMinSeconds || seconds >= kEndSeconds) return datetime_out_of_range("timestamp");
    const double us = std::rint((seconds - kEpochSeconds) * 1e6);
    if (us >= static_cast<double>(kTimestampEndUs)) return datetime_out_of_range("timestamp");
    return checked_timestamp(static_cast<int64_t>(us));
}

/// Zones by name, at one call site.
class Zones {
  public:
    Result<ZoneOffsets*> get(View name) {
        const auto* found = TRY(compiled_.get(name, [](View wanted) -> Result<Offsets> {
            return Offsets{std::make_unique<ZoneOffsets>(TRY(find_time_zone(wanted)))};
        }));
        return found->offsets.get();
    }

  private:
    struct Offsets {
        std::unique_ptr<ZoneOffsets> offsets;
    };
    Compiled<Offsets> compiled_;
};

Column local_to_zone(Call& call) {
    auto& zones = call_state<Zones>(call);
    return map_fallible<int64_t, View, int64_t>(call, [&](View name, int64_t local) -> Instant {
        if (!is_finite_us(local)) return local;
        const ZoneOffsets* zone = TRY(zones.get(name));
        return timestamptz_of_local(local, zone->zone());
    });
}
Column zone_to_local(Call& call) {
    auto& zones = call_state<Zones>(call);
    return map_fallible<int64_t, View, int64_t>(call, [&](View name, int64_t us) -> Instant {
        if (!is_finite_us(us)) return us;
        ZoneOffsets* zone = TRY(zones.get(name));
        return checked_timestamp(zone->to_local_us(us));
    });
}

/// AT TIME ZONE interval: the interval is the offset east of UTC.
Instant shifted_by(const Interval64& offset, int64_t us, int sign) {
    if (!is_finite_us(us)) return us;
    if (offset.months != 0 || offset.days != 0) {
        return bad_parameter("interval time zone must not include months or days");
    }
    return add_micros(us, sign * (offset.us / kMicrosPerSecond) * kMicrosPerSecond);
}

template <typename R, auto function, typename... A>
void add_fallible(BodyTable& table, const std::string& key) {
    table.add(key, [](Call& call) { return map_fallible<R, A...>(call, function); });
}

Result<Interval64> scaled(const Interval64& span, double factor) { return multiply(span, factor); }
Result<Interval64> scaled_by(double factor, const Interval64& span) {
    return multiply(span, factor);
}
Result<Interval64> divided(const Interval64& span, double divisor) { return divide(span, divisor); }
Result<Interval64> sum(const Interval64& a, const Interval64& b) { return add(a, b); }
Result<Interval64> less(const Interval64& a, const Interval64& b) { return subtract(a, b); }
Result<Interval64> negative(const Interval64& value) { return negate(value); }
Result<int32_t> days_plus_date(int32_t days, int32_t date) { return date_plus_days(date, days); }

void add_date_operators(BodyTable& table) {
    add_fallible<int32_t, date_plus_days, int32_t, int32_t>(table, "+(date,int4)");
    add_fallible<int32_t, days_plus_date, int32_t, int32_t>(table, "+(int4,date)");
    add_fallible<int32_t, date_minus_days, int32_t, int32_t>(table, "-(date,int4)");
    add_fallible<int32_t, date_minus_date, int32_t, int32_t>(table, "-(date,date)");
    table.add("+(date,interval)", [](Call& call) {
        return map_fallible<int64_t, int32_t, Interval64>(
            call, [](int32_t date, const Interval64& span) -> Instant {
                return timestamp_plus(TRY(timestamp_of_date(date)), span);
            });
    });
    table.add("+(interval,date)", [](Call& call) {
        return map_fallible<int64_t, Interval64, int32_t>(
            call, [](const Interval64& span, int32_t date) -> Instant {
                return timestamp_plus(TRY(timestamp_of_date(date)), span);
            });
    });
    table.add("-(date,interval)", [](Call& call) {
        return map_fallible<int64_t, int32_t, Interval64>(
            call, [](int32_t date, const Interval64& span) -> Instant {
                return timestamp_plus(TRY(timestamp_of_date(date)), TRY(negate(span)));
            });
    });
}

/// `sign` -1 subtracts; `span_first` is interval + time.
template <bool with_zone, int sign, bool span_first>
Column time_and_interval(Call& call) {
    ZoneOffsets zone(call.context.format.zone);
    const auto move = [&](int64_t us, Interval64 span) -> Instant {
        if (sign < 0) span = TRY(negate(span));
        if constexpr (with_zone) return timestamptz_plus(us, span, zone);
        return timestamp_plus(us, span);
    };
    if constexpr (span_first) {
        return map_fallible<int64_t, Interval64, int64_t>(
            call, [&](const Interval64& span, int64_t us) { return move(us, span); });
    } else {
        return map_fallible<int64_t, int64_t, Interval64>(call, move);
    }
}

void add_timestamp_operators(BodyTable& table) {
    table.add("+(timestamp,interval)", time_and_interval<false, 1, false>);
    table.add("+(interval,timestamp)", time_and_interval<false, 1, true>);
    table.add("-(timestamp,interval)", time_and_interval<false, -1, false>);
    table.add("+(timestamptz,interval)", time_and_interval<true, 1, false>);
    table.add("+(interval,timestamptz)", time_and_interval<true, 1, true>);
    table.add("-(timestamptz,interval)", time_and_interval<true, -1, false>);
    add_fallible<Interval64, difference, int64_t, int64_t>(table, "-(timestamp,timestamp)");
    add_fallible<Interval64, difference, int64_t, int64_t>(table, "-(timestamptz,timestamptz)");
    add_fallible<Interval64, age, int64_t, int64_t>(table, "age(timestamp,timestamp)");
    table.add("age(timestamptz,timestamptz)", [](Call& call) {
        ZoneOffsets zone(call.context.format.zone);
        return map_fallible<Interval64, int64_t, int64_t>(call, [&](int64_t a, int64_t b) {
            if (!is_finite_us(a) || !is_finite_us(b)) return age(a, b);
            return age(zone.to_local_us(a), zone.to_local_us(b));
        });
    });
}

void add_interval_operators(BodyTable& table) {
    add_fallible<Interval64, sum, Interval64, Interval64>(table, "+(interval,interval)");
    add_fallible<Interval64, less, Interval64, Interval64>(table, "-(interval,interval)");
    add_fallible<Interval64, negative, Interval64>(table, "-(interval)");
    add_fallible<Interval64, scaled, Interval64, double>(table, "*(interval,float8)");
    add_fallible<Interval64, scaled_by, double, Interval64>(table, "*(float8,interval)");
    add_fallible<Interval64, divided, Interval64, double>(table, "/(interval,float8)");
    add_fallible<Interval64, justify_hours, Interval64>(table, "justify_hours(interval)");
    add_fallible<Interval64, justify_days, Interval64>(table, "justify_days(interval)");
    add_fallible<Interval64, justify_interval, Interval64>(table, "justify_interval(interval)");
}

void add_zone_functions(BodyTable& table) {
    table.add("timezone(text,timestamp)", local_to_zone);
    table.add("timezone(text,timestamptz)", zone_to_local);
    table.add("timezone(interval,timestamp)", [](Call& call) {
        return map_fallible<int64_t, Interval64, int64_t>(
            call, [](const Interval64& offset, int64_t us) { return shifted_by(offset, us, -1); });
    });
    table.add("timezone(interval,timestamptz)", [](Call& call) {
        return map_fallible<int64_t, Interval64, int64_t>(
            call, [](const Interval64& offset, int64_t us) { return shifted_by(offset, us, 1); });
    });
}

}  // namespace

void add_time_bodies(BodyTable& table) {
    add_date_operators(table);
    add_timestamp_operators(table);
    add_interval_operators(table);
    add_zone_functions(table);
    add_fallible<int32_t, make_date, int32_t, int32_t, int32_t>(table, "make_date(int4,int4,int4)");
    add_fallible<int64_t, to_timestamp, double>(table, "to_timestamp(float8)");
    table.add_cheap("isfinite(date)", [](Call& call) {
        return map_total<uint8_t, int32_t>(
            call, [](int32_t date) { return uint8_t{is_finite_date(date)}; });
    });
    for (const char* key : {"isfinite(timestamp)", "isfinite(timestamptz)"}) {
        table.add_cheap(key, [](Call& call) {
            return map_total<uint8_t, int64_t>(
                call, [](int64_t us) { return uint8_t{is_finite_us(us)}; });
        });
    }
    table.add_cheap("isfinite(interval)", [](Call& call) {
        return map_total<uint8_t, Interval64>(call, [](const Interval64&) { return uint8_t{1}; });
    });
}

}  // namespace braid::operators
