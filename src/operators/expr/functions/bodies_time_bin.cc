// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <optional>

#include "base/error_makers.h"
#include "columnar/time_zone.h"
#include "operators/expr/body_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

/// date_bin and date_trunc: the windows of most views, so the loops here are hot.
namespace braid::operators {

namespace {

using View = std::string_view;

/// Divides by a number that stays the same with a multiplication (Granlund and Montgomery,
/// "Division by Invariant Integers using Multiplication", 1994), rounding down. Exact for all
/// int64.
class FloorDivider {
  public:
    explicit FloorDivider(int64_t divisor) : divisor_(divisor) {
        const auto d = static_cast<uint64_t>(divisor);
        const int width = 64 - std::countl_zero(d - 1);  // ceil(log2(d)); 0 for 1
        const uint128 span = (static_cast<uint128>(1) << width) - d;
        multiplier_ = static_cast<uint64_t>((span << 64) / d + 1);
        shift_one_ = std::min(width, 1);
        shift_rest_ = std::max(width - 1, 0);
    }
    int64_t divide(int64_t value) const {
        // Of a negative number the complement is divided: floor(n / d) = ~(~n / d).
        const int64_t sign = value >> 63;
        const auto n = static_cast<uint64_t>(value ^ sign);
        const auto high = static_cast<uint64_t>((static_cast<uint128>(multiplier_) * n) >> 64);
        const uint64_t quotient = (high + ((n - high) >> shift_one_)) >> shift_rest_;
        return static_cast<int64_t>(quotient) ^ sign;
    }
    int64_t divisor() const { return divisor_; }

  private:
    int64_t divisor_;
    uint64_t multiplier_;
    int shift_one_;
    int shift_rest_;
};

/// Starts of bins of one width counted from one origin.
class Bins {
  public:
    Bins(int64_t width, int64_t origin) : divider_(width), origin_(origin) {}

    /// For values whose distance from the origin fits 64 bits and whose bin starts in range; of
    /// others it gives some number.
    int64_t start_of(int64_t value) const {
        const auto distance =
            static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(origin_));
        const uint64_t bins = static_cast<uint64_t>(divider_.divide(distance));
        return static_cast<int64_t>(static_cast<uint64_t>(origin_) +
                                    bins * static_cast<uint64_t>(divider_.divisor()));
    }
    /// Values from first_safe to last_safe are finite and so are their bins.
    int64_t first_safe() const {
        const int128 width = divider_.divisor();
        const int128 first = std::max(static_cast<int128>(kTimestampMinUs) + width,
                                      static_cast<int128>(INT64_MIN) + origin_ + width);
        return static_cast<int64_t>(std::min<int128>(first, kTimestampEndUs));
    }
    int64_t last_safe() const {
        const int128 last =
            std::min<int128>(kTimestampEndUs - 1, static_cast<int128>(INT64_MAX) + origin_);
        return static_cast<int64_t>(last);
    }

  private:
    FloorDivider divider_;
    int64_t origin_;
};

Result<Bins> make_bins(const Interval64& stride, int64_t origin) {
    if (!is_finite_us(origin)) return datetime_out_of_range("origin");
    if (stride.months != 0) {
        return unsupported("timestamps cannot be binned into intervals containing months or years");
    }
    int64_t width;
    if (__builtin_mul_overflow(int64_t{stride.days}, kMicrosPerDay, &width) ||
        __builtin_add_overflow(width, stride.us, &width)) {
        return datetime_out_of_range("interval");
    }
    if (width <= 0) return argument_error("22008", "stride must be greater than zero");
    return Bins(width, origin);
}

Result<int64_t> checked_bin(const Bins& bins, int64_t value, int64_t origin) {
    int64_t distance;
    if (__builtin_sub_overflow(value, origin, &distance)) return datetime_out_of_range("interval");
    if (value >= bins.first_safe() && value <= bins.last_safe()) return bins.start_of(value);
    const auto start = static_cast<int128>(bins.start_of(value));
    if (start > value) return datetime_out_of_range("timestamp");
    return checked_timestamp(static_cast<int64_t>(start));
}

/// Hot: the bin of each row, or nothing when some row needs a closer look.
std::optional<Column> start_of_all(const Call& call, const Bins& bins, const int64_t* values) {
    const Bins by_value = bins;
    const int64_t first = bins.first_safe();
    const int64_t last = bins.last_safe();
    std::vector<int64_t> out(call.rows);
    bool is_safe = true;
    for (size_t row = 0; row < call.rows; ++row) {
        is_safe &= values[row] >= first && values[row] <= last;
        out[row] = by_value.start_of(values[row]);
    }
    if (!is_safe) return std::nullopt;
    return make_column(call, std::move(out));
}

/// The usual case: stride and origin are constants and every value is far from the ends of time.
std::optional<Column> bin_fast(Call& call, const Interval64& stride, int64_t origin) {
    const Result<Bins> bins = make_bins(stride, origin);
    if (!bins.has_value()) return std::nullopt;
    const Reader<int64_t> in = reader<int64_t>(call, 1);
    if (in.is_constant() || call.rows == 0) return std::nullopt;
    return start_of_all(call, *bins, in.data());
}

Column date_bin(Call& call) {
    const Reader<Interval64> stride = reader<Interval64>(call, 0);
    const Reader<int64_t> origin = reader<int64_t>(call, 2);
    const bool is_plain = stride.is_constant() && origin.is_constant() && call.rows > 0;
    if (is_plain && call.is_active(0)) {
        std::optional<Column> fast = bin_fast(call, stride[0], origin[0]);
        if (fast.has_value()) return *std::move(fast);
    }
    return map_fallible<int64_t, Interval64, int64_t, int64_t>(
        call, [](const Interval64& width, int64_t value, int64_t start) -> Result<int64_t> {
            if (!is_finite_us(value)) return value;
            return checked_bin(TRY(make_bins(width, start)), value, start);
        });
}

// date_trunc ------------------------------------------------------------------------------------

constexpr int64_t kMonday = 2;  // 2000-01-03, in days

/// Width and origin of units that have the same length everywhere; nothing for months and longer.
std::optional<Bins> bins_of(TimeUnit unit) {
    switch (unit) {
        case TimeUnit::kMicroseconds:
            return Bins(1, 0);
        case TimeUnit::kMilliseconds:
            return Bins(1'000, 0);
        case TimeUnit::kSecond:
            return Bins(kMicrosPerSecond, 0);
        case TimeUnit::kMinute:
            return Bins(60 * kMicrosPerSecond, 0);
        case TimeUnit::kHour:
            return Bins(3600 * kMicrosPerSecond, 0);
        case TimeUnit::kDay:
            return Bins(kMicrosPerDay, 0);
        case TimeUnit::kWeek:
            return Bins(7 * kMicrosPerDay, kMonday * kMicrosPerDay);
        default:
            return std::nullopt;
    }
}

/// Names that extract knows but date_trunc has never heard of.
bool is_only_extracted(TimeUnit unit) {
    return unit >= TimeUnit::kJulian && unit <= TimeUnit::kEpoch;
}
bool can_truncate(TimeUnit unit) { return unit <= TimeUnit::kMillennium; }
bool is_within_day(TimeUnit unit) { return unit <= TimeUnit::kHour; }

int64_t first_year_of(TimeUnit unit, int64_t year) {
    const auto span_start = [year](int64_t length) {
        return year > 0 ? (year + length - 1) / length * length - length + 1
                        : -((length - 1 - (year - 1)) / length) * length + 1;
    };
    switch (unit) {
        case TimeUnit::kDecade:
            return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
        case TimeUnit::kCentury:
            return span_start(100);
        case TimeUnit::kMillennium:
            return span_start(1000);
        default:
            return year;
    }
}

/// A local time cut down to its unit; infinities stay.
int64_t truncated(TimeUnit unit, int64_t local_us) {
    if (!is_finite_us(local_us)) return local_us;
    const std::optional<Bins> bins = bins_of(unit);
    if (bins.has_value()) return bins->start_of(local_us);
    CivilTime civil;
    civil_from_days(date_of_us(local_us), civil);
    int month = 1;
    if (unit == TimeUnit::kMonth) month = civil.month;
    if (unit == TimeUnit::kQuarter) month = (civil.month - 1) / 3 * 3 + 1;
    return days_from_civil(first_year_of(unit, civil.year), month, 1) * kMicrosPerDay;
}

/// An instant cut down in a zone: local midnight may stand at another offset than the time had.
Result<int64_t> truncated_in_zone(TimeUnit unit, int64_t us, ZoneOffsets& zone) {
    if (!is_finite_us(us)) return us;
    const int64_t offset_us = zone.offset_seconds_at(us) * kMicrosPerSecond;
    const int64_t local = truncated(unit, us + offset_us);
    if (is_within_day(unit)) return checked_timestamp(local - offset_us);
    return zone.to_utc_us(local);
}

Result<TimeUnit> unit_for(UnitLookup& units, View name, TypeKind type) {
    TimeUnit unit;
    if (!units.find(name, unit) || is_only_extracted(unit)) return unknown_unit(name, type);
    if (!can_truncate(unit)) return unsupported_unit(name, type);
    return unit;
}

/// Hot: one unit for all rows, of a fixed length, and values far from the ends of time.
std::optional<Column> trunc_fast(Call& call) {
    const Reader<View> name = reader<View>(call, 0);
    const Reader<int64_t> in = reader<int64_t>(call, 1);
    if (!name.is_constant() || in.is_constant() || call.rows == 0) return std::nullopt;
    TimeUnit unit;
    if (!find_time_unit(name[0], unit)) return std::nullopt;
    const std::optional<Bins> bins = bins_of(unit);
    if (!bins.has_value()) return std::nullopt;
    return start_of_all(call, *bins, in.data());
}

Column trunc_timestamp(Call& call) {
    UnitLookup units;
    std::optional<Column> fast = trunc_fast(call);
    if (fast.has_value()) return *std::move(fast);
    return map_fallible<int64_t, View, int64_t>(
        call, [&](View name, int64_t us) -> Result<int64_t> {
            if (!is_finite_us(us)) return us;
            const TimeUnit unit = TRY(unit_for(units, name, TypeKind::kTimestamp));
            return checked_timestamp(truncated(unit, us));
        });
}

Column trunc_timestamptz(Call& call) {
    UnitLookup units;
    ZoneOffsets zone(call.context.format.zone);
    if (zone.is_utc()) {
        std::optional<Column> fast = trunc_fast(call);
        if (fast.has_value()) return *std::move(fast);
    }
    return map_fallible<int64_t, View, int64_t>(
        call, [&](View name, int64_t us) -> Result<int64_t> {
            if (!is_finite_us(us)) return us;
            const TimeUnit unit = TRY(unit_for(units, name, TypeKind::kTimestampTz));
            return truncated_in_zone(unit, us, zone);
        });
}

Column trunc_in_named_zone(Call& call) {
    UnitLookup units;
    struct Zone {
        std::unique_ptr<ZoneOffsets> offsets;
    };
    auto& zones = call_state<Compiled<Zone>>(call);
    return map_fallible<int64_t, View, int64_t, View>(
        call, [&](View name, int64_t us, View zone_name) -> Result<int64_t> {
            if (!is_finite_us(us)) return us;
            const Zone* zone = TRY(zones.get(zone_name, [](View wanted) -> Result<Zone> {
                return Zone{std::make_unique<ZoneOffsets>(TRY(find_time_zone(wanted)))};
            }));
            if (!is_finite_us(us)) return us;
            const TimeUnit unit = TRY(unit_for(units, name, TypeKind::kTimestampTz));
            return truncated_in_zone(unit, us, *zone->offsets);
        });
}

Result<Interval64> truncated_interval(View name, const Interval64& span) {
    TimeUnit unit;
    if (!find_time_unit(name, unit) || is_only_extracted(unit)) {
        return unknown_unit(name, TypeKind::kInterval);
    }
    if (!can_truncate(unit) || unit == TimeUnit::kWeek) {
        return unsupported_unit(name, TypeKind::kInterval);
    }
    Interval64 out = span;
    const std::optional<Bins> bins = bins_of(unit);
    if (bins.has_value() && is_within_day(unit)) {
        // Toward zero.
        const int64_t size = bins->start_of(std::max(span.us, -INT64_MAX) < 0 ? -span.us : span.us);
        out.us = span.us < 0 ? -size : size;
        return out;
    }
    out.us = 0;
    if (unit == TimeUnit::kDay) return out;
    out.days = 0;
    int32_t step = 1;
    switch (unit) {
        case TimeUnit::kQuarter:
            step = 3;
            break;
        case TimeUnit::kYear:
            step = kMonthsPerYear;
            break;
        case TimeUnit::kDecade:
            step = 10 * kMonthsPerYear;
            break;
        case TimeUnit::kCentury:
            step = 100 * kMonthsPerYear;
            break;
        case TimeUnit::kMillennium:
            step = 1000 * kMonthsPerYear;
            break;
        default:
            break;
    }
    out.months = span.months / step * step;
    return out;
}

}  // namespace

void add_time_bin_bodies(BodyTable& table) {
    table.add("date_bin(interval,timestamp,timestamp)", date_bin);
    table.add("date_bin(interval,timestamptz,timestamptz)", date_bin);
    table.add("date_trunc(text,timestamp)", trunc_timestamp);
    table.add("date_trunc(text,timestamptz)", trunc_timestamptz);
    table.add("date_trunc(text,timestamptz,text)", trunc_in_named_zone);
    table.add("date_trunc(text,interval)", [](Call& call) {
        return map_fallible<Interval64, View, Interval64>(call, truncated_interval);
    });
}

}  // namespace braid::operators
