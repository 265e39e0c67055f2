// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/time_internal.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error_makers.h"
#include "columnar/ascii.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

constexpr int64_t kMicrosPerHour = 3600 * kMicrosPerSecond;
// Civil years beyond this are out of range for dates too; keeps arithmetic on days within int32.
constexpr int64_t kYearMax = 5'900'000;

struct UnitName {
    std::string_view name;
    TimeUnit unit;
};

// PostgreSQL compares the first ten characters only.
constexpr size_t kUnitNameMax = 10;
constexpr UnitName kUnitNames[] = {
    {"us", TimeUnit::kMicroseconds},
    {"usec", TimeUnit::kMicroseconds},
    {"usecs", TimeUnit::kMicroseconds},
    {"usecond", TimeUnit::kMicroseconds},
    {"useconds", TimeUnit::kMicroseconds},
    {"microsecon", TimeUnit::kMicroseconds},
    {"ms", TimeUnit::kMilliseconds},
    {"msec", TimeUnit::kMilliseconds},
    {"msecs", TimeUnit::kMilliseconds},
    {"msecond", TimeUnit::kMilliseconds},
    {"mseconds", TimeUnit::kMilliseconds},
    {"millisecon", TimeUnit::kMilliseconds},
    {"s", TimeUnit::kSecond},
    {"sec", TimeUnit::kSecond},
    {"secs", TimeUnit::kSecond},
    {"second", TimeUnit::kSecond},
    {"seconds", TimeUnit::kSecond},
    {"m", TimeUnit::kMinute},
    {"min", TimeUnit::kMinute},
    {"mins", TimeUnit::kMinute},
    {"minute", TimeUnit::kMinute},
    {"minutes", TimeUnit::kMinute},
    {"h", TimeUnit::kHour},
    {"hr", TimeUnit::kHour},
    {"hrs", TimeUnit::kHour},
    {"hour", TimeUnit::kHour},
    {"hours", TimeUnit::kHour},
    {"d", TimeUnit::kDay},
    {"day", TimeUnit::kDay},
    {"days", TimeUnit::kDay},
    {"w", TimeUnit::kWeek},
    {"week", TimeUnit::kWeek},
    {"weeks", TimeUnit::kWeek},
    {"mon", TimeUnit::kMonth},
    {"mons", TimeUnit::kMonth},
    {"month", TimeUnit::kMonth},
    {"months", TimeUnit::kMonth},
    {"qtr", TimeUnit::kQuarter},
    {"quarter", TimeUnit::kQuarter},
    {"y", TimeUnit::kYear},
    {"yr", TimeUnit::kYear},
    {"yrs", TimeUnit::kYear},
    {"year", TimeUnit::kYear},
    {"years", TimeUnit::kYear},
    {"dec", TimeUnit::kDecade},
    {"decs", TimeUnit::kDecade},
    {"decade", TimeUnit::kDecade},
    {"decades", TimeUnit::kDecade},
    {"c", TimeUnit::kCentury},
    {"cent", TimeUnit::kCentury},
    {"century", TimeUnit::kCentury},
    {"centuries", TimeUnit::kCentury},
    {"mil", TimeUnit::kMillennium},
    {"mils", TimeUnit::kMillennium},
    {"millennium", TimeUnit::kMillennium},
    {"millennia", TimeUnit::kMillennium},
    {"j", TimeUnit::kJulian},
    {"jd", TimeUnit::kJulian},
    {"julian", TimeUnit::kJulian},
    {"isoyear", TimeUnit::kIsoYear},
    {"isodow", TimeUnit::kIsoDow},
    {"dow", TimeUnit::kDow},
    {"doy", TimeUnit::kDoy},
    {"epoch", TimeUnit::kEpoch},
    {"timezone", TimeUnit::kTimezone},
    {"timezone_h", TimeUnit::kTimezoneHour},
    {"timezone_m", TimeUnit::kTimezoneMinute},
};

std::string type_phrase(TypeKind type) { return Type::of(type).name(); }

}  // namespace

Result<int64_t> checked_timestamp(int64_t us) {
    if (!is_finite_us(us)) return us;
    if (us < kTimestampMinUs || us >= kTimestampEndUs) return datetime_out_of_range("timestamp");
    return us;
}

Result<int32_t> checked_date(int64_t days) {
    if (days < kDateMinDays || days >= kDateEndDays) return datetime_out_of_range("date");
    return static_cast<int32_t>(days);
}

Result<int64_t> timestamp_of_date(int32_t days) {
    if (days == kDateInfinity) return kTimestampInfinity;
    if (days == kDateNegativeInfinity) return kTimestampNegativeInfinity;
    if (days >= kTimestampEndUs / kMicrosPerDay) {
        return argument_error("22008", "date out of range for timestamp");
    }
    return days * kMicrosPerDay;
}

int32_t date_of_us(int64_t local_us) {
    if (local_us == kTimestampInfinity) return kDateInfinity;
    if (local_us == kTimestampNegativeInfinity) return kDateNegativeInfinity;
    return static_cast<int32_t>(floor_divide(local_us, kMicrosPerDay));
}

Result<int64_t> timestamptz_of_local(int64_t local_us, const TimeZone& zone) {
    if (!is_finite_us(local_us)) return local_us;
    return checked_timestamp(zone.to_utc_us(local_us));
}

ZoneOffsets::ZoneOffsets(std::shared_ptr<const TimeZone> zone)
    : zone_(std::move(zone)), is_utc_(zone_ == utc()) {}

int ZoneOffsets::offset_seconds_at(int64_t utc_us) {
    if (is_utc_) return 0;
    const int64_t hour = floor_divide(utc_us, kMicrosPerHour);
    Slot& slot = slots_[static_cast<size_t>(hour) % slots_.size()];
    if (slot.hour == hour) return slot.seconds;
    const int seconds = zone_->offset_seconds_at(utc_us);
    // No zone ever changed its offset and went back within an hour: equal ends mean an equal hour.
    const int64_t start = hour * kMicrosPerHour;
    const bool is_even = zone_->offset_seconds_at(start) == seconds &&
                         zone_->offset_seconds_at(start + kMicrosPerHour - 1) == seconds;
    if (is_even) slot = {hour, seconds};
    return seconds;
}

int64_t ZoneOffsets::to_local_us(int64_t utc_us) {
    if (is_utc_ || !is_finite_us(utc_us)) return utc_us;
    return utc_us + offset_seconds_at(utc_us) * kMicrosPerSecond;
}

Result<int64_t> ZoneOffsets::to_utc_us(int64_t local_us) {
    if (is_utc_ || !is_finite_us(local_us)) return checked_timestamp(local_us);
    const int64_t day = floor_divide(local_us, kMicrosPerDay);
    Midnight& known = midnights_[static_cast<size_t>(day) % midnights_.size()];
    if (known.local_us == local_us) return known.utc_us;
    const int64_t utc_us = TRY(timestamptz_of_local(local_us, *zone_));
    known = {local_us, utc_us};
    return utc_us;
}

int month_length(int64_t year, int month) {
    constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : kLengths[month - 1];
}

Result<int64_t> add_months(int64_t local_us, int32_t months) {
    const int64_t day = floor_divide(local_us, kMicrosPerDay);
    CivilTime civil;
    civil_from_days(static_cast<int32_t>(day), civil);
    const int64_t month = civil.year * kMonthsPerYear + (civil.month - 1) + months;
    civil.year = floor_divide(month, kMonthsPerYear);
    civil.month = static_cast<int>(floor_modulo(month, kMonthsPerYear)) + 1;
    if (civil.year > kYearMax || civil.year < -kYearMax) return datetime_out_of_range("timestamp");
    civil.day = std::min(civil.day, month_length(civil.year, civil.month));
    const int64_t moved = int64_t{days_from_civil(civil.year, civil.month, civil.day)} - day;
    int64_t out;
    if (__builtin_mul_overflow(moved, kMicrosPerDay, &out) ||
        __builtin_add_overflow(out, local_us, &out)) {
        return datetime_out_of_range("timestamp");
    }
    return out;
}

Result<int64_t> add_days(int64_t local_us, int32_t days) {
    int64_t out;
    if (__builtin_mul_overflow(int64_t{days}, kMicrosPerDay, &out) ||
        __builtin_add_overflow(out, local_us, &out)) {
        return datetime_out_of_range("timestamp");
    }
    return out;
}

int day_of_week(int32_t days) {
    constexpr int kSaturday = 6;  // 2000-01-01
    return static_cast<int>(floor_modulo(int64_t{days} + kSaturday, 7));
}

IsoWeek iso_week_of(int32_t days) {
    // The week belongs to the year of its Thursday.
    const int from_monday = (day_of_week(days) + 6) % 7;
    const int32_t thursday = days - from_monday + 3;
    CivilTime civil;
    civil_from_days(thursday, civil);
    const int32_t first = days_from_civil(civil.year, 1, 1);
    return {civil.year, (thursday - first) / 7 + 1};
}

bool find_time_unit(std::string_view name, TimeUnit& unit) {
    const std::string lower = ascii::lowered(name.substr(0, kUnitNameMax));
    const auto found = std::ranges::find(kUnitNames, lower, &UnitName::name);
    if (found == std::end(kUnitNames)) return false;
    unit = found->unit;
    return true;
}

Error unknown_unit(std::string_view name, TypeKind type) {
    return bad_parameter("unit \"" + ascii::lowered(name) + "\" not recognized for type " +
                         type_phrase(type));
}

Error unsupported_unit(std::string_view name, TypeKind type) {
    return unsupported("unit \"{}\" not supported for type {}", ascii::lowered(name),
                       type_phrase(type));
}

}  // namespace braid::operators
