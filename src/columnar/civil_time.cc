// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "columnar/time_zone.h"

namespace braid {
namespace {

constexpr int64_t kDaysPerEra = 146'097;  // 400 years
constexpr int64_t kEpochDay = 730'425;    // 2000-01-01, counted from 0000-03-01
constexpr int kSecondsPerHour = 3600;

}  // namespace

int32_t days_from_civil(int64_t year, int month, int day) {
    // Years begin in March here, so that the leap day is their last (Howard Hinnant,
    // "chrono-compatible low-level date algorithms").
    year -= month <= 2 ? 1 : 0;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<int>(year - era * 400);
    const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return static_cast<int32_t>(era * kDaysPerEra + day_of_era - kEpochDay);
}

void civil_from_days(int32_t days, CivilTime& civil) {
    const int64_t shifted = int64_t{days} + kEpochDay;
    const int64_t era = (shifted >= 0 ? shifted : shifted - (kDaysPerEra - 1)) / kDaysPerEra;
    const auto day_of_era = static_cast<int>(shifted - era * kDaysPerEra);
    const int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int month_from_march = (5 * day_of_year + 2) / 153;
    civil.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    civil.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
}

CivilTime civil_from_us(int64_t local_us) {
    const int64_t days = local_us / kMicrosPerDay - (local_us % kMicrosPerDay < 0 ? 1 : 0);
    int64_t rest = local_us - days * kMicrosPerDay;
    CivilTime civil;
    civil_from_days(static_cast<int32_t>(days), civil);
    civil.microsecond = static_cast<int>(rest % kMicrosPerSecond);
    rest /= kMicrosPerSecond;
    civil.second = static_cast<int>(rest % 60);
    civil.minute = static_cast<int>(rest / 60 % 60);
    civil.hour = static_cast<int>(rest / kSecondsPerHour);
    return civil;
}

int64_t us_from_civil(const CivilTime& civil) {
    const int64_t seconds =
        int64_t{civil.hour} * kSecondsPerHour + civil.minute * 60 + civil.second;
    return days_from_civil(civil.year, civil.month, civil.day) * kMicrosPerDay +
           seconds * kMicrosPerSecond + civil.microsecond;
}

}  // namespace braid
