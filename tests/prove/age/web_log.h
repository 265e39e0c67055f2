// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace braid::testing {

/// The web log of a site that does not change: the n-th event is the same in every run, whatever
/// steps led there. Few of the pages and callers make most of it; the others form a long tail.
class WebLog {
  public:
    static constexpr uint64_t kPages = 5'000;
    static constexpr uint64_t kCallers = 20'000;

    WebLog(int64_t start_us, double events_per_second)
        : start_us_(start_us), events_per_second_(events_per_second) {}

    /// When the n-th event happens.
    int64_t at_us(uint64_t event) const;
    /// How many happen in the first so many microseconds.
    uint64_t events_within(int64_t us) const;
    /// A record of the format json.
    std::string record(uint64_t event) const;

    static std::string page(uint64_t number);

  private:
    const int64_t start_us_;
    const double events_per_second_;
};

}  // namespace braid::testing
