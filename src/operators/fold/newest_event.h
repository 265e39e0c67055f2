// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "columnar/column.h"
#include "operators/decode/decoder.h"

namespace braid::operators {

/// How new the newest of some records is, as the retention of a stream counts: by event time, but
/// at most a day ahead of the ingest time (kAheadMaxUs), so that none stays for ever; by ingest
/// time where there is no event time: NULL, a bad record, a stream that names none. A function of
/// the records alone. One thread at a time.
class NewestEvent {
  public:
    /// `event_time` is the name of a declared column, or empty.
    NewestEvent(const Schema& declared, std::string_view event_time);

    /// Records that came in at one time, in Unix microseconds; of their columns the declared ones
    /// are there.
    void note(const DecodedSlice& slice, int64_t ingested_at_us);
    /// In Unix microseconds; nothing before the first record.
    std::optional<int64_t> time_us() const { return time_us_; }

  private:
    int event_time_ = -1;
    bool is_date_ = false;
    std::optional<int64_t> time_us_;
};

}  // namespace braid::operators
