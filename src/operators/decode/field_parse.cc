// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "operators/decode/field_parse_internal.h"

namespace braid::operators {
namespace {

/// Beyond this many digits an int64 may overflow.
constexpr size_t kDigitsMax = 18;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

constexpr size_t kWord = sizeof(uint64_t);

uint64_t load_word(const char* at) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// Eight characters as one number, if all are digits: pairs, then fours, then all.
bool eight_digits(uint64_t word, int64_t& value) {
    constexpr uint64_t kHighHalves = 0xF0F0F0F0F0F0F0F0;
    // '0' … '9' are 0x30 … 0x39; six more leaves the high half alone for these only.
    const uint64_t carried = ((word + 0x0606060606060606) & kHighHalves) >> 4;
    if (((word & kHighHalves) | carried) != 0x3333333333333333) return false;
    word &= ~kHighHalves;
    word = (word * 10 + (word >> 8)) & 0x00FF00FF00FF00FF;
    word = (word * 100 + (word >> 16)) & 0x0000FFFF0000FFFF;
    value = static_cast<int64_t>((word * 10'000 + (word >> 32)) & 0xFFFFFFFF);
    return true;
}

/// Eight to sixteen characters: the first eight, and the last with zeros for what both have.
bool many_digits(std::string_view text, int64_t& value) {
    constexpr std::array<int64_t, kWord + 1> kPowers = {
        1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
    constexpr uint64_t kZeros = 0x3030303030303030;
    const size_t rest = text.size() - kWord;
    int64_t head = 0;
    int64_t tail = 0;
    if (!eight_digits(load_word(text.data()), head)) return false;
    const uint64_t kept = rest == 0 ? 0 : ~uint64_t{0} << (kWord - rest) * 8;
    const uint64_t last = load_word(text.data() + rest);
    if (!eight_digits((last & kept) | (kZeros & ~kept), tail)) return false;
    value = head * kPowers[rest] + tail;
    return true;
}

/// Two digits at `at`, or a number above 99.
unsigned two_digits(const char* at) {
    const auto tens = static_cast<unsigned char>(at[0] - '0');
    const auto ones = static_cast<unsigned char>(at[1] - '0');
    return tens <= 9 && ones <= 9 ? tens * 10U + ones : 100U;
}

unsigned four_digits(const char* at) {
    const unsigned high = two_digits(at);
    const unsigned low = two_digits(at + 2);
    return high <= 99 && low <= 99 ? high * 100 + low : 10'000U;
}

unsigned days_in_month(unsigned year, unsigned month) {
    constexpr std::array<uint8_t, 13> kDays = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : kDays[month];
}

/// 1 … 12, or 0. By the three letters as one number, as they are written: "May".
unsigned month_of(const char* at) {
    const auto word = [](const char* name) {
        return static_cast<uint32_t>(static_cast<uint8_t>(name[0])) |
               static_cast<uint32_t>(static_cast<uint8_t>(name[1])) << 8 |
               static_cast<uint32_t>(static_cast<uint8_t>(name[2])) << 16;
    };
    constexpr std::array<const char*, 12> kNames = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const uint32_t wanted = word(at);
    for (unsigned i = 0; i < kNames.size(); ++i) {
        if (word(kNames[i]) == wanted) return i + 1;
    }
    return 0;
}

bool set_date(unsigned year, unsigned month, unsigned day, DayMemo& memo, WrittenTime& time) {
    if (year < 1 || year > 9999 || month < 1 || month > 12) return false;
    if (day < 1 || day > days_in_month(year, month)) return false;
    time.days = memo.days(static_cast<int>(year), static_cast<int>(month), static_cast<int>(day));
    time.local_us = time.days * kMicrosPerDay;
    return true;
}

/// "10:05:03" at `at`.
bool add_clock(const char* at, WrittenTime& time) {
    constexpr uint64_t kForm = 0x30303A30303A3030;  // "00:00:00", first byte lowest
    constexpr uint64_t kToSixteen = 0x0606000606000606;
    constexpr uint64_t kNoDigit = 0xF0F0FFF0F0FFF0F0;
    uint64_t digits = 0;
    std::memcpy(&digits, at, sizeof digits);
    digits ^= kForm;
    if (((digits | (digits + kToSixteen)) & kNoDigit) != 0) return false;
    const auto number = [digits](int byte) {
        return (digits >> (8 * byte) & 0xF) * 10 + (digits >> (8 * byte + 8) & 0xF);
    };
    const uint64_t hour = number(0);
    const uint64_t minute = number(3);
    const uint64_t second = number(6);
    if (hour > 23 || minute > 59 || second > 59) return false;
    time.local_us += static_cast<int64_t>(hour * 3600 + minute * 60 + second) * kMicrosPerSecond;
    time.has_clock = true;
    return true;
}

/// "+02", "+0200" or "+02:00"; PostgreSQL's limit is 15:59.
bool set_zone(std::string_view text, WrittenTime& time) {
    const bool is_colon = text.size() == 6 && text[3] == ':';
    if (text.size() != 3 && text.size() != 5 && !is_colon) return false;
    if (text[0] != '+' && text[0] != '-') return false;
    const unsigned hours = two_digits(text.data() + 1);
    const unsigned minutes = text.size() == 3 ? 0 : two_digits(text.data() + (is_colon ? 4 : 3));
    if (hours > 15 || minutes > 59) return false;
    const auto seconds = static_cast<int>(hours * 3600 + minutes * 60);
    time.zone_seconds = text[0] == '-' ? -seconds : seconds;
    time.has_zone = true;
    return true;
}

}  // namespace

bool read_integer(std::string_view text, int64_t& value) {
    const bool is_negative = !text.empty() && text[0] == '-';
    if (is_negative) text.remove_prefix(1);
    if (text.empty() || text.size() > kDigitsMax) return false;
    int64_t result = 0;
    if (text.size() >= kWord && text.size() <= 2 * kWord) {
        if (!many_digits(text, result)) return false;
        value = is_negative ? -result : result;
        return true;
    }
    for (const char c : text) {
        if (!is_digit(c)) return false;
        result = result * 10 + (c - '0');
    }
    value = is_negative ? -result : result;
    return true;
}

bool read_decimal(std::string_view text, Numeric& value) {
    const bool is_negative = !text.empty() && text[0] == '-';
    if (is_negative) text.remove_prefix(1);
    if (text.empty() || text.size() > kDigitsMax || !is_digit(text.front()) ||
        !is_digit(text.back())) {
        return false;
    }
    int64_t digits = 0;
    size_t point = text.size();
    for (size_t i = 0; i < text.size(); ++i) {
        if (is_digit(text[i])) {
            digits = digits * 10 + (text[i] - '0');
        } else if (text[i] == '.' && point == text.size()) {
            point = i;
        } else {
            return false;
        }
    }
    value.unscaled = is_negative ? -digits : digits;
    value.scale = static_cast<int16_t>(point == text.size() ? 0 : text.size() - point - 1);
    value.kind = Numeric::Kind::kFinite;
    return true;
}

bool read_double(std::string_view text, double& value) {
    const size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    if (text.size() <= sign || !is_digit(text[sign])) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    // A zero may be an underflow, which is an error in SQL.
    const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
    return std::isnormal(value) || mantissa.find_first_of("123456789") == std::string_view::npos;
}

bool read_log_time(std::string_view text, DayMemo& memo, WrittenTime& time) {
    constexpr std::string_view kForm = "17/May/2015:10:05:03 +0000";
    if (text.size() != kForm.size()) return false;
    const char* at = text.data();
    if (memo.is_written(at)) {
        time.days = memo.days();
        time.local_us = time.days * kMicrosPerDay;
    } else {
        if (at[2] != '/' || at[6] != '/' || at[11] != ':') return false;
        if (!set_date(four_digits(at + 7), month_of(at + 3), two_digits(at), memo, time)) {
            return false;
        }
        memo.keep(at);
    }
    if (!add_clock(at + 12, time)) return false;
    if (text.substr(20) == " +0000") {
        time.has_zone = true;
        return true;
    }
    return at[20] == ' ' && set_zone(text.substr(21), time);
}

bool read_iso_time(std::string_view text, DayMemo& memo, WrittenTime& time) {
    constexpr size_t kDateSize = 10;
    constexpr size_t kClockEnd = 19;
    if (text.size() < kDateSize) return false;
    const char* at = text.data();
    if (at[4] != '-' || at[7] != '-') return false;
    if (!set_date(four_digits(at), two_digits(at + 5), two_digits(at + 8), memo, time))
        return false;
    if (text.size() == kDateSize) return true;
    if (text.size() < kClockEnd || (at[10] != ' ' && at[10] != 'T')) return false;
    if (!add_clock(at + 11, time)) return false;
    std::string_view rest = text.substr(kClockEnd);
    if (rest.size() > 1 && rest[0] == '.') {
        size_t size = 1;
        int64_t us = 0;
        int64_t unit = kMicrosPerSecond;
        for (; size < rest.size() && is_digit(rest[size]); ++size) {
            unit /= 10;
            us += (rest[size] - '0') * unit;
        }
        if (size == 1 || size > 7) return false;  // more than six digits are rounded: not here
        time.local_us += us;
        rest.remove_prefix(size);
    }
    if (rest.empty()) return true;
    if (rest != "Z") return set_zone(rest, time);
    time.has_zone = true;
    return true;
}

bool is_json_number(std::string_view token) {
    const char* at = token.data();
    const char* end = at + token.size();
    const auto digits = [&] {
        const char* from = at;
        while (at < end && is_digit(*at)) ++at;
        return at > from;
    };
    if (at < end && *at == '-') ++at;
    if (at < end && *at == '0') {
        ++at;
    } else if (!digits()) {
        return false;
    }
    if (at < end && *at == '.') {
        ++at;
        if (!digits()) return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at < end && (*at == '+' || *at == '-')) ++at;
        if (!digits()) return false;
    }
    return at == end;
}

}  // namespace braid::operators
