// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/newest_event.h"

#include <algorithm>

#include "columnar/time_zone.h"
#include "operators/fold/event_clock.h"

namespace braid::operators {

namespace {

/// Whole days between a count of days since 2000 and the least and greatest time there is.
int64_t begin_of_day(int32_t days) {
    const __int128 at = static_cast<__int128>(days) * kMicrosPerDay;
    if (at > INT64_MAX) return INT64_MAX;
    return at < INT64_MIN ? INT64_MIN : static_cast<int64_t>(at);
}

}  // namespace

NewestEvent::NewestEvent(const Schema& declared, std::string_view event_time)
    : event_time_(event_time.empty() ? -1 : declared.find(event_time)) {
    if (event_time_ < 0) return;
    is_date_ = declared.fields[static_cast<size_t>(event_time_)].type.kind == TypeKind::kDate;
}

void NewestEvent::note(const DecodedSlice& slice, int64_t ingested_at_us) {
    if (slice.batch.length == 0) return;
    const int64_t most_us = ingested_at_us + kAheadMaxUs;
    int64_t newest_us = time_us_.value_or(INT64_MIN);
    if (event_time_ < 0 || slice.good.size() < slice.batch.length) {
        newest_us = std::max(newest_us, ingested_at_us);
    }
    if (event_time_ >= 0) {
        const Column& times = slice.batch.columns[static_cast<size_t>(event_time_)];
        for (const uint32_t row : slice.good) {
            if (newest_us >= most_us) break;
            if (times.is_null(row)) {
                newest_us = std::max(newest_us, ingested_at_us);
                continue;
            }
            // In the count of the columns, which has infinite times at its ends.
            const int64_t at =
                is_date_ ? begin_of_day(times.at<int32_t>(row)) : times.at<int64_t>(row);
            const int64_t held = std::min(at, most_us + kUnixEpochUs);
            newest_us = std::max(newest_us, held - kUnixEpochUs);
        }
    }
    time_us_ = newest_us;
}

}  // namespace braid::operators
