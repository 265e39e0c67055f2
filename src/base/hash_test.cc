// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(Crc32c, GivesThePublishedValues) {
    EXPECT_EQ(crc32c(""), 0u);
    EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
    EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(Crc32c, ChainsOverAnySplit) {
    const std::string text = "the quick brown fox jumps over the lazy dog";
    for (size_t split = 0; split <= text.size(); ++split) {
        const uint32_t first = crc32c(std::string_view(text).substr(0, split));
        EXPECT_EQ(crc32c(std::string_view(text).substr(split), first), crc32c(text));
    }
}

TEST(Crc32c, IsTheSameForLongTextsInOnePieceAndInSmallOnes) {
    std::string text;
    for (uint32_t number = 1; text.size() < 20'000; number = number * 1'664'525 + 1'013'904'223) {
        text += static_cast<char>(number >> 24);
    }
    for (const size_t size : {3071, 3072, 3073, 6150, 20'000}) {
        uint32_t crc = 0;
        for (size_t at = 0; at < size; at += 7) {
            crc = crc32c(std::string_view(text).substr(at, std::min<size_t>(7, size - at)), crc);
        }
        EXPECT_EQ(crc32c(std::string_view(text).substr(0, size)), crc) << size;
    }
}

TEST(Hash64, IsTheSameOnEveryMachine) {
    // Partitions and file names on disk depend on these.
    EXPECT_EQ(hash64(""), 0x2D06800538D394C2u);
    EXPECT_EQ(hash64("braid"), hash64(std::string("braid")));
    EXPECT_NE(hash64("braid"), hash64("braie"));
}

TEST(Digest, DependsOnTheSetNotOnTheOrder) {
    Digest forward;
    Digest backward;
    for (int row = 0; row < 100; ++row) forward.add_row(std::to_string(row), "state");
    for (int row = 99; row >= 0; --row) backward.add_row(std::to_string(row), "state");
    EXPECT_EQ(forward, backward);
}

TEST(Digest, AddsUpOverParts) {
    Digest whole;
    Digest first;
    Digest second;
    for (int row = 0; row < 100; ++row) {
        whole.add_row(std::to_string(row), "s");
        (row < 40 ? first : second).add_row(std::to_string(row), "s");
    }
    first.add(second);
    EXPECT_EQ(first, whole);
}

TEST(Digest, SeesAnOtherSplitOfKeyAndState) {
    Digest first;
    Digest second;
    first.add_row("ab", "c");
    second.add_row("a", "bc");
    EXPECT_NE(first, second);
}

TEST(Digest, SeesADoubledRow) {
    Digest once;
    Digest twice;
    once.add_row("k", "s");
    twice.add_row("k", "s");
    twice.add_row("k", "s");
    EXPECT_NE(once, twice);
}

TEST(Digest, CarriesIntoTheHighHalf) {
    Digest digest{.low = ~uint64_t{0}, .high = 1};
    digest.add({.low = 1, .high = 0});
    EXPECT_EQ(digest, (Digest{.low = 0, .high = 2}));
    EXPECT_EQ(digest.to_hex(), "00000000000000020000000000000000");
}

}  // namespace
}  // namespace braid
