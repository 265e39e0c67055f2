// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/text_io_internal.h"
#include "columnar/time_fields_internal.h"
#include "columnar/time_zone.h"
#include "columnar/timestamp_input_internal.h"

namespace braid::text_io {
namespace {

using time_fields::DateTime;
using time_fields::Fault;
using time_fields::Fields;

/// Timestamps from 4714-11-24 BC to before 294277, dates to 5874897-12-31.
constexpr int64_t kTimestampMin = -211'813'488'000 * kMicrosPerSecond;
constexpr int64_t kTimestampEnd = 9'223'371'331'200 * kMicrosPerSecond;
constexpr int32_t kDateMin = -2'451'545;
constexpr int32_t kDateMax = 2'145'031'948;
constexpr int64_t kYearMin = -4713;
constexpr int64_t kYearMax = 5'874'897;

/// The digits at `at`, or a negative number if one of them is none.
template <int kCount>
int digits_at(const char* at) {
    int value = 0;
    int wrong = 0;
    for (int i = 0; i < kCount; i++) {
        const int digit = at[i] - '0';
        wrong |= digit | (9 - digit);
        value = value * 10 + digit;
    }
    return wrong < 0 ? -1 : value;
}

/// yyyy-mm-dd with a day that every month has or that was checked; days since 2000, or false.
bool read_iso_date(const char* at, int32_t& days) {
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int year = digits_at<4>(at);
    const int month = digits_at<2>(at + 5);
    const int day = digits_at<2>(at + 8);
    if (at[4] != '-' || at[7] != '-' || year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0)) return false;
    days = days_from_civil(year, month, day);
    return true;
}

struct IsoTimestamp {
    int64_t local_us = 0;
    bool has_offset = false;
    int offset_seconds = 0;
};

/// Z, ±hh, ±hhmm or ±hh:mm up to the end.
bool read_iso_offset(const char* at, const char* end, IsoTimestamp& result) {
    result.has_offset = true;
    if (*at == 'Z') return at + 1 == end;
    if (*at != '+' && *at != '-') return false;
    const auto size = end - at;
    if (size != 3 && size != 5 && size != 6) return false;
    const int hours = digits_at<2>(at + 1);
    const int minutes = size == 3 ? 0 : digits_at<2>(end - 2);
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59 || (size == 6 && at[3] != ':')) {
        return false;
    }
    result.offset_seconds = (hours * 60 + minutes) * 60;
    if (*at == '-') result.offset_seconds = -result.offset_seconds;
    return true;
}

/// The one form that machines write, without a detour: yyyy-mm-dd hh:mm:ss[.f…][offset]. Whatever
/// it does not take, right or wrong, goes the long way.
bool read_iso_timestamp(std::string_view text, IsoTimestamp& result) {
    constexpr size_t kPlainSize = 19;
    if (text.size() < kPlainSize) return false;
    const char* at = text.data();
    const char* end = at + text.size();
    int32_t days = 0;
    if (!read_iso_date(at, days)) return false;
    const int hour = digits_at<2>(at + 11);
    const int minute = digits_at<2>(at + 14);
    const int second = digits_at<2>(at + 17);
    if ((at[10] != ' ' && at[10] != 'T') || at[13] != ':' || at[16] != ':') return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    int microsecond = 0;
    at += kPlainSize;
    if (at < end && *at == '.') {
        int place = 100'000;
        for (at++; at < end && ascii::is_digit(*at); at++, place /= 10) {
            if (place == 0) return false;
            microsecond += (*at - '0') * place;
        }
    }
    result.local_us = days * kMicrosPerDay +
                      ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + microsecond;
    return at == end || read_iso_offset(at, end, result);
}

Error out_of_range(std::string_view what, std::string_view text) {
    return invalid_input("{} out of range: \"{}\"", what, text).with_sqlstate("22008");
}

Result<void> decode(std::string_view text, const Type& type, DateTime& result) {
    Fields fields;
    Fault fault = fields.split(text);
    if (fault == Fault::kNone) fault = decode_date_time(fields, result);
    if (fault == Fault::kNone) return {};
    return error_of(fault, text, type, result.unknown_zone);
}

bool is_countable(const CivilTime& civil) {
    return civil.year >= kYearMin && civil.year <= kYearMax;
}

/// Microseconds of the wall clock; false if they are out of range by more than any zone could mend.
bool local_us_of(const CivilTime& civil, int64_t& us) {
    if (!is_countable(civil)) return false;
    const int128 days = days_from_civil(civil.year, civil.month, civil.day);
    const int64_t seconds = int64_t{civil.hour} * 3600 + civil.minute * 60 + civil.second;
    const int128 wide = days * kMicrosPerDay + seconds * kMicrosPerSecond + civil.microsecond;
    if (wide < kTimestampMin - kMicrosPerDay || wide > kTimestampEnd + kMicrosPerDay) return false;
    us = static_cast<int64_t>(wide);
    return true;
}

/// Both kinds of timestamp; `zone` is nullptr for the one that ignores zones.
Result<int64_t> parse_any_timestamp(std::string_view text, const Type& type, const TimeZone* zone) {
    IsoTimestamp iso;
    if (read_iso_timestamp(text, iso)) {
        if (zone == nullptr) return iso.local_us;
        if (iso.has_offset) return iso.local_us - iso.offset_seconds * kMicrosPerSecond;
        return zone->to_utc_us(iso.local_us);
    }
    DateTime value;
    TRY(decode(text, type, value));
    switch (value.kind) {
        case DateTime::Kind::kEpoch:
            return kUnixEpochUs;
        case DateTime::Kind::kInfinity:
            return kTimestampInfinity;
        case DateTime::Kind::kNegativeInfinity:
            return kTimestampNegativeInfinity;
        case DateTime::Kind::kCivil:
            break;
    }
    int64_t us = 0;
    if (!local_us_of(value.civil, us)) return out_of_range("timestamp", text);
    if (zone != nullptr) {
        if (value.zone_kind == DateTime::Zone::kOffset) {
            us -= value.offset_seconds * kMicrosPerSecond;
        } else {
            us = (value.zone_kind == DateTime::Zone::kNamed ? *value.named_zone : *zone)
                     .to_utc_us(us);
        }
    }
    if (!is_timestamp(us)) return out_of_range("timestamp", text);
    return us;
}

}  // namespace

bool is_date(int32_t days) {
    if (days == kDateInfinity || days == kDateNegativeInfinity) return true;
    return days >= kDateMin && days <= kDateMax;
}

bool is_timestamp(int64_t us) {
    if (us == kTimestampInfinity || us == kTimestampNegativeInfinity) return true;
    return us >= kTimestampMin && us < kTimestampEnd;
}

Result<int32_t> parse_date(std::string_view text) {
    constexpr size_t kPlainSize = 10;
    int32_t days = 0;
    if (text.size() == kPlainSize && read_iso_date(text.data(), days)) return days;
    DateTime value;
    TRY(decode(text, Type::of(TypeKind::kDate), value));
    switch (value.kind) {
        case DateTime::Kind::kEpoch:
            return static_cast<int32_t>(kUnixEpochUs / kMicrosPerDay);
        case DateTime::Kind::kInfinity:
            return kDateInfinity;
        case DateTime::Kind::kNegativeInfinity:
            return kDateNegativeInfinity;
        case DateTime::Kind::kCivil:
            break;
    }
    if (!is_countable(value.civil)) return out_of_range("date", text);
    days = days_from_civil(value.civil.year, value.civil.month, value.civil.day);
    if (!is_date(days)) return out_of_range("date", text);
    return days;
}

Result<int64_t> parse_timestamp(std::string_view text) {
    return parse_any_timestamp(text, Type::of(TypeKind::kTimestamp), nullptr);
}

Result<int64_t> parse_timestamptz(std::string_view text, const TimeZone& zone) {
    return parse_any_timestamp(text, Type::of(TypeKind::kTimestampTz), &zone);
}

namespace {

char* put_two_digits(int value, char* to) {
    to[0] = static_cast<char>('0' + value / 10);
    to[1] = static_cast<char>('0' + value % 10);
    return to + 2;
}

/// Writes the text of one value, then appends it at once.
class TimeText {
  public:
    void put(char c) { *at_++ = c; }
    void put_pair(int value) { at_ = put_two_digits(value, at_); }

    void put_date(const CivilTime& civil) {
        const int64_t year = civil.year > 0 ? civil.year : 1 - civil.year;
        constexpr int64_t kFourDigits = 10'000;
        if (year < kFourDigits) {
            put_pair(static_cast<int>(year / 100));
            put_pair(static_cast<int>(year % 100));
        } else {
            at_ = std::to_chars(at_, text_.data() + text_.size(), year).ptr;
        }
        put('-');
        put_pair(civil.month);
        put('-');
        put_pair(civil.day);
    }

    void put_clock(int hour, int minute, int second, int microsecond) {
        put_pair(hour);
        put(':');
        put_pair(minute);
        put(':');
        put_pair(second);
        if (microsecond == 0) return;
        put('.');
        put_pair(microsecond / 10'000);
        put_pair(microsecond / 100 % 100);
        put_pair(microsecond % 100);
        while (at_[-1] == '0') at_--;
    }

    void put_offset(int seconds) {
        put(seconds < 0 ? '-' : '+');
        seconds = std::abs(seconds);
        // Beyond 99 hours only POSIX names reach.
        const int hours = seconds / 3600;
        if (hours < 100) {
            put_pair(hours);
        } else {
            at_ = std::to_chars(at_, text_.data() + text_.size(), hours).ptr;
        }
        if (seconds % 3600 == 0) return;
        put(':');
        put_pair(seconds / 60 % 60);
        if (seconds % 60 == 0) return;
        put(':');
        put_pair(seconds % 60);
    }

    void put_era(const CivilTime& civil) {
        if (civil.year > 0) return;
        for (const char c : {' ', 'B', 'C'}) put(c);
    }

    void append_to(std::string& out) const {
        out.append(text_.data(), static_cast<size_t>(at_ - text_.data()));
    }

  private:
    std::array<char, 64> text_;
    char* at_ = text_.data();
};

/// Infinity has no date; true if that was it.
bool append_infinity(bool positive, bool negative, std::string& out) {
    if (positive) out += "infinity";
    if (negative) out += "-infinity";
    return positive || negative;
}

}  // namespace

void format_date(int32_t days, std::string& out) {
    if (append_infinity(days == kDateInfinity, days == kDateNegativeInfinity, out)) return;
    CivilTime civil;
    civil_from_days(days, civil);
    TimeText text;
    text.put_date(civil);
    text.put_era(civil);
    text.append_to(out);
}

namespace {

void put_timestamp(const CivilTime& civil, TimeText& text) {
    text.put_date(civil);
    text.put(' ');
    text.put_clock(civil.hour, civil.minute, civil.second, civil.microsecond);
}

}  // namespace

void format_timestamp(int64_t us, std::string& out) {
    if (append_infinity(us == kTimestampInfinity, us == kTimestampNegativeInfinity, out)) return;
    const CivilTime civil = civil_from_us(us);
    TimeText text;
    put_timestamp(civil, text);
    text.put_era(civil);
    text.append_to(out);
}

void format_timestamptz(int64_t us, const TimeZone& zone, std::string& out) {
    if (append_infinity(us == kTimestampInfinity, us == kTimestampNegativeInfinity, out)) return;
    const int offset = zone.offset_seconds_at(us);
    const CivilTime civil = civil_from_us(us + offset * kMicrosPerSecond);
    TimeText text;
    put_timestamp(civil, text);
    text.put_offset(offset);
    text.put_era(civil);
    text.append_to(out);
}

void format_interval(const Interval64& value, std::string& out) {
    // A part behind a negative one shows its sign even when it is positive.
    const size_t from = out.size();
    bool after_negative = false;
    const auto put_part = [&](int64_t part, std::string_view unit) {
        if (part == 0) return;
        if (out.size() > from) out += ' ';
        if (after_negative && part > 0) out += '+';
        format_int(part, out);
        out += ' ';
        out += unit;
        if (part != 1) out += 's';
        after_negative = part < 0;
    };
    put_part(value.months / 12, "year");
    put_part(value.months % 12, "mon");
    put_part(value.days, "day");
    if (value.us == 0 && out.size() > from) return;
    if (out.size() > from) out += ' ';
    if (value.us < 0) {
        out += '-';
    } else if (after_negative) {
        out += '+';
    }
    const uint64_t us =
        value.us < 0 ? -static_cast<uint64_t>(value.us) : static_cast<uint64_t>(value.us);
    const uint64_t seconds = us / kMicrosPerSecond;
    const uint64_t hours = seconds / 3600;
    TimeText text;
    if (hours < 100) {
        text.put_clock(static_cast<int>(hours), static_cast<int>(seconds / 60 % 60),
                       static_cast<int>(seconds % 60), static_cast<int>(us % kMicrosPerSecond));
        text.append_to(out);
        return;
    }
    // The clock has two digits for hours; what is above them stands before.
    format_int(static_cast<int64_t>(hours / 100), out);
    text.put_clock(static_cast<int>(hours % 100), static_cast<int>(seconds / 60 % 60),
                   static_cast<int>(seconds % 60), static_cast<int>(us % kMicrosPerSecond));
    text.append_to(out);
}

}  // namespace braid::text_io
