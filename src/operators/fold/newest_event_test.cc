// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/newest_event.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "columnar/time_zone.h"
#include "operators/fold/event_clock.h"

namespace braid::operators {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
/// 2026-11-22 00:00:00Z.
constexpr int64_t kIngestedUs = 1'795'305'600 * kSecondUs;

/// What is noted of records that came in then; each is the event time of its own, as JSON.
class Noted {
  public:
    explicit Noted(TypeKind kind, std::string event_time = "at")
        : columns_{{{"at", Type::of(kind)}}}, newest_(columns_, event_time) {}

    void note(const std::vector<std::string>& times, int64_t ingested_at_us = kIngestedUs) {
        std::vector<std::string> records;
        for (const std::string& time : times) records.push_back("{\"at\":" + time + "}");
        const std::vector<std::string_view> raw(records.begin(), records.end());
        const auto decoder = make_decoder({"json", columns_, {}});
        ASSERT_OK(decoder);
        DecodedSlice slice;
        (*decoder)->decode({PartitionId{0}, Offsets(Offset{0}), ingested_at_us, raw, {}, {}},
                           std::vector<bool>(1 + kRecordColumnCount, true), slice);
        newest_.note(slice, ingested_at_us);
    }
    std::optional<int64_t> time_us() const { return newest_.time_us(); }

  private:
    Schema columns_;
    NewestEvent newest_;
};

std::optional<int64_t> newest_of(const std::vector<std::string>& times,
                                 TypeKind kind = TypeKind::kTimestampTz) {
    Noted noted(kind);
    noted.note(times);
    return noted.time_us();
}

TEST(NewestEvent, IsTheGreatestEventTime) {
    Noted noted(TypeKind::kTimestampTz);
    EXPECT_FALSE(noted.time_us().has_value());
    noted.note({"\"1970-01-01 00:00:01Z\""});
    EXPECT_EQ(noted.time_us(), kSecondUs) << "much older than its record";
    noted.note({"\"1970-01-01 00:00:09Z\"", "\"1970-01-01 00:00:05Z\""});
    noted.note({});
    EXPECT_EQ(noted.time_us(), 9 * kSecondUs);
    EXPECT_EQ(newest_of({"\"-infinity\"", "\"1970-01-01Z\""}), 0);
}

TEST(NewestEvent, IsAtMostADayAheadOfItsRecord) {
    EXPECT_EQ(newest_of({"\"2026-11-22 23:59:59.999999Z\""}), kIngestedUs + kAheadMaxUs - 1);
    EXPECT_EQ(newest_of({"\"2026-11-23 00:00:00Z\""}), kIngestedUs + kAheadMaxUs);
    EXPECT_EQ(newest_of({"\"2026-11-23 00:00:00.000001Z\""}), kIngestedUs + kAheadMaxUs);
    EXPECT_EQ(newest_of({"\"2099-01-01Z\""}), kIngestedUs + kAheadMaxUs);
    EXPECT_EQ(newest_of({"\"infinity\""}), kIngestedUs + kAheadMaxUs);
}

TEST(NewestEvent, WhatHasNoEventTimeGoesByItsIngestTime) {
    EXPECT_EQ(newest_of({"\"1970-01-01Z\"", "null"}), kIngestedUs);
    EXPECT_EQ(newest_of({"\"1970-01-01Z\"", "\"no time\""}), kIngestedUs) << "a bad record";
    Noted unnamed(TypeKind::kTimestampTz, "");
    unnamed.note({"\"1970-01-01Z\""}, 7);
    EXPECT_EQ(unnamed.time_us(), 7);
    unnamed.note({"\"2099-01-01Z\""}, 5);
    EXPECT_EQ(unnamed.time_us(), 7);
}

TEST(NewestEvent, DatesAndTimesWithoutZoneCountToo) {
    EXPECT_EQ(newest_of({"\"1970-01-02\""}, TypeKind::kDate), kMicrosPerDay);
    EXPECT_EQ(newest_of({"\"infinity\""}, TypeKind::kDate), kIngestedUs + kAheadMaxUs);
    EXPECT_EQ(newest_of({"\"-infinity\"", "\"1970-01-01\""}, TypeKind::kDate), 0);
    EXPECT_EQ(newest_of({"\"1970-01-01 00:00:01\""}, TypeKind::kTimestamp), kSecondUs);
}

}  // namespace
}  // namespace braid::operators
