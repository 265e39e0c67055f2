// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "columnar/time_zone.h"
#include "columnar/type.h"

namespace braid::operators {

// PostgreSQL's ranges: 4714-11-24 BC to 294276 for timestamps, to 5874897 for dates.
inline constexpr int64_t kTimestampMinUs = -211'813'488'000'000'000;
inline constexpr int64_t kTimestampEndUs = 9'223'371'331'200'000'000;
inline constexpr int32_t kDateMinDays = -2'451'545;
inline constexpr int32_t kDateEndDays = 2'145'031'949;
inline constexpr int kMonthsPerYear = 12;

inline bool is_finite_us(int64_t us) {
    return us != kTimestampInfinity && us != kTimestampNegativeInfinity;
}
inline bool is_finite_date(int32_t days) {
    return days != kDateInfinity && days != kDateNegativeInfinity;
}
inline int64_t floor_divide(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}
inline int64_t floor_modulo(int64_t value, int64_t divisor) {
    const int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/// The value, if it is infinite or in the range of timestamps; else 22008.
Result<int64_t> checked_timestamp(int64_t us);
Result<int32_t> checked_date(int64_t days);
Result<int64_t> timestamp_of_date(int32_t days);
/// The day of a local time; infinities stay.
int32_t date_of_us(int64_t local_us);
/// The instant of a local time; infinities stay.
Result<int64_t> timestamptz_of_local(int64_t local_us, const TimeZone& zone);

/// Local time of instants in one zone. Offsets are asked for once per hour of the past that occurs.
class ZoneOffsets {
  public:
    explicit ZoneOffsets(std::shared_ptr<const TimeZone> zone);
    int offset_seconds_at(int64_t utc_us);
    /// Infinities stay.
    int64_t to_local_us(int64_t utc_us);
    /// The instant of a local time; remembers a few, for the starts of days that many rows share.
    Result<int64_t> to_utc_us(int64_t local_us);
    const TimeZone& zone() const { return *zone_; }
    bool is_utc() const { return is_utc_; }

  private:
    struct Slot {
        int64_t hour = INT64_MIN;
        int seconds = 0;
    };
    std::shared_ptr<const TimeZone> zone_;
    bool is_utc_;
    struct Midnight {
        int64_t local_us = INT64_MIN;
        int64_t utc_us = 0;
    };
    std::array<Slot, 64> slots_;
    std::array<Midnight, 64> midnights_;
};

/// local + months, the day cut to the length of the month. May leave the range of timestamps: the
/// caller checks; 22008 only for what no int64 holds.
Result<int64_t> add_months(int64_t local_us, int32_t months);
Result<int64_t> add_days(int64_t local_us, int32_t days);

int month_length(int64_t year, int month);
/// 0 = Sunday.
int day_of_week(int32_t days);
struct IsoWeek {
    int64_t year;
    int week;
};
IsoWeek iso_week_of(int32_t days);

/// Units of time as extract, date_part and date_trunc name them.
enum class TimeUnit : uint8_t {
    kMicroseconds,
    kMilliseconds,
    kSecond,
    kMinute,
    kHour,
    kDay,
    kWeek,
    kMonth,
    kQuarter,
    kYear,
    kDecade,
    kCentury,
    kMillennium,
    kJulian,
    kIsoYear,
    kIsoDow,
    kDow,
    kDoy,
    kEpoch,
    kTimezone,
    kTimezoneHour,
    kTimezoneMinute,
};

/// False if PostgreSQL does not know the name.
bool find_time_unit(std::string_view name, TimeUnit& unit);

/// The same for row after row: a name that is the very same bytes as before is not looked up again.
class UnitLookup {
  public:
    bool find(std::string_view name, TimeUnit& unit) {
        const bool is_same = name.data() == last_.data() && name.size() == last_.size();
        if (!is_same || last_.data() == nullptr) {
            last_ = name;
            is_known_ = find_time_unit(name, unit_);
        }
        unit = unit_;
        return is_known_;
    }

  private:
    std::string_view last_;
    bool is_known_ = false;
    TimeUnit unit_{};
};

Error unknown_unit(std::string_view name, TypeKind type);      // 22023
Error unsupported_unit(std::string_view name, TypeKind type);  // 0A000

}  // namespace braid::operators
