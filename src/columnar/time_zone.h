// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "columnar/type.h"

namespace braid {

/// A civil date and time. Months and days count from 1; year 0 is 1 BC.
struct CivilTime {
    int64_t year = 2000;
    int month = 1;
    int day = 1;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int microsecond = 0;
};

/// A time zone of the IANA database (the system's tzdata), a fixed offset such as "+08" or "UTC+8"
/// with PostgreSQL's POSIX sign, or an abbreviation that PostgreSQL knows by default. Immutable,
/// shared.
class TimeZone {
  public:
    virtual ~TimeZone() = default;
    virtual const std::string& name() const = 0;
    /// Seconds east of UTC at an instant (microseconds since 2000-01-01 UTC).
    virtual int offset_seconds_at(int64_t utc_us) const = 0;
    virtual std::string abbreviation_at(int64_t utc_us) const = 0;
    /// Local wall time -> instant, with PostgreSQL's choice in gaps and overlaps.
    virtual int64_t to_utc_us(int64_t local_us) const = 0;
};

/// As AT TIME ZONE takes it: abbreviation, IANA name in any case, or POSIX ("+08" lies 8 hours
/// *west*). 22023 "time zone \"…\" not recognized". Cached; cheap after the first time.
Result<std::shared_ptr<const TimeZone>> find_time_zone(std::string_view name);
/// As SET TimeZone takes it: a bare number counts hours *east* ("+08" becomes "<+08>-08"), and
/// there are no abbreviations. 22023 "invalid value for parameter \"TimeZone\"".
Result<std::shared_ptr<const TimeZone>> find_session_time_zone(std::string_view setting);
std::shared_ptr<const TimeZone> utc();

int32_t days_from_civil(int64_t year, int month, int day);  // since 2000-01-01; proleptic Gregorian
void civil_from_days(int32_t days, CivilTime& civil);
CivilTime civil_from_us(int64_t local_us);
int64_t us_from_civil(const CivilTime& civil);

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
inline constexpr int64_t kUnixEpochUs = -946'684'800 * kMicrosPerSecond;  // 1970-01-01 in our count
inline constexpr int64_t kTimestampInfinity = INT64_MAX;
inline constexpr int64_t kTimestampNegativeInfinity = INT64_MIN;
inline constexpr int32_t kDateInfinity = INT32_MAX;
inline constexpr int32_t kDateNegativeInfinity = INT32_MIN;

}  // namespace braid
