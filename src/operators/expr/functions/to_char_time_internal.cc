// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/to_char_time_internal.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "columnar/ascii.h"
#include "operators/expr/compare_internal.h"
#include "operators/expr/functions/time_internal.h"
#include "operators/expr/functions/value_errors_internal.h"

namespace braid::operators {

namespace {

using View = std::string_view;

constexpr int32_t kJulianOf2000 = 2'451'545;

enum class Field : uint8_t {
    kMeridiem,
    kEra,
    kCentury,
    kDayName,
    kDayShort,
    kDayOfYear,
    kDay,
    kDayOfWeek,
    kFraction,
    kFormatExact,
    kHour24,
    kHour12,
    kIsoDayOfYear,
    kIsoDayOfWeek,
    kIsoWeek,
    kIsoYear,
    kJulian,
    kMinute,
    kMonth,
    kMonthName,
    kMonthShort,
    kOffset,
    kQuarter,
    kRoman,
    kSecond,
    kSecondsOfDay,
    kZoneName,
    kZoneHours,
    kZoneMinutes,
    kWeekOfMonth,
    kWeekOfYear,
    kYearComma,
    kYear,
};
enum class Case : uint8_t { kUpper, kCapital, kLower };

/// A keyword: what it shows, in which letters, and how many digits or letters where that varies.
/// Dotted meridiems and eras have digits 4.
struct Keyword {
    View name;
    Field field;
    Case letters = Case::kUpper;
    int digits = 0;
};

using enum Field;
using enum Case;

constexpr auto kKeywords = std::to_array<Keyword>({
    {"A.D.", kEra, kUpper, 4},
    {"A.M.", kMeridiem, kUpper, 4},
    {"AD", kEra},
    {"AM", kMeridiem},
    {"B.C.", kEra, kUpper, 4},
    {"BC", kEra},
    {"CC", kCentury},
    {"DAY", kDayName},
    {"DDD", kDayOfYear},
    {"DD", kDay},
    {"DY", kDayShort},
    {"Day", kDayName, kCapital},
    {"Dy", kDayShort, kCapital},
    {"D", kDayOfWeek},
    {"FF1", kFraction, kUpper, 1},
    {"FF2", kFraction, kUpper, 2},
    {"FF3", kFraction, kUpper, 3},
    {"FF4", kFraction, kUpper, 4},
    {"FF5", kFraction, kUpper, 5},
    {"FF6", kFraction, kUpper, 6},
    {"FX", kFormatExact},
    {"HH24", kHour24},
    {"HH12", kHour12},
    {"HH", kHour12},
    {"IDDD", kIsoDayOfYear},
    {"ID", kIsoDayOfWeek},
    {"IW", kIsoWeek},
    {"IYYY", kIsoYear, kUpper, 4},
    {"IYY", kIsoYear, kUpper, 3},
    {"IY", kIsoYear, kUpper, 2},
    {"I", kIsoYear, kUpper, 1},
    {"J", kJulian},
    {"MI", kMinute},
    {"MM", kMonth},
    {"MONTH", kMonthName},
    {"MON", kMonthShort},
    {"MS", kFraction, kUpper, 3},
    {"Month", kMonthName, kCapital},
    {"Mon", kMonthShort, kCapital},
    {"OF", kOffset},
    {"P.M.", kMeridiem, kUpper, 4},
    {"PM", kMeridiem},
    {"Q", kQuarter},
    {"RM", kRoman},
    {"SSSSS", kSecondsOfDay},
    {"SSSS", kSecondsOfDay},
    {"SS", kSecond},
    {"TZH", kZoneHours},
    {"TZM", kZoneMinutes},
    {"TZ", kZoneName},
    {"US", kFraction, kUpper, 6},
    {"WW", kWeekOfYear},
    {"W", kWeekOfMonth},
    {"Y,YYY", kYearComma},
    {"YYYY", kYear, kUpper, 4},
    {"YYY", kYear, kUpper, 3},
    {"YY", kYear, kUpper, 2},
    {"Y", kYear, kUpper, 1},
    {"a.d.", kEra, kLower, 4},
    {"a.m.", kMeridiem, kLower, 4},
    {"ad", kEra, kLower},
    {"am", kMeridiem, kLower},
    {"b.c.", kEra, kLower, 4},
    {"bc", kEra, kLower},
    {"cc", kCentury},
    {"day", kDayName, kLower},
    {"ddd", kDayOfYear},
    {"dd", kDay},
    {"dy", kDayShort, kLower},
    {"d", kDayOfWeek},
    {"ff1", kFraction, kUpper, 1},
    {"ff2", kFraction, kUpper, 2},
    {"ff3", kFraction, kUpper, 3},
    {"ff4", kFraction, kUpper, 4},
    {"ff5", kFraction, kUpper, 5},
    {"ff6", kFraction, kUpper, 6},
    {"fx", kFormatExact},
    {"hh24", kHour24},
    {"hh12", kHour12},
    {"hh", kHour12},
    {"iddd", kIsoDayOfYear},
    {"id", kIsoDayOfWeek},
    {"iw", kIsoWeek},
    {"iyyy", kIsoYear, kUpper, 4},
    {"iyy", kIsoYear, kUpper, 3},
    {"iy", kIsoYear, kUpper, 2},
    {"i", kIsoYear, kUpper, 1},
    {"j", kJulian},
    {"mi", kMinute},
    {"mm", kMonth},
    {"month", kMonthName, kLower},
    {"mon", kMonthShort, kLower},
    {"ms", kFraction, kUpper, 3},
    {"of", kOffset},
    {"p.m.", kMeridiem, kLower, 4},
    {"pm", kMeridiem, kLower},
    {"q", kQuarter},
    {"rm", kRoman, kLower},
    {"sssss", kSecondsOfDay},
    {"ssss", kSecondsOfDay},
    {"ss", kSecond},
    {"tzh", kZoneHours},
    {"tzm", kZoneMinutes},
    {"tz", kZoneName, kLower},
    {"us", kFraction, kUpper, 6},
    {"ww", kWeekOfYear},
    {"w", kWeekOfMonth},
    {"y,yyy", kYearComma},
    {"yyyy", kYear, kUpper, 4},
    {"yyy", kYear, kUpper, 3},
    {"yy", kYear, kUpper, 2},
    {"y", kYear, kUpper, 1},
});

constexpr auto kKeywordNames = [] {
    std::array<View, kKeywords.size()> names;
    for (size_t i = 0; i < names.size(); ++i) names[i] = kKeywords[i].name;
    return names;
}();

constexpr View kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                            "July",    "August",   "September", "October", "November", "December"};
constexpr View kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                          "Thursday", "Friday", "Saturday"};
constexpr View kRomanMonths[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                 "VII", "VIII", "IX",  "X",  "XI", "XII"};
constexpr int kNameWidth = 9;
constexpr int kRomanWidth = 4;

/// Formats the items of one picture for one time.
class Writer {
  public:
    Writer(const ShownTime& time, std::string& out) : time_(time), civil_(time.civil), out_(out) {}

    Result<void> write(const PictureItem& item);

  private:
    Result<void> write_field(const Keyword& keyword);
    void write_date_field(const Keyword& keyword);
    void write_count_field(const Keyword& keyword);
    void write_zone_field(const Keyword& keyword);
    void write_year(int64_t year, int digits);
    void write_roman_month(Case letters);
    void write_century();

    /// At least `width` digits; one more for a sign; with FM as many as it needs.
    void number(int64_t value, int width) {
        if (fill_mode_) width = 0;
        if (value < 0 && width > 0) ++width;
        fmt::format_to(std::back_inserter(out_), "{:0{}d}", value, std::max(width, 1));
    }
    /// The same where a sign counts as a digit.
    void digits(int64_t value, int width) {
        fmt::format_to(std::back_inserter(out_), "{:0{}d}", value, fill_mode_ ? 1 : width);
    }
    void word(View text, Case letters, int width) {
        std::string shown(text);
        if (letters == kUpper) {
            std::ranges::transform(shown, shown.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
            });
        } else if (letters == kLower) {
            shown = ascii::lowered(shown);
        }
        out_ += shown;
        const size_t wanted = fill_mode_ ? 0 : static_cast<size_t>(width);
        if (shown.size() < wanted) out_.append(wanted - shown.size(), ' ');
    }
    /// Years are shown without a year 0 and without a sign; those of an interval as they are.
    int64_t shown_year(int64_t year) const {
        return time_.is_interval || year > 0 ? year : -(year - 1);
    }
    int day_of_year() const {
        if (time_.is_interval) return time_.days;
        return time_.days - days_from_civil(civil_.year, 1, 1) + 1;
    }

    const ShownTime& time_;
    const CivilTime& civil_;
    std::string& out_;
    bool fill_mode_ = false;
    int name_width_ = kNameWidth;
};

bool is_zone_field(Field field) {
    return field == kOffset || field == kZoneHours || field == kZoneMinutes || field == kZoneName;
}

/// Fields that a span of time does not have.
bool is_only_of_dates(Field field) {
    switch (field) {
        case kEra:
        case kMonthName:
        case kMonthShort:
        case kDayName:
        case kDayShort:
        case kDayOfWeek:
        case kIsoDayOfWeek:
            return true;
        default:
            return is_zone_field(field);
    }
}

Result<void> Writer::write(const PictureItem& item) {
    if (item.keyword < 0) {
        out_ += item.literal;
        return {};
    }
    fill_mode_ = item.fill_mode;
    name_width_ = item.is_localized ? 0 : kNameWidth;
    const size_t before = out_.size();
    TRY(write_field(kKeywords[static_cast<size_t>(item.keyword)]));
    if (!item.ordinal_upper && !item.ordinal_lower) return {};
    const Field field = kKeywords[static_cast<size_t>(item.keyword)].field;
    const bool is_number = field != kMeridiem && field != kEra && field != kDayName &&
                           field != kDayShort && field != kMonthName && field != kMonthShort &&
                           field != kRoman && field != kFormatExact && !is_zone_field(field);
    if (!is_number || out_.size() == before) return {};
    const View suffix = ordinal_suffix(View(out_).substr(before));
    word(suffix, item.ordinal_upper ? kUpper : kLower, 0);
    return {};
}

Result<void> Writer::write_field(const Keyword& keyword) {
    if (time_.is_interval && is_only_of_dates(keyword.field)) {
        return argument_error("22007", "invalid format specification for an interval value")
            .with_hint("Intervals are not tied to specific calendar dates.");
    }
    switch (keyword.field) {
        case kMeridiem: {
            const bool is_late = civil_.hour % 24 >= 12;
            if (keyword.digits > 0) {
                word(is_late ? "P.M." : "A.M.", keyword.letters, 0);
            } else {
                word(is_late ? "PM" : "AM", keyword.letters, 0);
            }
            break;
        }
        case kHour24:
            number(civil_.hour, 2);
            break;
        case kHour12: {
            const int hour = civil_.hour % 12;
            digits(hour == 0 ? 12 : hour, civil_.hour >= 0 ? 2 : 3);
            break;
        }
        case kMinute:
            number(civil_.minute, 2);
            break;
        case kSecond:
            number(civil_.second, 2);
            break;
        case kSecondsOfDay:
            fill_mode_ = true;
            number((civil_.hour * 60 + civil_.minute) * 60 + civil_.second, 0);
            break;
        case kFraction: {
            int value = civil_.microsecond;
            for (int i = keyword.digits; i < 6; ++i) value /= 10;
            fmt::format_to(std::back_inserter(out_), "{:0{}d}", value, keyword.digits);
            break;
        }
        case kOffset:
        case kZoneHours:
        case kZoneMinutes:
        case kZoneName:
            write_zone_field(keyword);
            break;
        default:
            write_date_field(keyword);
    }
    return {};
}

void Writer::write_zone_field(const Keyword& keyword) {
    const int size = std::abs(time_.zone_seconds);
    const char sign = time_.zone_seconds >= 0 ? '+' : '-';
    switch (keyword.field) {
        case kZoneName:
            out_ += keyword.letters == kLower ? ascii::lowered(time_.zone_name) : time_.zone_name;
            break;
        case kZoneHours:
            fmt::format_to(std::back_inserter(out_), "{}{:02}", sign, size / 3600);
            break;
        case kZoneMinutes:
            fmt::format_to(std::back_inserter(out_), "{:02}", size % 3600 / 60);
            break;
        default:
            out_ += sign;
            number(size / 3600, 2);
            if (size % 3600 != 0) {
                fmt::format_to(std::back_inserter(out_), ":{:02}", size % 3600 / 60);
            }
    }
}

void Writer::write_date_field(const Keyword& keyword) {
    const int week_day = day_of_week(time_.calendar_days);
    switch (keyword.field) {
        case kEra: {
            const bool is_before = civil_.year <= 0;
            if (keyword.digits > 0) {
                word(is_before ? "B.C." : "A.D.", keyword.letters, 0);
            } else {
                word(is_before ? "BC" : "AD", keyword.letters, 0);
            }
            break;
        }
        case kMonthName:
            word(kMonths[civil_.month - 1], keyword.letters, name_width_);
            break;
        case kMonthShort:
            word(kMonths[civil_.month - 1].substr(0, 3), keyword.letters, 0);
            break;
        case kMonth:
            number(civil_.month, 2);
            break;
        case kRoman:
            write_roman_month(keyword.letters);
            break;
        case kDayName:
            word(kDays[week_day], keyword.letters, name_width_);
            break;
        case kDayShort:
            word(kDays[week_day].substr(0, 3), keyword.letters, 0);
            break;
        default:
            write_count_field(keyword);
    }
}

/// Days, weeks, months, years and what counts them.
void Writer::write_count_field(const Keyword& keyword) {
    const int week_day = day_of_week(time_.calendar_days);
    switch (keyword.field) {
        case kDayOfYear:
            digits(day_of_year(), 3);
            break;
        case kIsoDayOfYear: {
            const IsoWeek week = iso_week_of(time_.calendar_days);
            number((week.week - 1) * 7 + (week_day == 0 ? 7 : week_day), 3);
            break;
        }
        case kDay:
            digits(civil_.day, 2);
            break;
        case kDayOfWeek:
            number(week_day + 1, 1);
            break;
        case kIsoDayOfWeek:
            number(week_day == 0 ? 7 : week_day, 1);
            break;
        case kWeekOfYear:
            digits((day_of_year() - 1) / 7 + 1, 2);
            break;
        case kIsoWeek:
            number(iso_week_of(time_.calendar_days).week, 2);
            break;
        case kWeekOfMonth:
            number((civil_.day - 1) / 7 + 1, 1);
            break;
        case kQuarter:
            if (civil_.month != 0) number((civil_.month - 1) / 3 + 1, 1);
            break;
        case kCentury:
            write_century();
            break;
        case kYearComma: {
            const int64_t year = shown_year(civil_.year);
            fmt::format_to(std::back_inserter(out_), "{},{:03d}", year / 1000, year % 1000);
            break;
        }
        case kYear:
            write_year(shown_year(civil_.year), keyword.digits);
            break;
        case kIsoYear:
            write_year(shown_year(iso_week_of(time_.calendar_days).year), keyword.digits);
            break;
        case kJulian:
            number(int64_t{time_.calendar_days} + kJulianOf2000, 1);
            break;
        default:
            break;
    }
}

void Writer::write_year(int64_t year, int digits) {
    switch (digits) {
        case 4:
            return number(year, 4);
        case 3:
            return number(year % 1000, 3);
        case 2:
            return number(year % 100, 2);
        default:
            return number(year % 10, 1);
    }
}

void Writer::write_century() {
    const int64_t year = civil_.year;
    int64_t century = year / 100;
    if (!time_.is_interval) century = year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
    number(century, 2);
}

void Writer::write_roman_month(Case letters) {
    int month = civil_.month;
    if (month == 0) {
        // Whole years of an interval end with their last month.
        if (civil_.year == 0) return;
        month = civil_.year > 0 ? kMonthsPerYear : 1;
    } else if (month < 0) {
        month += kMonthsPerYear + 1;
    }
    word(kRomanMonths[month - 1], letters, kRomanWidth);
}

}  // namespace

TimePicture::TimePicture(std::string_view picture)
    : items_(parse_picture(picture, kKeywordNames, true)) {
    for (const PictureItem& item : items_) {
        if (item.keyword < 0) continue;
        needs_zone_ |= is_zone_field(kKeywords[static_cast<size_t>(item.keyword)].field);
    }
}

Result<void> TimePicture::format(const ShownTime& time, std::string& out) const {
    Writer writer(time, out);
    for (const PictureItem& item : items_) TRY(writer.write(item));
    return {};
}

ShownTime shown_interval(const Interval64& span) {
    ShownTime shown;
    shown.is_interval = true;
    CivilTime& civil = shown.civil;
    civil.year = span.months / kMonthsPerYear;
    civil.month = span.months % kMonthsPerYear;
    civil.day = span.days;
    int64_t rest = span.us;
    civil.microsecond = static_cast<int>(rest % kMicrosPerSecond);
    rest /= kMicrosPerSecond;
    civil.second = static_cast<int>(rest % 60);
    rest /= 60;
    civil.minute = static_cast<int>(rest % 60);
    // Hours of the longest interval do not fit 31 bits; PostgreSQL 15 refuses to show those.
    civil.hour = static_cast<int>(std::clamp<int64_t>(rest / 60, INT32_MIN, INT32_MAX));
    const int year = static_cast<int>(civil.year) - (civil.month < 1 ? 1 : 0);
    const int month = civil.month + (civil.month < 1 ? kMonthsPerYear : 0);
    shown.calendar_days =
        static_cast<int32_t>(int64_t{days_from_civil(year, month, 1)} + civil.day - 1);
    shown.days = static_cast<int32_t>(int64_t{span.months} * kDaysPerMonth + span.days);
    return shown;
}

}  // namespace braid::operators
