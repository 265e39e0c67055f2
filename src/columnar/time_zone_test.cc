// SPDX-License-Identifier: Apache-2.0
#include "columnar/time_zone.h"

#include <string>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid {
namespace {

int64_t at(int64_t year, int month, int day, int hour = 0, int minute = 0) {
    return us_from_civil(
        {.year = year, .month = month, .day = day, .hour = hour, .minute = minute, .second = 0});
}

int hours_east(std::string_view name, int64_t utc_us) {
    const auto zone = find_time_zone(name);
    EXPECT_OK(zone);
    return zone ? zone.value()->offset_seconds_at(utc_us) / 3600 : 99;
}

TEST(TimeZone, CountsPosixOffsetsToTheWest) {
    EXPECT_EQ(hours_east("UTC+8", 0), -8);
    EXPECT_EQ(hours_east("+08", 0), -8);
    EXPECT_EQ(hours_east("<+08>-08", 0), 8);
    EXPECT_EQ(hours_east("Etc/GMT+5", 0), -5);
    EXPECT_ERROR(find_time_zone("UTC+168"), ErrorCode::kInvalidInput, "22023");
}

TEST(TimeZone, CountsNumbersOfASessionToTheEast) {
    ASSERT_OK_AND_ASSIGN(const auto east, find_session_time_zone("+8"));
    EXPECT_EQ(east->offset_seconds_at(0), 8 * 3600);
    EXPECT_EQ(east->name(), "<+08>-08");
    ASSERT_OK_AND_ASSIGN(const auto half, find_session_time_zone("5.5"));
    EXPECT_EQ(half->name(), "<+05:30>-05:30");
    EXPECT_EQ(half->offset_seconds_at(0), 19'800);
    for (const char* name :
         {"PST", "", " UTC", "Mars/Olympus", "168", "nan", "../etc/passwd", "right/UTC"}) {
        EXPECT_ERROR(find_session_time_zone(name), ErrorCode::kInvalidInput, "22023");
    }
}

TEST(TimeZone, FindsNamesInAnyCase) {
    ASSERT_OK_AND_ASSIGN(const auto zone, find_time_zone("europe/BERLIN"));
    EXPECT_EQ(zone->name(), "Europe/Berlin");
    EXPECT_EQ(zone->abbreviation_at(at(2015, 7, 1)), "CEST");
    ASSERT_OK_AND_ASSIGN(const auto plain, find_time_zone("utc"));
    EXPECT_EQ(plain, utc());
}

TEST(TimeZone, ReadsAbbreviationsByWhatTheyMeantThen) {
    EXPECT_EQ(hours_east("pst", at(2015, 7, 1)), -8);
    EXPECT_EQ(hours_east("MSK", at(2010, 1, 1)), 3);
    EXPECT_EQ(hours_east("MSK", at(2012, 1, 1)), 4);
    EXPECT_EQ(hours_east("MSK", at(2020, 1, 1)), 3);
    EXPECT_EQ(hours_east("VET", at(2012, 1, 1)), -4);
}

TEST(TimeZone, ChoosesLikePostgresqlInGapsAndOverlaps) {
    ASSERT_OK_AND_ASSIGN(const auto zone, find_time_zone("America/New_York"));
    // 02:30 does not exist: read with the offset before the change.
    EXPECT_EQ(zone->to_utc_us(at(2015, 3, 8, 2, 30)), at(2015, 3, 8, 7, 30));
    // 01:30 exists twice: the second is taken.
    EXPECT_EQ(zone->to_utc_us(at(2015, 11, 1, 1, 30)), at(2015, 11, 1, 6, 30));
    EXPECT_EQ(zone->to_utc_us(kTimestampInfinity), kTimestampInfinity);
    EXPECT_EQ(zone->to_utc_us(kTimestampNegativeInfinity), kTimestampNegativeInfinity);
}

TEST(CivilTime, RoundTripsEveryDayOfManyYears) {
    CivilTime civil;
    int32_t days = days_from_civil(-4713, 11, 24);
    EXPECT_EQ(days, -2'451'545);
    for (int64_t year :
         {-4713, -401, -400, -1, 0, 1, 1899, 1900, 1999, 2000, 2001, 2100, 9999, 5'874'897}) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= 28; day++) {
                days = days_from_civil(year, month, day);
                civil_from_days(days, civil);
                ASSERT_EQ(civil.year, year);
                ASSERT_EQ(civil.month, month);
                ASSERT_EQ(civil.day, day);
                civil_from_days(days + 1, civil);
                ASSERT_EQ(days_from_civil(civil.year, civil.month, civil.day), days + 1);
            }
        }
    }
}

TEST(CivilTime, CountsMicrosecondsBeforeTheEpochDownwards) {
    const CivilTime civil = civil_from_us(-1);
    EXPECT_EQ(civil.year, 1999);
    EXPECT_EQ(civil.second, 59);
    EXPECT_EQ(civil.microsecond, 999'999);
    EXPECT_EQ(us_from_civil(civil), -1);
    EXPECT_EQ(at(1970, 1, 1), kUnixEpochUs);
}

}  // namespace
}  // namespace braid
