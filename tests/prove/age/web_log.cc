// SPDX-License-Identifier: Apache-2.0
#include "tests/prove/age/web_log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"

namespace braid::testing {

namespace {

constexpr double kMicroseconds = 1e6;

/// A number below `bound`; n comes about as often as 1 / (n + 1).
uint64_t long_tailed(uint64_t bits, uint64_t bound) {
    const double share = static_cast<double>(bits >> 11) * 0x1p-53;
    const double drawn = std::pow(static_cast<double>(bound), share) - 1;
    return std::min(static_cast<uint64_t>(drawn), bound - 1);
}

std::string time_text(int64_t us) {
    const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(us)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

}  // namespace

int64_t WebLog::at_us(uint64_t event) const {
    return start_us_ +
           static_cast<int64_t>(static_cast<double>(event) * kMicroseconds / events_per_second_);
}

uint64_t WebLog::events_within(int64_t us) const {
    return static_cast<uint64_t>(
        std::llround(static_cast<double>(us) * events_per_second_ / kMicroseconds));
}

std::string WebLog::page(uint64_t number) {
    return fmt::format("/module{}/page{}", number % 20, number);
}

std::string WebLog::record(uint64_t event) const {
    constexpr std::array kStatuses = {200, 200, 200, 200, 200, 200, 304, 404, 301, 500};
    Random random(event + 1);
    const uint64_t caller = long_tailed(random.next(), kCallers);
    const uint64_t number = long_tailed(random.next(), kPages);
    return fmt::format(R"({{"ip":"10.{}.{}.{}","at":"{}","path":"{}","status":{},"bytes":{}}})",
                       caller >> 16, (caller >> 8) & 255, caller & 255, time_text(at_us(event)),
                       page(number), kStatuses.at(random.below(kStatuses.size())),
                       200 + random.below(20'000));
}

}  // namespace braid::testing
