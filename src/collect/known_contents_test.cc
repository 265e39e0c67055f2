// SPDX-License-Identifier: Apache-2.0
#include "collect/known_contents.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace braid::collect {
namespace {

/// So many files, the oldest first, of which all was taken.
void add(KnownContents& known, size_t from, size_t to) {
    for (size_t number = from; number < to; ++number) {
        KnownContents::Entry entry;
        entry.position.content.bytes = 1;
        entry.position.grown_at_s = static_cast<int64_t>(number);
        entry.position.is_done = true;
        known.set(fmt::format("1:{}", number), std::move(entry));
    }
}

TEST(KnownContents, TheOldestBeyondTheLimitHaveToGo) {
    constexpr size_t kMax = KnownContents::kPastContentsMax;
    KnownContents known;
    add(known, 0, kMax - 1);
    EXPECT_TRUE(known.superfluous().empty());
    add(known, kMax - 1, kMax);
    EXPECT_TRUE(known.superfluous().empty());
    add(known, kMax, kMax + 1);
    const auto names = known.superfluous();
    ASSERT_EQ(names.size(), 1 + kMax / 10);
    EXPECT_EQ(names.front(), "1:0");
    EXPECT_EQ(names.back(), fmt::format("1:{}", kMax / 10));
}

TEST(KnownContents, FilesThatAreStillFollowedDoNotCount) {
    constexpr size_t kMax = KnownContents::kPastContentsMax;
    KnownContents known;
    add(known, 0, kMax);
    KnownContents::Entry followed;
    followed.position.content.bytes = 1;
    known.set("2:1", followed);
    EXPECT_TRUE(known.superfluous().empty());
}

}  // namespace
}  // namespace braid::collect
