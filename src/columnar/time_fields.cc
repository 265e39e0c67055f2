// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/error_makers.h"
#include "columnar/ascii.h"
#include "columnar/time_fields_internal.h"

namespace braid::time_fields {
namespace {

constexpr int kSecondsPerHour = 3600;

struct NamedWord {
    std::string_view name;
    Word word;
};

using enum WordKind;

constexpr auto kWords = std::to_array<NamedWord>({
    {"-infinity", {kNegativeInfinity, 0}},
    {"ad", {kEra, 0}},
    {"allballs", {kMidnightUtc, 0}},
    {"am", {kHalfDay, 0}},
    {"apr", {kMonth, 4}},
    {"april", {kMonth, 4}},
    {"at", {kIgnored, 0}},
    {"aug", {kMonth, 8}},
    {"august", {kMonth, 8}},
    {"bc", {kEra, 1}},
    {"d", {kOther, 0}},
    {"dec", {kMonth, 12}},
    {"december", {kMonth, 12}},
    {"dow", {kOther, 0}},
    {"doy", {kOther, 0}},
    {"dst", {kDaylight, kSecondsPerHour}},
    {"epoch", {kEpoch, 0}},
    {"feb", {kMonth, 2}},
    {"february", {kMonth, 2}},
    {"fri", {kWeekday, 5}},
    {"friday", {kWeekday, 5}},
    {"h", {kOther, 0}},
    {"infinity", {kInfinity, 0}},
    {"isodow", {kOther, 0}},
    {"isoyear", {kOther, 0}},
    {"j", {kJulian, 0}},
    {"jan", {kMonth, 1}},
    {"january", {kMonth, 1}},
    {"jd", {kJulian, 0}},
    {"jul", {kMonth, 7}},
    {"julian", {kJulian, 0}},
    {"july", {kMonth, 7}},
    {"jun", {kMonth, 6}},
    {"june", {kMonth, 6}},
    {"m", {kOther, 0}},
    {"mar", {kMonth, 3}},
    {"march", {kMonth, 3}},
    {"may", {kMonth, 5}},
    {"mm", {kOther, 0}},
    {"mon", {kWeekday, 1}},
    {"monday", {kWeekday, 1}},
    {"nov", {kMonth, 11}},
    {"november", {kMonth, 11}},
    {"now", {kNeedsClock, 0}},
    {"oct", {kMonth, 10}},
    {"october", {kMonth, 10}},
    {"on", {kIgnored, 0}},
    {"pm", {kHalfDay, 1}},
    {"s", {kOther, 0}},
    {"sat", {kWeekday, 6}},
    {"saturday", {kWeekday, 6}},
    {"sep", {kMonth, 9}},
    {"sept", {kMonth, 9}},
    {"september", {kMonth, 9}},
    {"sun", {kWeekday, 0}},
    {"sunday", {kWeekday, 0}},
    {"t", {kIsoTime, 0}},
    {"thu", {kWeekday, 4}},
    {"thur", {kWeekday, 4}},
    {"thurs", {kWeekday, 4}},
    {"thursday", {kWeekday, 4}},
    {"today", {kNeedsClock, 0}},
    {"tomorrow", {kNeedsClock, 0}},
    {"tue", {kWeekday, 2}},
    {"tues", {kWeekday, 2}},
    {"tuesday", {kWeekday, 2}},
    {"wed", {kWeekday, 3}},
    {"wednesday", {kWeekday, 3}},
    {"weds", {kWeekday, 3}},
    {"y", {kOther, 0}},
    {"yesterday", {kNeedsClock, 0}},
});
static_assert(std::ranges::is_sorted(kWords, {}, &NamedWord::name));

bool is_punctuation(char c) {
    return c > ' ' && c < 0x7f && !ascii::is_digit(c) && !ascii::is_alpha(c);
}

}  // namespace

Word find_word(std::string_view lower) {
    const auto found = std::ranges::lower_bound(kWords, lower, {}, &NamedWord::name);
    return found != kWords.end() && found->name == lower ? found->word : Word{};
}

void Fields::take() {
    if (used_ == bytes_.size()) {
        full_ = true;
    } else {
        bytes_[used_++] = ascii::to_lower(*at_);
    }
    at_++;
}

template <typename Accept>
void Fields::take_while(Accept accept) {
    while (at_ < end_ && accept(*at_)) take();
}

Fault Fields::split(std::string_view text) {
    at_ = text.data();
    end_ = text.data() + text.size();
    while (at_ < end_) {
        if (ascii::is_space(*at_)) {
            at_++;
            continue;
        }
        if (const Fault fault = split_one(); fault != Fault::kNone) return fault;
    }
    return full_ ? Fault::kSyntax : Fault::kNone;
}

Fault Fields::split_one() {
    const char first = next();
    const size_t from = used_;
    FieldKind kind = FieldKind::kNumber;
    if (ascii::is_digit(first)) {
        kind = take_number();
    } else if (first == '.') {
        take();
        take_while(ascii::is_digit);
    } else if (ascii::is_alpha(first)) {
        kind = take_word();
    } else if (first == '+' || first == '-') {
        if (!take_signed(kind)) return Fault::kSyntax;
    } else if (is_punctuation(first)) {
        at_++;  // any other mark only separates
        return Fault::kNone;
    } else {
        return Fault::kSyntax;
    }
    if (count_ == kFieldsMax) return Fault::kSyntax;
    fields_[static_cast<size_t>(count_++)] = {kind,
                                              std::string_view(bytes_.data() + from, used_ - from)};
    return Fault::kNone;
}

FieldKind Fields::take_number() {
    take_while(ascii::is_digit);
    if (next() == ':') {
        take_while([](char c) { return ascii::is_digit(c) || c == ':' || c == '.'; });
        return FieldKind::kTime;
    }
    const char separator = next();
    if (separator != '-' && separator != '/' && separator != '.') return FieldKind::kNumber;
    take();
    if (!ascii::is_digit(next())) {
        take_while([separator](char c) {
            return ascii::is_alpha(c) || ascii::is_digit(c) || c == separator;
        });
        return FieldKind::kDate;
    }
    FieldKind kind = separator == '.' ? FieldKind::kNumber : FieldKind::kDate;
    take_while(ascii::is_digit);
    if (next() == separator) {
        kind = FieldKind::kDate;
        take_while([separator](char c) { return ascii::is_digit(c) || c == separator; });
    }
    return kind;
}

FieldKind Fields::take_word() {
    const size_t from = used_;
    take_while(ascii::is_alpha);
    const char behind = next();
    bool joined = behind == '-' || behind == '/' || behind == '.';
    if (behind == '+' || ascii::is_digit(behind)) {
        // "May20" is two fields, "utc+8" one.
        joined = find_word({bytes_.data() + from, used_ - from}).kind == WordKind::kUnknown;
    }
    if (!joined) return FieldKind::kWord;
    take_while([](char c) {
        return ascii::is_alpha(c) || ascii::is_digit(c) || std::string_view("+-/_.:").contains(c);
    });
    return FieldKind::kDate;
}

bool Fields::take_signed(FieldKind& kind) {
    take();
    while (ascii::is_space(next())) at_++;
    if (ascii::is_digit(next())) {
        kind = FieldKind::kOffset;
        take_while([](char c) { return ascii::is_digit(c) || c == ':' || c == '.' || c == '-'; });
        return true;
    }
    kind = FieldKind::kSpecial;
    if (!ascii::is_alpha(next())) return false;
    take_while(ascii::is_alpha);
    return true;
}

Number read_number(std::string_view text) {
    Number number;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number.value);
    number.in_range = error != std::errc::result_out_of_range;
    number.rest = {at, end};
    return number;
}

bool read_fraction(std::string_view text, double& fraction) {
    fraction = 0;
    if (text.size() == 1) return true;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, fraction);
    return error == std::errc() && at == end;
}

Fault read_clock_time(std::string_view text, ClockTime& time) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, time.hour);
    if (error == std::errc::result_out_of_range) return Fault::kField;
    if (at == end || *at != ':') return Fault::kSyntax;
    const Number minute = read_number({at + 1, end});
    if (!minute.in_range) return Fault::kField;
    time.minute = minute.value;
    std::string_view fraction_text;
    if (minute.rest.starts_with('.')) {
        if (time.hour > INT32_MAX) return Fault::kField;
        time.second = time.minute;
        time.minute = static_cast<int>(time.hour);
        time.hour = 0;
        fraction_text = minute.rest;
    } else if (minute.rest.starts_with(':')) {
        const Number second = read_number(minute.rest.substr(1));
        if (!second.in_range) return Fault::kField;
        time.second = second.value;
        fraction_text = second.rest;
    } else if (!minute.rest.empty()) {
        return Fault::kSyntax;
    }
    if (!fraction_text.empty()) {
        double fraction = 0;
        if (!fraction_text.starts_with('.') || !read_fraction(fraction_text, fraction)) {
            return Fault::kSyntax;
        }
        time.microsecond = static_cast<int>(std::rint(fraction * 1'000'000));
    }
    const bool in_range = time.hour >= 0 && time.minute >= 0 && time.minute <= 59 &&
                          time.second >= 0 && time.second <= 60;
    return in_range ? Fault::kNone : Fault::kField;
}

Error error_of(Fault fault, std::string_view text, const Type& type, std::string_view zone_name) {
    switch (fault) {
        case Fault::kField:
        case Fault::kMonthOrDay: {
            Error error = invalid_input("date/time field value out of range: \"{}\"", text)
                              .with_sqlstate("22008");
            if (fault == Fault::kField) return error;
            return std::move(error).with_hint(
                "Perhaps you need a different \"datestyle\" setting.");
        }
        case Fault::kInterval:
            return invalid_input("interval field value out of range: \"{}\"", text)
                .with_sqlstate("22015");
        case Fault::kZoneOffset:
            return invalid_input("time zone displacement out of range: \"{}\"", text)
                .with_sqlstate("22009");
        case Fault::kZoneName:
            return invalid_input("time zone \"{}\" not recognized", zone_name)
                .with_sqlstate("22023");
        case Fault::kNeedsClock:
            return unsupported("a time relative to the present is not supported: \"{}\"", text);
        case Fault::kNone:
        case Fault::kSyntax:
            break;
    }
    return invalid_input("invalid input syntax for type {}: \"{}\"",
                         type.kind == TypeKind::kTimestamp ? "timestamp" : type.name(), text)
        .with_sqlstate("22007");
}

}  // namespace braid::time_fields
