// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "columnar/ascii.h"
#include "columnar/time_zone_internal.h"
#include "columnar/timestamp_input_internal.h"

/// Stops with the fault of a step, as TRY does with errors.
#define BRAID_STEP(...)                                                           \
    if (const Fault braid_fault_ = (__VA_ARGS__); braid_fault_ != Fault::kNone) { \
        return braid_fault_;                                                      \
    }

namespace braid::time_fields {
namespace {

/// What has been said so far; saying it twice is a syntax error.
using Said = uint32_t;
constexpr Said kYear = 1 << 0;
constexpr Said kMonth = 1 << 1;
constexpr Said kDay = 1 << 2;
constexpr Said kDate = kYear | kMonth | kDay;
constexpr Said kTime = 1 << 3;
constexpr Said kZone = 1 << 4;
constexpr Said kDayOfYear = 1 << 5;
constexpr Said kHalf = 1 << 6;
constexpr Said kEraSaid = 1 << 7;
constexpr Said kWeekdaySaid = 1 << 8;
constexpr Said kDaylightSaid = 1 << 9;
constexpr Said kSpecialSaid = 1 << 10;

constexpr int kZoneHoursMax = 15;
constexpr int kDayOfYearMax = 366;
constexpr int64_t kYearsCounted = 5'000'000;
constexpr int32_t kJulianOfEpoch = 2'451'545;  // 2000-01-01

int two_digits(std::string_view text, size_t at) {
    return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_leap_year(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int64_t year, int month) {
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return kDays[static_cast<size_t>(month - 1)] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

/// Reads the fields from left to right, as PostgreSQL does: what a number means depends on what has
/// been said before it.
class Decoder {
  public:
    Decoder(const Fields& fields, DateTime& result) : fields_(fields), result_(result) {}

    Fault decode() {
        for (index_ = 0; index_ < fields_.count(); index_++) {
            now_ = 0;
            BRAID_STEP(decode_field(fields_[index_]));
            if ((now_ & said_) != 0) return Fault::kSyntax;
            said_ |= now_;
        }
        BRAID_STEP(settle_date());
        BRAID_STEP(settle_half_day());
        return settle_zone();
    }

  private:
    /// What the word before announced.
    enum class Expected : uint8_t { kNothing, kIsoTime, kJulian };
    enum class Half : uint8_t { kNone, kAm, kPm };

    bool has_date() const { return (said_ & kDate) == kDate; }

    Fault decode_field(const Field& field) {
        switch (field.kind) {
            case FieldKind::kDate:
                return decode_joined(field.text);
            case FieldKind::kTime:
                return decode_clock(field.text);
            case FieldKind::kOffset:
                return decode_offset(field.text);
            case FieldKind::kNumber:
                return decode_number_field(field.text);
            case FieldKind::kWord:
            case FieldKind::kSpecial:
                return decode_word(field.text);
        }
        return Fault::kSyntax;
    }

    Fault decode_joined(std::string_view text);
    Fault decode_date(std::string_view text);
    Fault decode_clock(std::string_view text);
    Fault decode_offset(std::string_view text);
    Fault decode_number_field(std::string_view text);
    Fault decode_number(std::string_view text, Said said);
    Fault decode_run_together(std::string_view text, Said said);
    Fault decode_julian(std::string_view text);
    Fault decode_word(std::string_view text);
    Fault decode_known_word(Word word);
    Fault decode_zone_name(std::string_view text);
    void use_abbreviation(const zones::Abbreviation& abbreviation);
    void use_month_name(int month);
    Fault settle_date();
    Fault settle_half_day();
    Fault settle_zone();

    const Fields& fields_;
    DateTime& result_;
    CivilTime& civil_ = result_.civil;
    int index_ = 0;
    Said said_ = 0;
    Said now_ = 0;  // by the field at hand
    Expected expected_ = Expected::kNothing;
    Half half_ = Half::kNone;
    bool month_by_name_ = false;
    bool two_digit_year_ = false;
    bool before_christ_ = false;
    bool julian_ = false;
    int day_of_year_ = 0;
};

Fault Decoder::decode_joined(std::string_view text) {
    // Month and day will do: the year may stand last, behind the zone.
    const bool has_day = (said_ & (kMonth | kDay)) == (kMonth | kDay);
    if (expected_ == Expected::kNothing && !has_day) return decode_date(text);
    if (expected_ == Expected::kNothing && !ascii::is_digit(text.front()))
        return decode_zone_name(text);
    // A time without colons, then a zone: 100503-08.
    if (expected_ == Expected::kJulian || (said_ & kTime) != 0) return Fault::kSyntax;
    expected_ = Expected::kNothing;
    const size_t minus = text.find('-');
    if (minus == std::string_view::npos) return Fault::kSyntax;
    BRAID_STEP(decode_offset(text.substr(minus)));
    BRAID_STEP(decode_run_together(text.substr(0, minus), said_));
    now_ |= kZone;
    return Fault::kNone;
}

Fault Decoder::decode_date(std::string_view text) {
    constexpr size_t kPartsMax = 25;
    std::array<std::string_view, kPartsMax> parts;
    size_t count = 0;
    const auto is_part = [](char c) { return ascii::is_digit(c) || ascii::is_alpha(c); };
    for (size_t at = 0; at < text.size() && count < kPartsMax;) {
        while (at < text.size() && !is_part(text[at])) at++;
        if (at == text.size()) return Fault::kSyntax;
        const auto same = ascii::is_digit(text[at]) ? ascii::is_digit : ascii::is_alpha;
        const size_t from = at;
        while (at < text.size() && same(text[at])) at++;
        parts[count++] = text.substr(from, at - from);
        // One character behind a part goes with it, whatever it is.
        if (at < text.size()) at++;
    }
    Said said = said_;
    // A month named before the field does not count for the numbers in it.
    const bool month_named_before = month_by_name_;
    month_by_name_ = false;
    for (size_t i = 0; i < count; i++) {
        if (!ascii::is_alpha(parts[i].front())) continue;
        const Word word = find_word(parts[i]);
        if (word.kind == WordKind::kIgnored) continue;
        if (word.kind != WordKind::kMonth || (said & kMonth) != 0) return Fault::kSyntax;
        civil_.month = word.value;
        month_by_name_ = true;
        said |= kMonth;
        parts[i] = {};
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].empty()) continue;
        now_ = 0;
        BRAID_STEP(decode_number(parts[i], said));
        if ((said & now_) != 0) return Fault::kSyntax;
        said |= now_;
    }
    now_ = said & ~said_;
    month_by_name_ = month_named_before;
    return (said & ~(kDayOfYear | kZone)) == kDate ? Fault::kNone : Fault::kSyntax;
}

Fault Decoder::decode_clock(std::string_view text) {
    if (expected_ == Expected::kJulian) return Fault::kSyntax;
    expected_ = Expected::kNothing;
    ClockTime time;
    now_ = kTime;
    BRAID_STEP(read_clock_time(text, time));
    if (time.hour > 24) return Fault::kField;
    const int64_t seconds = (time.hour * 60 + time.minute) * 60 + time.second;
    if (seconds * kMicrosPerSecond + time.microsecond > kMicrosPerDay) return Fault::kField;
    civil_.hour = static_cast<int>(time.hour);
    civil_.minute = time.minute;
    civil_.second = time.second;
    civil_.microsecond = time.microsecond;
    return Fault::kNone;
}

Fault Decoder::decode_offset(std::string_view text) {
    now_ = kZone;
    const Number hours = read_number(text.substr(1));
    if (!hours.in_range) return Fault::kZoneOffset;
    Number minutes{0, hours.rest};
    Number seconds{0, hours.rest};
    int hour = hours.value;
    if (hours.rest.starts_with(':')) {
        minutes = seconds = read_number(hours.rest.substr(1));
        seconds.value = 0;
        if (minutes.rest.starts_with(':')) seconds = read_number(minutes.rest.substr(1));
    } else if (hours.rest.empty() && text.size() > 3) {
        minutes.value = hour % 100;
        hour /= 100;
    }
    if (!minutes.in_range || !seconds.in_range) return Fault::kZoneOffset;
    if (hour < 0 || hour > kZoneHoursMax || minutes.value < 0 || minutes.value > 59 ||
        seconds.value < 0 || seconds.value > 59) {
        return Fault::kZoneOffset;
    }
    if (!seconds.rest.empty()) return Fault::kSyntax;
    const int offset = (hour * 60 + minutes.value) * 60 + seconds.value;
    result_.zone_kind = DateTime::Zone::kOffset;
    result_.offset_seconds = text.front() == '-' ? -offset : offset;
    return Fault::kNone;
}

Fault Decoder::decode_number_field(std::string_view text) {
    const Expected expected = expected_;
    expected_ = Expected::kNothing;
    if (expected == Expected::kJulian) return decode_julian(text);
    if (expected == Expected::kIsoTime) {
        if (!read_number(text).in_range) return Fault::kField;
        BRAID_STEP(decode_run_together(text, said_ | kDate));
        return now_ == kTime ? Fault::kNone : Fault::kSyntax;
    }
    const size_t point = text.find('.');
    if (point != std::string_view::npos) {
        if ((said_ & kDate) == 0) return decode_date(text);
        if (point > 2) return decode_run_together(text, said_);
        return decode_number(text, said_);
    }
    // Six digits or more are a run-together date or time while one of them is missing.
    const bool complete = (said_ & kDate) != 0 && (said_ & kTime) != 0;
    if (text.size() >= 6 && !complete) return decode_run_together(text, said_);
    return decode_number(text, said_);
}

Fault Decoder::decode_number(std::string_view text, Said said) {
    const Number number = read_number(text);
    if (!number.in_range) return Fault::kField;
    if (number.rest.size() == text.size()) return Fault::kSyntax;
    if (number.rest.starts_with('.')) {
        if (text.size() - number.rest.size() > 2) return decode_run_together(text, said | kDate);
        double fraction = 0;
        if (!read_fraction(number.rest, fraction)) return Fault::kSyntax;
        civil_.microsecond = static_cast<int>(std::rint(fraction * 1'000'000));
    } else if (!number.rest.empty()) {
        return Fault::kSyntax;
    }
    const int value = number.value;
    if (text.size() == 3 && (said & kDate) == kYear && value >= 1 && value <= kDayOfYearMax) {
        now_ = kDayOfYear | kMonth | kDay;
        day_of_year_ = value;
        return Fault::kNone;
    }
    const bool long_enough_for_year = text.size() >= 3;
    switch (said & kDate) {
        case 0:
            now_ = long_enough_for_year ? kYear : kMonth;
            break;
        case kMonth:
            now_ = month_by_name_ && long_enough_for_year ? kYear : kDay;
            break;
        case kYear | kMonth:
            if (month_by_name_ && long_enough_for_year && two_digit_year_) {
                // 20-May-2015: the first number was the day after all.
                now_ = kDay;
                civil_.day = static_cast<int>(civil_.year);
                civil_.year = value;
                two_digit_year_ = false;
                return Fault::kNone;
            }
            now_ = kDay;
            break;
        case kYear:
        case kDay:
            now_ = kMonth;
            break;
        case kMonth | kDay:
            now_ = kYear;
            break;
        case kDate:
            return decode_run_together(text, said);
        default:
            return Fault::kSyntax;
    }
    if (now_ == kMonth) civil_.month = value;
    if (now_ == kDay) civil_.day = value;
    if (now_ == kYear) {
        civil_.year = value;
        two_digit_year_ = text.size() <= 2;
    }
    return Fault::kNone;
}

/// yyyymmdd, yymmdd, hhmmss and hhmm, times with a fraction.
Fault Decoder::decode_run_together(std::string_view text, Said said) {
    const size_t point = text.find('.');
    const std::string_view digits = text.substr(0, point);
    if (point != std::string_view::npos) {
        double fraction = 0;
        if (!read_fraction(text.substr(point), fraction)) return Fault::kSyntax;
        civil_.microsecond = static_cast<int>(std::rint(fraction * 1'000'000));
    } else if ((said & kDate) != kDate && digits.size() >= 6) {
        now_ = kDate;
        const Number year = read_number(digits.substr(0, digits.size() - 4));
        if (!year.in_range) return Fault::kField;
        civil_.year = year.value;
        civil_.month = two_digits(digits, digits.size() - 4);
        civil_.day = two_digits(digits, digits.size() - 2);
        two_digit_year_ = two_digit_year_ || digits.size() == 6;
        return Fault::kNone;
    }
    if ((said & kTime) != 0 || (digits.size() != 6 && digits.size() != 4)) return Fault::kSyntax;
    now_ = kTime;
    civil_.hour = two_digits(digits, 0);
    civil_.minute = two_digits(digits, 2);
    civil_.second = digits.size() == 6 ? two_digits(digits, 4) : 0;
    return Fault::kNone;
}

Fault Decoder::decode_julian(std::string_view text) {
    const Number number = read_number(text);
    if (!number.in_range || number.value < 0) return Fault::kField;
    if (!number.rest.empty() && !number.rest.starts_with('.')) return Fault::kSyntax;
    now_ = kDate;
    civil_from_days(number.value - kJulianOfEpoch, civil_);
    julian_ = true;
    if (number.rest.empty()) return Fault::kNone;
    double fraction = 0;
    if (!read_fraction(number.rest, fraction)) return Fault::kSyntax;
    const CivilTime time = civil_from_us(static_cast<int64_t>(fraction * kMicrosPerDay));
    civil_.hour = time.hour;
    civil_.minute = time.minute;
    civil_.second = time.second;
    civil_.microsecond = time.microsecond;
    now_ |= kTime;
    return Fault::kNone;
}

Fault Decoder::decode_word(std::string_view text) {
    if (const zones::Abbreviation* abbreviation = zones::find_abbreviation(text)) {
        use_abbreviation(*abbreviation);
        return Fault::kNone;
    }
    const Word word = find_word(text);
    if (word.kind != WordKind::kUnknown) return decode_known_word(word);
    const Fault fault = decode_zone_name(text);
    return fault == Fault::kZoneName ? Fault::kSyntax : fault;
}

Fault Decoder::decode_known_word(Word word) {
    switch (word.kind) {
        case WordKind::kIgnored:
            return Fault::kNone;
        case WordKind::kMonth:
            use_month_name(word.value);
            return Fault::kNone;
        case WordKind::kWeekday:
            now_ = kWeekdaySaid;
            return Fault::kNone;
        case WordKind::kHalfDay:
            now_ = kHalf;
            half_ = word.value == 0 ? Half::kAm : Half::kPm;
            return Fault::kNone;
        case WordKind::kEra:
            now_ = kEraSaid;
            before_christ_ = word.value == 1;
            return Fault::kNone;
        case WordKind::kDaylight:
            now_ = kDaylightSaid;
            result_.offset_seconds += word.value;
            return Fault::kNone;
        case WordKind::kEpoch:
        case WordKind::kInfinity:
        case WordKind::kNegativeInfinity:
            now_ = kSpecialSaid;
            result_.kind = word.kind == WordKind::kEpoch      ? DateTime::Kind::kEpoch
                           : word.kind == WordKind::kInfinity ? DateTime::Kind::kInfinity
                                                              : DateTime::Kind::kNegativeInfinity;
            return Fault::kNone;
        case WordKind::kMidnightUtc:
            now_ = kTime | kZone;
            civil_.hour = civil_.minute = civil_.second = 0;
            result_.zone_kind = DateTime::Zone::kOffset;
            result_.offset_seconds = 0;
            return Fault::kNone;
        case WordKind::kNeedsClock:
            return Fault::kNeedsClock;
        case WordKind::kIsoTime: {
            if (!has_date() || index_ + 1 >= fields_.count()) return Fault::kSyntax;
            const FieldKind next = fields_[index_ + 1].kind;
            expected_ = Expected::kIsoTime;
            return next == FieldKind::kNumber || next == FieldKind::kTime ||
                           next == FieldKind::kDate
                       ? Fault::kNone
                       : Fault::kSyntax;
        }
        case WordKind::kJulian:
            expected_ = Expected::kJulian;
            return Fault::kNone;
        case WordKind::kOther:
        case WordKind::kUnknown:
            break;
    }
    return Fault::kSyntax;
}

void Decoder::use_month_name(int month) {
    now_ = kMonth;
    // "20 May": what was taken for the number of a month is the day.
    if ((said_ & kMonth) != 0 && !month_by_name_ && (said_ & kDay) == 0 && civil_.month >= 1 &&
        civil_.month <= 31) {
        civil_.day = civil_.month;
        now_ = kDay;
    }
    month_by_name_ = true;
    civil_.month = month;
}

Fault Decoder::decode_zone_name(std::string_view text) {
    result_.named_zone = zones::find_named_zone(text);
    result_.unknown_zone = text;
    if (!result_.named_zone) return Fault::kZoneName;
    result_.zone_kind = DateTime::Zone::kNamed;
    now_ = kZone;
    return Fault::kNone;
}

void Decoder::use_abbreviation(const zones::Abbreviation& abbreviation) {
    now_ = kZone;
    if (!abbreviation.zone.empty()) {
        result_.zone_kind = DateTime::Zone::kNamed;
        result_.named_zone = zones::zone_of(abbreviation);
        return;
    }
    result_.zone_kind = DateTime::Zone::kOffset;
    result_.offset_seconds = abbreviation.offset_seconds;
}

Fault Decoder::settle_date() {
    if ((said_ & kYear) != 0 && !julian_) {
        if (civil_.year < 0 || (civil_.year == 0 && (before_christ_ || !two_digit_year_))) {
            return Fault::kField;
        }
        if (before_christ_) {
            civil_.year = 1 - civil_.year;
        } else if (two_digit_year_) {
            civil_.year += civil_.year < 70 ? 2000 : civil_.year < 100 ? 1900 : 0;
        }
    }
    if ((said_ & kDayOfYear) != 0) {
        // A year out of range is refused later, by the type.
        if (civil_.year < kYearsCounted) {
            civil_from_days(days_from_civil(civil_.year, 1, 1) + day_of_year_ - 1, civil_);
        }
    }
    if ((said_ & kMonth) != 0 && (civil_.month < 1 || civil_.month > 12)) return Fault::kMonthOrDay;
    if ((said_ & kDay) != 0 && (civil_.day < 1 || civil_.day > 31)) return Fault::kMonthOrDay;
    if (has_date() && civil_.day > days_in_month(civil_.year, civil_.month)) return Fault::kField;
    return Fault::kNone;
}

Fault Decoder::settle_half_day() {
    if (half_ == Half::kNone) return Fault::kNone;
    if (civil_.hour > 12) return Fault::kField;
    if (half_ == Half::kAm && civil_.hour == 12) civil_.hour = 0;
    if (half_ == Half::kPm && civil_.hour != 12) civil_.hour += 12;
    return Fault::kNone;
}

Fault Decoder::settle_zone() {
    if (result_.kind != DateTime::Kind::kCivil) return Fault::kNone;
    if (!has_date()) return Fault::kSyntax;
    // "dst" shifts an offset only.
    const bool daylight = (said_ & kDaylightSaid) != 0;
    if (daylight && result_.zone_kind != DateTime::Zone::kOffset) return Fault::kSyntax;
    return Fault::kNone;
}

}  // namespace

Fault decode_date_time(const Fields& fields, DateTime& result) {
    return Decoder(fields, result).decode();
}

}  // namespace braid::time_fields
