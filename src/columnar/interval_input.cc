// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/ascii.h"
#include "columnar/text_io_internal.h"
#include "columnar/time_fields_internal.h"
#include "columnar/time_zone.h"

namespace braid::text_io {
namespace {

using time_fields::Fault;
using time_fields::Field;
using time_fields::FieldKind;
using time_fields::Fields;

constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
constexpr int kDaysPerMonth = 30;
constexpr int kDaysPerWeek = 7;
constexpr int kMonthsPerYear = 12;

enum class Unit : uint8_t {
    kNone,
    kMicrosecond,
    kMillisecond,
    kSecond,
    kMinute,
    kHour,
    kDay,
    kWeek,
    kMonth,
    kYear,
    kDecade,
    kCentury,
    kMillennium,
    kAgo,  // what stands before counts backwards
};

struct NamedUnit {
    std::string_view name;
    Unit unit;
};

/// Names are told apart by their first ten letters.
constexpr size_t kNameLettersMax = 10;
constexpr auto kUnits = std::to_array<NamedUnit>({
    {"ago", Unit::kAgo},
    {"c", Unit::kCentury},
    {"cent", Unit::kCentury},
    {"centuries", Unit::kCentury},
    {"century", Unit::kCentury},
    {"d", Unit::kDay},
    {"day", Unit::kDay},
    {"days", Unit::kDay},
    {"dec", Unit::kDecade},
    {"decade", Unit::kDecade},
    {"decades", Unit::kDecade},
    {"decs", Unit::kDecade},
    {"h", Unit::kHour},
    {"hour", Unit::kHour},
    {"hours", Unit::kHour},
    {"hr", Unit::kHour},
    {"hrs", Unit::kHour},
    {"m", Unit::kMinute},
    {"microsecon", Unit::kMicrosecond},
    {"mil", Unit::kMillennium},
    {"millennia", Unit::kMillennium},
    {"millennium", Unit::kMillennium},
    {"millisecon", Unit::kMillisecond},
    {"mils", Unit::kMillennium},
    {"min", Unit::kMinute},
    {"mins", Unit::kMinute},
    {"minute", Unit::kMinute},
    {"minutes", Unit::kMinute},
    {"mon", Unit::kMonth},
    {"mons", Unit::kMonth},
    {"month", Unit::kMonth},
    {"months", Unit::kMonth},
    {"ms", Unit::kMillisecond},
    {"msec", Unit::kMillisecond},
    {"mseconds", Unit::kMillisecond},
    {"msecs", Unit::kMillisecond},
    {"s", Unit::kSecond},
    {"sec", Unit::kSecond},
    {"second", Unit::kSecond},
    {"seconds", Unit::kSecond},
    {"secs", Unit::kSecond},
    {"us", Unit::kMicrosecond},
    {"usec", Unit::kMicrosecond},
    {"usecond", Unit::kMicrosecond},
    {"useconds", Unit::kMicrosecond},
    {"usecs", Unit::kMicrosecond},
    {"w", Unit::kWeek},
    {"week", Unit::kWeek},
    {"weeks", Unit::kWeek},
    {"y", Unit::kYear},
    {"year", Unit::kYear},
    {"years", Unit::kYear},
    {"yr", Unit::kYear},
    {"yrs", Unit::kYear},
});
static_assert(std::ranges::is_sorted(kUnits, {}, &NamedUnit::name));

Unit find_unit(std::string_view lower) {
    const std::string_view name = lower.substr(0, kNameLettersMax);
    const auto found = std::ranges::lower_bound(kUnits, name, {}, &NamedUnit::name);
    return found != kUnits.end() && found->name == name ? found->unit : Unit::kNone;
}

/// A whole part and a fraction of the same sign, |fraction| < 1.
struct Amount {
    int64_t whole = 0;
    double fraction = 0;
};

/// The sum so far. Each method says false when a part would overflow.
class Sum {
  public:
    bool add_us(const Amount& amount, int64_t us_per_unit) {
        int64_t us = 0;
        return !__builtin_mul_overflow(amount.whole, us_per_unit, &us) &&
               !__builtin_add_overflow(us_, us, &us_) && add_fraction(amount.fraction, us_per_unit);
    }
    bool add_days(const Amount& amount) {
        return add_whole_days(amount.whole, 1) && add_fraction(amount.fraction, kMicrosPerDay);
    }
    bool add_weeks(const Amount& amount) {
        return add_whole_days(amount.whole, kDaysPerWeek) &&
               add_fraction_of_days(amount.fraction, kDaysPerWeek);
    }
    bool add_months(const Amount& amount) {
        return add_whole(months_, amount.whole, 1) &&
               add_fraction_of_days(amount.fraction, kDaysPerMonth);
    }
    bool add_years(const Amount& amount, int years_per_unit) {
        if (!add_whole(years_, amount.whole, years_per_unit)) return false;
        const double months = std::rint(amount.fraction * years_per_unit * kMonthsPerYear);
        return add_whole(months_, static_cast<int64_t>(months), 1);
    }
    bool add_clock_time(const time_fields::ClockTime& time, bool negative) {
        int64_t us = 0;
        if (__builtin_mul_overflow(time.hour, kMicrosPerHour, &us)) return false;
        const int64_t rest =
            time.minute * kMicrosPerMinute + time.second * kMicrosPerSecond + time.microsecond;
        if (__builtin_add_overflow(us, rest, &us)) return false;
        return !__builtin_add_overflow(us_, negative ? -us : us, &us_);
    }
    bool turn_back() {
        return !__builtin_sub_overflow(int64_t{0}, us_, &us_) &&
               !__builtin_sub_overflow(0, days_, &days_) &&
               !__builtin_sub_overflow(0, months_, &months_) &&
               !__builtin_sub_overflow(0, years_, &years_);
    }
    bool to_interval(Interval64& interval) const {
        const int64_t months = int64_t{years_} * kMonthsPerYear + months_;
        if (months < INT32_MIN || months > INT32_MAX) return false;
        interval = {us_, days_, static_cast<int32_t>(months)};
        return true;
    }

  private:
    static bool add_whole(int32_t& sum, int64_t value, int factor) {
        if (value < INT32_MIN || value > INT32_MAX) return false;
        int32_t product = 0;
        return !__builtin_mul_overflow(static_cast<int32_t>(value), factor, &product) &&
               !__builtin_add_overflow(sum, product, &sum);
    }
    bool add_whole_days(int64_t value, int factor) { return add_whole(days_, value, factor); }
    bool add_fraction(double fraction, int64_t us_per_unit) {
        if (fraction == 0) return true;
        fraction *= static_cast<double>(us_per_unit);
        auto us = static_cast<int64_t>(fraction);
        fraction -= static_cast<double>(us);
        us += fraction > 0.5 ? 1 : fraction < -0.5 ? -1 : 0;
        return !__builtin_add_overflow(us_, us, &us_);
    }
    bool add_fraction_of_days(double fraction, int days_per_unit) {
        if (fraction == 0) return true;
        fraction *= days_per_unit;
        const auto days = static_cast<int32_t>(fraction);
        return !__builtin_add_overflow(days_, days, &days_) &&
               add_fraction(fraction - days, kMicrosPerDay);
    }

    int64_t us_ = 0;
    int32_t days_ = 0;
    int32_t months_ = 0;
    int32_t years_ = 0;
};

bool add_amount(Sum& sum, const Amount& amount, Unit unit) {
    switch (unit) {
        case Unit::kMicrosecond:
            return sum.add_us(amount, 1);
        case Unit::kMillisecond:
            return sum.add_us(amount, kMicrosPerSecond / 1000);
        case Unit::kSecond:
            return sum.add_us(amount, kMicrosPerSecond);
        case Unit::kMinute:
            return sum.add_us(amount, kMicrosPerMinute);
        case Unit::kHour:
            return sum.add_us(amount, kMicrosPerHour);
        case Unit::kDay:
            return sum.add_days(amount);
        case Unit::kWeek:
            return sum.add_weeks(amount);
        case Unit::kMonth:
            return sum.add_months(amount);
        case Unit::kYear:
            return sum.add_years(amount, 1);
        case Unit::kDecade:
            return sum.add_years(amount, 10);
        case Unit::kCentury:
            return sum.add_years(amount, 100);
        case Unit::kMillennium:
            return sum.add_years(amount, 1000);
        case Unit::kNone:
        case Unit::kAgo:
            break;
    }
    return false;
}

bool counts_something(Unit unit) { return unit != Unit::kNone && unit != Unit::kAgo; }

/// "1 day 02:03:04", "1-2", "@ 1 min ago": amounts before their units, so it is read from the
/// right.
class VerboseReader {
  public:
    explicit VerboseReader(Sum& sum) : sum_(sum) {}

    Fault read(const Fields& fields) {
        bool backwards = false;
        for (int i = fields.count() - 1; i >= 0; i--) {
            said_now_ = 0;
            const Field& field = fields[i];
            Fault fault = Fault::kNone;
            switch (field.kind) {
                case FieldKind::kTime:
                    fault = read_time(field.text, /* negative= */ false);
                    break;
                case FieldKind::kOffset:
                    fault = read_signed(field.text);
                    break;
                case FieldKind::kDate:
                case FieldKind::kNumber:
                    fault = read_amount(field.text);
                    break;
                case FieldKind::kWord:
                case FieldKind::kSpecial: {
                    const Unit unit = find_unit(field.text);
                    if (unit == Unit::kNone) fault = Fault::kSyntax;
                    if (unit == Unit::kAgo) backwards = true;
                    unit_ = unit;
                    break;
                }
            }
            if (fault != Fault::kNone) return fault;
            if ((said_now_ & said_) != 0) return Fault::kSyntax;
            said_ |= said_now_;
        }
        if (said_ == 0) return Fault::kSyntax;
        return !backwards || sum_.turn_back() ? Fault::kNone : Fault::kInterval;
    }

  private:
    static uint32_t bit(Unit unit) { return uint32_t{1} << static_cast<int>(unit); }
    static uint32_t seconds() {
        return bit(Unit::kSecond) | bit(Unit::kMillisecond) | bit(Unit::kMicrosecond);
    }

    Fault read_time(std::string_view text, bool negative) {
        said_now_ = bit(Unit::kHour) | bit(Unit::kMinute) | seconds();
        time_fields::ClockTime time;
        const Fault fault = time_fields::read_clock_time(text, time);
        if (fault != Fault::kNone) return fault == Fault::kField ? Fault::kInterval : fault;
        if ((said_now_ & said_) != 0) return Fault::kSyntax;
        // An amount without unit before a time counts days.
        unit_ = Unit::kDay;
        return sum_.add_clock_time(time, negative) ? Fault::kNone : Fault::kInterval;
    }

    Fault read_signed(std::string_view text) {
        time_fields::ClockTime time;
        const std::string_view digits = text.substr(1);
        // What is no time after all fails as an amount, with that error.
        if (digits.contains(':') && time_fields::read_clock_time(digits, time) == Fault::kNone &&
            Sum().add_clock_time(time, /* negative= */ false)) {
            return read_time(digits, text.front() == '-');
        }
        return read_amount(text);
    }

    Fault read_amount(std::string_view text) {
        if (unit_ == Unit::kNone) unit_ = Unit::kSecond;
        const bool negative = text.front() == '-';
        Amount amount;
        const char* from = text.data() + (text.front() == '+' ? 1 : 0);
        const char* end = text.data() + text.size();
        const auto [at, error] = std::from_chars(from, end, amount.whole);
        if (error == std::errc::result_out_of_range) return Fault::kInterval;
        const std::string_view rest(at, static_cast<size_t>(end - at));
        if (rest.starts_with('-')) {
            const Fault fault = read_months_behind_years(rest.substr(1), negative, amount);
            if (fault != Fault::kNone) return fault;
        } else if (rest.starts_with('.')) {
            if (!time_fields::read_fraction(rest, amount.fraction)) return Fault::kSyntax;
            if (negative) amount.fraction = -amount.fraction;
        } else if (!rest.empty()) {
            return Fault::kSyntax;
        }
        if (!counts_something(unit_)) return Fault::kSyntax;
        if (!add_amount(sum_, amount, unit_)) return Fault::kInterval;
        said_now_ = unit_ == Unit::kSecond && amount.fraction != 0 ? seconds() : bit(unit_);
        // "1 2 hours" and "1 02:03" count a day first.
        if (unit_ == Unit::kHour) unit_ = Unit::kDay;
        return Fault::kNone;
    }

    /// "1-2" is a year and two months.
    Fault read_months_behind_years(std::string_view text, bool negative, Amount& amount) {
        const time_fields::Number months = time_fields::read_number(text);
        if (!months.in_range || months.value < 0 || months.value >= kMonthsPerYear) {
            return Fault::kInterval;
        }
        if (!months.rest.empty()) return Fault::kSyntax;
        unit_ = Unit::kMonth;
        const bool too_large =
            __builtin_mul_overflow(amount.whole, int64_t{kMonthsPerYear}, &amount.whole) ||
            __builtin_add_overflow(amount.whole, negative ? -months.value : months.value,
                                   &amount.whole);
        return too_large ? Fault::kInterval : Fault::kNone;
    }

    Sum& sum_;
    Unit unit_ = Unit::kNone;
    uint32_t said_ = 0;
    uint32_t said_now_ = 0;
};

/// ISO 8601: "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06", "P00010203T040506".
class IsoReader {
  public:
    IsoReader(Sum& sum, std::string_view text) : sum_(sum), rest_(text) {}

    Fault read() {
        if (rest_.size() < 2 || rest_.front() != 'P') return Fault::kSyntax;
        rest_.remove_prefix(1);
        while (!rest_.empty() && !done_) {
            if (take('T')) {
                in_time_ = true;
                has_field_ = false;
                continue;
            }
            Amount amount;
            const Fault fault = read_part(amount);
            if (fault != Fault::kNone) return fault;
            has_field_ = true;
        }
        return Fault::kNone;
    }

  private:
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    Fault read_number(Amount& amount) {
        constexpr double kBound = 1.0e15;
        if (rest_.empty()) return Fault::kSyntax;
        const char first = rest_.front();
        if (!ascii::is_digit(first) && first != '-' && first != '.') return Fault::kSyntax;
        double value = 0;
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc()) return Fault::kSyntax;
        rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
        if (!(value >= -kBound && value <= kBound)) return Fault::kInterval;
        amount.whole = static_cast<int64_t>(value);
        amount.fraction = value - static_cast<double>(amount.whole);
        return Fault::kNone;
    }

    Fault add(const Amount& amount, Unit unit) {
        return add_amount(sum_, amount, unit) ? Fault::kNone : Fault::kInterval;
    }

    Fault read_part(Amount& amount) {
        const std::string_view from = rest_;
        Fault fault = read_number(amount);
        if (fault != Fault::kNone) return fault;
        const size_t sign = from.starts_with('-') ? 1 : 0;
        const size_t digits =
            std::min(from.find_first_not_of("0123456789", sign), from.size()) - sign;
        const char designator = rest_.empty() ? '\0' : rest_.front();
        const bool at_end = designator == '\0' || (designator == 'T' && !in_time_);
        if (at_end && !has_field_ && digits == (in_time_ ? 6 : 8)) return add_basic(amount);
        if (at_end || designator == (in_time_ ? ':' : '-')) {
            return in_time_ ? read_extended_time(amount) : read_extended_date(amount);
        }
        const Unit unit = unit_of(designator);
        if (unit == Unit::kNone) return Fault::kSyntax;
        rest_.remove_prefix(1);
        return add(amount, unit);
    }

    Unit unit_of(char designator) const {
        switch (designator) {
            case 'Y':
                return in_time_ ? Unit::kNone : Unit::kYear;
            case 'M':
                return in_time_ ? Unit::kMinute : Unit::kMonth;
            case 'W':
                return in_time_ ? Unit::kNone : Unit::kWeek;
            case 'D':
                return in_time_ ? Unit::kNone : Unit::kDay;
            case 'H':
                return in_time_ ? Unit::kHour : Unit::kNone;
            case 'S':
                return in_time_ ? Unit::kSecond : Unit::kNone;
            default:
                return Unit::kNone;
        }
    }

    /// yyyymmdd or hhmmss; a fraction belongs to the last unit.
    Fault add_basic(const Amount& amount) {
        const std::array<Unit, 3> units = {in_time_ ? Unit::kHour : Unit::kYear,
                                           in_time_ ? Unit::kMinute : Unit::kMonth,
                                           in_time_ ? Unit::kSecond : Unit::kDay};
        Fault fault = add({amount.whole / 10'000, 0}, units[0]);
        if (fault == Fault::kNone) fault = add({amount.whole / 100 % 100, 0}, units[1]);
        if (fault == Fault::kNone) fault = add({amount.whole % 100, amount.fraction}, units[2]);
        done_ = rest_.empty();
        return fault;
    }

    /// years-months-days, from behind the years.
    Fault read_extended_date(Amount& amount) {
        if (has_field_) return Fault::kSyntax;
        Fault fault = add(amount, Unit::kYear);
        for (const Unit unit : {Unit::kMonth, Unit::kDay}) {
            if (fault != Fault::kNone || rest_.empty() || rest_.front() == 'T') return fault;
            if (!take('-')) return Fault::kSyntax;
            fault = read_number(amount);
            if (fault == Fault::kNone) fault = add(amount, unit);
        }
        if (fault == Fault::kNone && !rest_.empty() && rest_.front() != 'T') return Fault::kSyntax;
        return fault;
    }

    /// hours:minutes:seconds, from behind the hours; nothing may follow.
    Fault read_extended_time(Amount& amount) {
        if (has_field_) return Fault::kSyntax;
        Fault fault = add(amount, Unit::kHour);
        for (const Unit unit : {Unit::kMinute, Unit::kSecond}) {
            if (fault != Fault::kNone || rest_.empty()) return fault;
            if (!take(':')) return Fault::kSyntax;
            fault = read_number(amount);
            if (fault == Fault::kNone) fault = add(amount, unit);
        }
        return fault == Fault::kNone && !rest_.empty() ? Fault::kSyntax : fault;
    }

    Sum& sum_;
    std::string_view rest_;
    bool in_time_ = false;
    bool has_field_ = false;
    bool done_ = false;
};

}  // namespace

Result<Interval64> parse_interval(std::string_view text) {
    Fields fields;
    Sum sum;
    Fault fault = fields.split(text);
    if (fault == Fault::kNone) fault = VerboseReader(sum).read(fields);
    if (fault == Fault::kSyntax) {
        sum = Sum();
        fault = IsoReader(sum, text).read();
    }
    if (fault != Fault::kNone) {
        return time_fields::error_of(fault, text, Type::of(TypeKind::kInterval));
    }
    Interval64 interval;
    if (!sum.to_interval(interval)) {
        return invalid_input("interval out of range").with_sqlstate("22008");
    }
    return interval;
}

}  // namespace braid::text_io
