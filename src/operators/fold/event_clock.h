// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "columnar/column.h"
#include "operators/decode/decoder.h"

namespace braid::operators {

/// An event time further ahead of its record's ingest time moves no clock: whoever sends one must
/// not make others' groups expire.
inline constexpr int64_t kAheadMaxUs = 24LL * 3'600'000'000;

/// The clock of a stream over some of its records: the greatest event time that is at most
/// kAheadMaxUs ahead of its ingest time; of a stream that names no event time, the greatest ingest
/// time. Bad records, NULLs and infinite times move nothing. A function of the records alone. One
/// thread at a time.
class EventClock {
  public:
    /// `event_time` is the name of a declared column, or empty.
    EventClock(const Schema& declared, std::string_view event_time);

    /// Adds the columns that it reads.
    void add_wanted(std::vector<bool>& wanted) const;
    void note(const DecodedSlice& slice);
    /// In Unix microseconds; nothing before the first record that counts.
    std::optional<int64_t> time_us() const { return time_us_; }

  private:
    void note(int64_t time_us);

    int event_time_ = -1;
    bool is_date_ = false;
    size_t ingested_at_ = 0;
    std::optional<int64_t> time_us_;
};

}  // namespace braid::operators
