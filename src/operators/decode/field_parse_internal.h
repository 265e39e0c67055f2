// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "columnar/numeric.h"
#include "columnar/time_zone.h"

/// Fast readers of the forms that machines write. Each either gives exactly what the type's text
/// input function would give, or declines; then the caller asks that function, which also knows the
/// error.
namespace braid::operators {

/// Days since 2000-01-01 of the last date seen: records come in bursts of one day.
class DayMemo {
  public:
    static constexpr size_t kWrittenBytes = 12;

    /// Whether the last date given to keep() was written in just these bytes.
    bool is_written(const char* at) const {
        return has_written_ && std::memcmp(written_, at, kWrittenBytes) == 0;
    }
    int32_t days() const { return days_; }
    void keep(const char* at) {
        has_written_ = true;
        std::memcpy(written_, at, kWrittenBytes);
    }
    int32_t days(int year, int month, int day) {
        const int key = (year * 16 + month) * 32 + day;
        if (key != key_) {
            key_ = key;
            has_written_ = false;
            days_ = days_from_civil(year, month, day);
        }
        return days_;
    }

  private:
    int key_ = -1;
    int32_t days_ = 0;
    bool has_written_ = false;
    char written_[kWrittenBytes] = {};
};

/// A time as it was written: the wall clock, and the seconds east of UTC if a zone was given.
struct WrittenTime {
    int64_t local_us = 0;
    int32_t days = 0;
    int zone_seconds = 0;
    bool has_zone = false;
    bool has_clock = false;
};

/// Decimal digits, with a sign or without; declines beyond 18 digits.
bool read_integer(std::string_view text, int64_t& value);
/// Digits with or without a point, at most 18; the scale is the number of digits behind the point.
bool read_decimal(std::string_view text, Numeric& value);
/// A decimal number, perhaps with exponent; declines what overflows or underflows.
bool read_double(std::string_view text, double& value);
/// "17/May/2015:10:05:03 +0000", as web servers write it.
bool read_log_time(std::string_view text, DayMemo& memo, WrittenTime& time);
/// "2015-05-17", "2015-05-17 10:05:03.25+02:00", also with T and Z.
bool read_iso_time(std::string_view text, DayMemo& memo, WrittenTime& time);

/// True for a number as JSON writes it, and nothing else.
bool is_json_number(std::string_view token);

}  // namespace braid::operators
