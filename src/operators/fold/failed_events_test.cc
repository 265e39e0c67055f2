// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/failed_events.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"

namespace braid::operators {
namespace {

EventId event(uint32_t partition, int64_t offset) { return {{partition}, {offset}}; }

TEST(FailedEvents, KeepsTheSmallestWhateverTheOrderAndThePieces) {
    constexpr size_t kEvents = 3 * FailedEvents::kKeptMax;
    std::vector<EventId> events;
    for (size_t i = 0; i < kEvents; ++i) {
        events.push_back(event(static_cast<uint32_t>(i % 3), static_cast<int64_t>(i / 3)));
    }
    const auto reason = [](const EventId& of) {
        return fmt::format("{} of {}", of.offset.value, of.partition.value);
    };
    std::ranges::sort(events);
    FailedEvents expected;
    for (size_t i = 0; i < FailedEvents::kKeptMax; ++i) expected.add(events[i], reason(events[i]));
    Random random(7);
    for (size_t i = kEvents; i > 1; --i) std::swap(events[i - 1], events[random.below(i)]);
    std::vector<FailedEvents> pieces(5);
    for (const EventId& each : events) pieces[random.below(5)].add(each, reason(each));
    FailedEvents forwards;
    FailedEvents backwards;
    for (size_t i = 0; i < pieces.size(); ++i) {
        forwards.merge(pieces[i]);
        backwards.merge(pieces[pieces.size() - 1 - i]);
    }
    EXPECT_EQ(forwards.kept(), expected.kept());
    EXPECT_EQ(backwards.kept(), expected.kept());
    EXPECT_EQ(forwards.bytes_used(), expected.bytes_used());
}

TEST(FailedEvents, KeepsAsManyAsItMay) {
    FailedEvents failed;
    const auto largest = [&] { return failed.kept().rbegin()->first; };
    constexpr auto kMax = static_cast<int64_t>(FailedEvents::kKeptMax);
    for (int64_t offset = 1; offset < kMax; ++offset) failed.add(event(0, offset), "why");
    EXPECT_EQ(failed.kept().size(), FailedEvents::kKeptMax - 1);
    failed.add(event(0, kMax), "why");
    EXPECT_EQ(failed.kept().size(), FailedEvents::kKeptMax);
    EXPECT_EQ(largest(), event(0, kMax));
    failed.add(event(0, kMax + 1), "why");
    EXPECT_EQ(failed.kept().size(), FailedEvents::kKeptMax);
    EXPECT_EQ(largest(), event(0, kMax));
    failed.add(event(0, 0), "why");
    EXPECT_EQ(failed.kept().size(), FailedEvents::kKeptMax);
    EXPECT_EQ(largest(), event(0, kMax - 1));
}

TEST(FailedEvents, CutsALongReasonBetweenCharacters) {
    FailedEvents failed;
    std::string reason = "x";
    for (int i = 0; i < 500; ++i) reason += "\xC3\xA9";
    failed.add(event(0, 1), reason);
    const std::string& kept = failed.kept().begin()->second;
    EXPECT_EQ(kept.size(), FailedEvents::kReasonBytesMax - 1);
    EXPECT_EQ(kept, reason.substr(0, kept.size()));
}

TEST(FailedEvents, EncodedEventsSortAsEventsDo) {
    const std::vector<EventId> events = {event(0, -1),        event(0, 0),  event(0, 255),
                                         event(0, 256),       event(1, -5), event(1, INT64_MAX),
                                         event(UINT32_MAX, 0)};
    std::string before;
    for (const EventId& each : events) {
        const std::string bytes = encode_event(each);
        EXPECT_LT(before, bytes);
        ASSERT_OK_AND_ASSIGN(const EventId back, decode_event(bytes));
        EXPECT_EQ(back, each);
        before = bytes;
    }
    EXPECT_EQ(decode_event("short").error().code(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid::operators
