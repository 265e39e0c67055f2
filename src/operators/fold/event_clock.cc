// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/event_clock.h"

#include <algorithm>

#include "columnar/time_zone.h"
#include "plan/view_plan.h"

namespace braid::operators {

namespace {

/// Of a date that a timestamp can hold; infinite ones lie beyond.
constexpr int32_t kDaysMax = 100'000'000;

}  // namespace

EventClock::EventClock(const Schema& declared, std::string_view event_time)
    : event_time_(event_time.empty() ? -1 : declared.find(event_time)),
      ingested_at_(declared.fields.size() + static_cast<size_t>(plan::SystemColumn::kIngestedAt)) {
    if (event_time_ < 0) return;
    const Type& type = declared.fields[static_cast<size_t>(event_time_)].type;
    is_date_ = type.kind == TypeKind::kDate;
}

void EventClock::add_wanted(std::vector<bool>& wanted) const {
    wanted[ingested_at_] = true;
    if (event_time_ >= 0) wanted[static_cast<size_t>(event_time_)] = true;
}

void EventClock::note(int64_t time_us) { time_us_ = std::max(time_us_.value_or(time_us), time_us); }

void EventClock::note(const DecodedSlice& slice) {
    const Column& ingested = slice.batch.columns[ingested_at_];
    if (event_time_ < 0) {
        for (const uint32_t row : slice.good) note(ingested.at<int64_t>(row) - kUnixEpochUs);
        return;
    }
    const Column& times = slice.batch.columns[static_cast<size_t>(event_time_)];
    // In the count of the columns.
    int64_t greatest = time_us_ ? *time_us_ + kUnixEpochUs : INT64_MIN;
    for (const uint32_t row : slice.good) {
        if (times.is_null(row)) continue;
        int64_t at = 0;
        if (is_date_) {
            const int32_t days = times.at<int32_t>(row);
            if (days < -kDaysMax || days > kDaysMax) continue;
            at = days * kMicrosPerDay;
        } else {
            at = times.at<int64_t>(row);
        }
        if (at <= greatest || at - kAheadMaxUs > ingested.at<int64_t>(row)) continue;
        greatest = at;
    }
    if (greatest != INT64_MIN) time_us_ = greatest - kUnixEpochUs;
}

}  // namespace braid::operators
