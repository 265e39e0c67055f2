// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <compare>
#include <cstdint>
#include <string_view>

#include "columnar/numeric.h"
#include "columnar/type.h"

/// PostgreSQL's order of values of one kind, as a number below, at or above 0.
namespace braid::operators {

inline constexpr int64_t kHoursPerDayMicros = int64_t{86'400} * 1'000'000;
inline constexpr int kDaysPerMonth = 30;

/// What intervals compare by: a month is 30 days, a day is 24 hours.
inline int128 interval_span(const Interval64& value) {
    const int64_t days = int64_t{value.months} * kDaysPerMonth + value.days;
    return static_cast<int128>(days) * kHoursPerDayMicros + value.us;
}

inline int order_of(uint8_t left, uint8_t right) { return int{left} - int{right}; }
inline int order_of(int32_t left, int32_t right) { return (left > right) - (left < right); }
inline int order_of(int64_t left, int64_t right) { return (left > right) - (left < right); }
inline int order_of(std::string_view left, std::string_view right) { return left.compare(right); }
/// NaN equals itself and stands above everything; -0 equals 0.
inline int order_of(double left, double right) {
    if (std::isnan(left) || std::isnan(right))
        return int{std::isnan(left)} - int{std::isnan(right)};
    return (left > right) - (left < right);
}
inline int order_of(const Numeric& left, const Numeric& right) {
    const std::strong_ordering order = compare(left, right);
    return (order > 0) - (order < 0);
}
inline int order_of(const Interval64& left, const Interval64& right) {
    const int128 a = interval_span(left);
    const int128 b = interval_span(right);
    return (a > b) - (a < b);
}

}  // namespace braid::operators
