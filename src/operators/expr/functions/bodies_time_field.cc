// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "columnar/numeric.h"
#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

/// extract and date_part: one field of a time, exactly (numeric) or as a double.
namespace braid::operators {

namespace {

using View = std::string_view;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kMicrosPerMilli = 1'000;
constexpr int32_t kJulianOf2000 = 2'451'545;
constexpr int64_t kUnixEpochDays = -10'957;

/// A field before it has a type: a whole number, or one with a fraction of `scale` digits.
struct FieldValue {
    int64_t unscaled = 0;
    int scale = 0;
};

/// What extract needs of a time, from whatever type it came.
struct TimeParts {
    CivilTime civil;
    int32_t days = 0;        // the local date
    int64_t time_us = 0;     // local, since midnight
    int64_t instant_us = 0;  // for epoch
    int zone_seconds = 0;
    TypeKind type = TypeKind::kTimestamp;
};

/// Years as people number them, without a year 0, by spans that begin with year 1, 101, 1001.
int64_t span_of_year(int64_t year, int64_t length) {
    return year > 0 ? (year + length - 1) / length : -((length - 1 - (year - 1)) / length);
}
int64_t decade_of_year(int64_t year) { return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10); }
int64_t shown_year(int64_t year) { return year > 0 ? year : year - 1; }

int64_t second_us(const TimeParts& parts) {
    return parts.civil.second * kMicrosPerSecond + parts.civil.microsecond;
}

/// Fields of the date and of the time; nothing for a unit that is none of these.
std::optional<FieldValue> plain_field(TimeUnit unit, const TimeParts& parts) {
    const CivilTime& civil = parts.civil;
    switch (unit) {
        case TimeUnit::kMicroseconds:
            return FieldValue{second_us(parts), 0};
        case TimeUnit::kMilliseconds:
            return FieldValue{second_us(parts), 3};
        case TimeUnit::kSecond:
            return FieldValue{second_us(parts), 6};
        case TimeUnit::kMinute:
            return FieldValue{civil.minute};
        case TimeUnit::kHour:
            return FieldValue{civil.hour};
        case TimeUnit::kDay:
            return FieldValue{civil.day};
        case TimeUnit::kMonth:
            return FieldValue{civil.month};
        case TimeUnit::kQuarter:
            return FieldValue{(civil.month - 1) / 3 + 1};
        case TimeUnit::kWeek:
            return FieldValue{iso_week_of(parts.days).week};
        case TimeUnit::kYear:
            return FieldValue{shown_year(civil.year)};
        case TimeUnit::kDecade:
            return FieldValue{decade_of_year(civil.year)};
        case TimeUnit::kCentury:
            return FieldValue{span_of_year(civil.year, 100)};
        case TimeUnit::kMillennium:
            return FieldValue{span_of_year(civil.year, 1000)};
        case TimeUnit::kIsoYear:
            return FieldValue{shown_year(iso_week_of(parts.days).year)};
        case TimeUnit::kDow:
            return FieldValue{day_of_week(parts.days)};
        case TimeUnit::kIsoDow: {
            const int day = day_of_week(parts.days);
            return FieldValue{day == 0 ? 7 : day};
        }
        case TimeUnit::kDoy:
            return FieldValue{int64_t{parts.days} - days_from_civil(civil.year, 1, 1) + 1};
        case TimeUnit::kTimezone:
            return FieldValue{parts.zone_seconds};
        case TimeUnit::kTimezoneHour:
            return FieldValue{parts.zone_seconds / 3600};
        case TimeUnit::kTimezoneMinute:
            return FieldValue{parts.zone_seconds % 3600 / 60};
        case TimeUnit::kJulian:
        case TimeUnit::kEpoch:
            break;
    }
    return std::nullopt;
}

bool is_unit_of_date(TimeUnit unit) { return unit >= TimeUnit::kDay && unit <= TimeUnit::kEpoch; }
bool is_zone_unit(TimeUnit unit) { return unit >= TimeUnit::kTimezone; }

/// Fields that grow with time, and so are infinite where it is; the others are then NULL.
bool grows_for_ever(TimeUnit unit) {
    switch (unit) {
        case TimeUnit::kYear:
        case TimeUnit::kDecade:
        case TimeUnit::kCentury:
        case TimeUnit::kMillennium:
        case TimeUnit::kJulian:
        case TimeUnit::kIsoYear:
        case TimeUnit::kEpoch:
            return true;
        default:
            return false;
    }
}

Numeric numeric_of(const FieldValue& value) {
    return {value.unscaled, static_cast<int16_t>(value.scale), Numeric::Kind::kFinite};
}
Numeric infinite_numeric(bool negative) {
    const auto kind = negative ? Numeric::Kind::kNegativeInfinity : Numeric::Kind::kInfinity;
    return {0, 0, kind};
}

/// The ways of giving a field: as numeric, and as double with PostgreSQL's own roundings.
struct AsNumeric {
    using Value = Numeric;
    static Result<Numeric> plain(const FieldValue& value) { return numeric_of(value); }
    static Numeric infinite(bool negative) { return infinite_numeric(negative); }
    static Result<Numeric> epoch(const TimeParts& parts) {
        if (parts.type == TypeKind::kDate) {
            return Numeric::from_int((parts.days - kUnixEpochDays) * kSecondsPerDay);
        }
        const int128 us = static_cast<int128>(parts.instant_us) - kUnixEpochUs;
        return Numeric{us, 6, Numeric::Kind::kFinite};
    }
    static Result<Numeric> julian(const TimeParts& parts) {
        const Numeric days = Numeric::from_int(int64_t{parts.days} + kJulianOf2000);
        if (parts.type == TypeKind::kDate) return days;
        return add(days,
                   TRY(divide(Numeric::from_int(parts.time_us), Numeric::from_int(kMicrosPerDay))));
    }
};

struct AsDouble {
    using Value = double;
    static Result<double> plain(const FieldValue& value) {
        const auto whole = static_cast<double>(value.unscaled);
        switch (value.scale) {
            case 3: {
                const int64_t seconds = value.unscaled / kMicrosPerSecond;
                const int64_t rest = value.unscaled % kMicrosPerSecond;
                return static_cast<double>(seconds) * 1000.0 + static_cast<double>(rest) / 1000.0;
            }
            case 6: {
                const int64_t seconds = value.unscaled / kMicrosPerSecond;
                const int64_t rest = value.unscaled % kMicrosPerSecond;
                return static_cast<double>(seconds) + static_cast<double>(rest) / 1e6;
            }
            default:
                return whole;
        }
    }
    static double infinite(bool negative) {
        const double value = std::numeric_limits<double>::infinity();
        return negative ? -value : value;
    }
    static Result<double> epoch(const TimeParts& parts) {
        // A difference that would overflow is made of two doubles instead.
        int64_t us;
        if (__builtin_sub_overflow(parts.instant_us, kUnixEpochUs, &us)) {
            return (static_cast<double>(parts.instant_us) - static_cast<double>(kUnixEpochUs)) /
                   1e6;
        }
        return static_cast<double>(us) / 1e6;
    }
    static Result<double> julian(const TimeParts& parts) {
        const auto days = static_cast<double>(int64_t{parts.days} + kJulianOf2000);
        const CivilTime& civil = parts.civil;
        const double seconds =
            (civil.hour * 60 + civil.minute) * 60 + civil.second + civil.microsecond / 1e6;
        return days + seconds / static_cast<double>(kSecondsPerDay);
    }
};

TimeParts parts_of_local(int64_t local_us, TypeKind type) {
    TimeParts parts;
    parts.civil = civil_from_us(local_us);
    parts.days = date_of_us(local_us);
    parts.time_us = floor_modulo(local_us, kMicrosPerDay);
    parts.instant_us = local_us;
    parts.type = type;
    return parts;
}

TimeParts parts_of_date(int32_t days) {
    TimeParts parts;
    civil_from_days(days, parts.civil);
    parts.days = days;
    parts.type = TypeKind::kDate;
    return parts;
}

template <typename As>
Result<std::optional<typename As::Value>> field_of(TimeUnit unit, const TimeParts& parts) {
    using Value = std::optional<typename As::Value>;
    if (unit == TimeUnit::kEpoch) return Value(TRY(As::epoch(parts)));
    if (unit == TimeUnit::kJulian) return Value(TRY(As::julian(parts)));
    return Value(TRY(As::plain(*plain_field(unit, parts))));
}

Result<TimeUnit> unit_for(UnitLookup& units, View name, TypeKind type) {
    TimeUnit unit;
    if (!units.find(name, unit)) return unknown_unit(name, type);
    const bool fits = type == TypeKind::kDate          ? is_unit_of_date(unit)
                      : type == TypeKind::kTimestampTz ? true
                                                       : !is_zone_unit(unit);
    if (!fits) return unsupported_unit(name, type);
    return unit;
}

/// One field per row: `parts(value)` takes a finite value apart, `infinity(value)` is its sign or
/// 0.
template <typename As, typename T, typename Parts, typename Infinity>
Column extract(Call& call, TypeKind type, Parts parts, Infinity infinity) {
    using Value = typename As::Value;
    UnitLookup units;
    return map_nullable<Value, View, T>(
        call, [&](View name, T value) -> Result<std::optional<Value>> {
            const int sign = infinity(value);
            TimeUnit unit;
            // No zone is asked of an infinity, so none is missed.
            const bool is_zone = units.find(name, unit) && is_zone_unit(unit);
            if (sign != 0 && is_zone && type != TypeKind::kDate) return std::optional<Value>();
            unit = TRY(unit_for(units, name, type));
            if (sign == 0) return field_of<As>(unit, parts(value));
            if (!grows_for_ever(unit)) return std::optional<Value>();
            return std::optional<Value>(As::infinite(sign < 0));
        });
}

int infinity_of_us(int64_t us) {
    return us == kTimestampInfinity ? 1 : us == kTimestampNegativeInfinity ? -1 : 0;
}
int infinity_of_date(int32_t days) {
    return days == kDateInfinity ? 1 : days == kDateNegativeInfinity ? -1 : 0;
}

template <typename As>
Column extract_timestamp(Call& call) {
    return extract<As, int64_t>(
        call, TypeKind::kTimestamp,
        [](int64_t us) { return parts_of_local(us, TypeKind::kTimestamp); }, infinity_of_us);
}

template <typename As>
Column extract_timestamptz(Call& call) {
    ZoneOffsets zone(call.context.format.zone);
    return extract<As, int64_t>(
        call, TypeKind::kTimestampTz,
        [&](int64_t us) {
            TimeParts parts = parts_of_local(zone.to_local_us(us), TypeKind::kTimestampTz);
            parts.instant_us = us;
            parts.zone_seconds = zone.offset_seconds_at(us);
            return parts;
        },
        infinity_of_us);
}

Column extract_date(Call& call) {
    return extract<AsNumeric, int32_t>(call, TypeKind::kDate, parts_of_date, infinity_of_date);
}

/// date_part of a date is that of its midnight.
Column date_part_date(Call& call) {
    const Reader<int32_t> days = reader<int32_t>(call, 1);
    std::vector<int64_t> midnights(call.rows);
    for (size_t row = 0; row < call.rows; ++row) {
        Result<int64_t> us = timestamp_of_date(days[row]);
        if (us.has_value()) {
            midnights[row] = *us;
        } else if (call.is_active(row)) {
            call.errors.push_back({static_cast<uint32_t>(row), std::move(us).error()});
        }
    }
    // Dates that no timestamp holds are done with.
    std::vector<uint8_t> active = masked_validity(call, {});
    const std::vector<Column> arguments = {
        call.arguments[0],
        Column::flat<int64_t>(Type::of(TypeKind::kTimestamp), std::move(midnights))};
    std::vector<RowError> errors;
    Call inner{.function = call.function,
               .result = call.result,
               .arguments = arguments,
               .rows = call.rows,
               .active = active,
               .context = call.context,
               .pace = call.pace,
               .errors = errors,
               .state = call.state};
    Column column = extract_timestamp<AsDouble>(inner);
    call.errors.insert(call.errors.end(), errors.begin(), errors.end());
    std::ranges::sort(call.errors, {}, &RowError::row);
    return column;
}

/// Fields of an interval, each without what the next larger one holds; hours are not cut by days.
std::optional<FieldValue> interval_field(TimeUnit unit, const Interval64& span) {
    const int32_t years = span.months / kMonthsPerYear;
    const int64_t minute_us = span.us % (60 * kMicrosPerSecond);
    switch (unit) {
        case TimeUnit::kMicroseconds:
            return FieldValue{minute_us, 0};
        case TimeUnit::kMilliseconds:
            return FieldValue{minute_us, 3};
        case TimeUnit::kSecond:
            return FieldValue{minute_us, 6};
        case TimeUnit::kMinute:
            return FieldValue{span.us / (60 * kMicrosPerSecond) % 60};
        case TimeUnit::kHour:
            return FieldValue{span.us / (3600 * kMicrosPerSecond)};
        case TimeUnit::kDay:
            return FieldValue{span.days};
        case TimeUnit::kMonth:
            return FieldValue{span.months % kMonthsPerYear};
        case TimeUnit::kQuarter:
            return FieldValue{span.months % kMonthsPerYear / 3 + 1};
        case TimeUnit::kYear:
            return FieldValue{years};
        case TimeUnit::kDecade:
            return FieldValue{years / 10};
        case TimeUnit::kCentury:
            return FieldValue{years / 100};
        case TimeUnit::kMillennium:
            return FieldValue{years / 1000};
        default:
            return std::nullopt;
    }
}

/// Seconds of the months and days: a year is 365.25 days, a month 30.
int64_t calendar_seconds(const Interval64& span) {
    constexpr int64_t kQuarterDaysPerYear = 1461;
    constexpr int64_t kQuarterDaysPerMonth = 120;
    const int64_t quarter_days = kQuarterDaysPerYear * (span.months / kMonthsPerYear) +
                                 kQuarterDaysPerMonth * (span.months % kMonthsPerYear) +
                                 int64_t{4} * span.days;
    return quarter_days * (kSecondsPerDay / 4);
}

template <typename As>
Result<typename As::Value> interval_epoch(const Interval64& span) {
    if constexpr (std::is_same_v<As, AsNumeric>) {
        const int128 us = static_cast<int128>(calendar_seconds(span)) * kMicrosPerSecond + span.us;
        return Numeric{us, 6, Numeric::Kind::kFinite};
    } else {
        double seconds = static_cast<double>(span.us) / 1e6;
        seconds += 365.25 * 86'400.0 * (span.months / kMonthsPerYear);
        seconds += 30.0 * 86'400.0 * (span.months % kMonthsPerYear);
        return seconds + 86'400.0 * span.days;
    }
}

template <typename As>
Column extract_interval(Call& call) {
    using Value = typename As::Value;
    UnitLookup units;
    return map_fallible<Value, View, Interval64>(
        call, [&](View name, const Interval64& span) -> Result<Value> {
            TimeUnit unit;
            if (!units.find(name, unit)) return unknown_unit(name, TypeKind::kInterval);
            if (unit == TimeUnit::kEpoch) return interval_epoch<As>(span);
            const std::optional<FieldValue> value = interval_field(unit, span);
            if (!value.has_value()) return unsupported_unit(name, TypeKind::kInterval);
            return As::plain(*value);
        });
}

}  // namespace

void add_time_field_bodies(BodyTable& table) {
    table.add("extract(text,date)", extract_date);
    table.add("extract(text,timestamp)", extract_timestamp<AsNumeric>);
    table.add("extract(text,timestamptz)", extract_timestamptz<AsNumeric>);
    table.add("extract(text,interval)", extract_interval<AsNumeric>);
    table.add("date_part(text,date)", date_part_date);
    table.add("date_part(text,timestamp)", extract_timestamp<AsDouble>);
    table.add("date_part(text,timestamptz)", extract_timestamptz<AsDouble>);
    table.add("date_part(text,interval)", extract_interval<AsDouble>);
}

}  // namespace braid::operators
