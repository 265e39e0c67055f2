// SPDX-License-Identifier: Apache-2.0
#include "collect/content_hash.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace braid::collect {
namespace {

std::string some_bytes(Random& random, size_t count) {
    std::string bytes(count, '\0');
    for (char& each : bytes) each = static_cast<char>(random.below(256));
    return bytes;
}

TEST(ContentHash, IsTheSameHoweverTheBytesWereCut) {
    Random random(7);
    const std::string bytes = some_bytes(random, 20'000);
    for (const size_t end : {0, 1, 511, 512, 2047, 2048, 2049, 4095, 4096, 4097, 6144, 20'000}) {
        ContentHash whole;
        whole.add(std::string_view(bytes).substr(0, end));
        for (const size_t step_max : {1, 100, 2048, 5000}) {
            ContentHash pieces;
            for (size_t at = 0; at < end;) {
                const size_t step = std::min<size_t>(1 + random.below(step_max), end - at);
                pieces.add(std::string_view(bytes).substr(at, step));
                at += step;
                ASSERT_EQ(pieces.window(), std::string_view(bytes).substr(
                                               pieces.window_start(), at - pieces.window_start()));
            }
            ASSERT_EQ(pieces.mark(), whole.mark()) << end << " by " << step_max;
        }
        EXPECT_EQ(whole.head(), std::string_view(bytes).substr(0, std::min<size_t>(end, 512)));
    }
}

/// Whether the hash of a file that has these bytes, and rests between them, is as without the rest.
TEST(ContentHash, RestsWithoutItsWindow) {
    Random random(9);
    const std::string bytes = some_bytes(random, 20'000);
    for (const size_t end : {0, 1, 511, 513, 2047, 2048, 4095, 4096, 4097, 6143, 6144, 12'345}) {
        ContentHash hash;
        hash.add(std::string_view(bytes).substr(0, end));
        const ContentMark mark = hash.mark();
        const std::string head(hash.head());
        hash.rest();
        hash.rest();
        EXPECT_EQ(hash.window().empty(), end == 0 || hash.window_start() > 0) << end;
        EXPECT_EQ(hash.mark(), mark) << end;
        EXPECT_EQ(hash.head(), head) << end;
        std::string there = bytes.substr(hash.window_start());
        EXPECT_TRUE(hash.fits_window(there)) << end;
        EXPECT_TRUE(hash.fits_window(there.substr(0, hash.window_size()))) << end;
        if (hash.window_size() > 0) {
            EXPECT_FALSE(hash.fits_window(there.substr(0, hash.window_size() - 1))) << end;
            std::string other = there;
            other[hash.window_size() - 1] ^= 1;
            EXPECT_FALSE(hash.fits_window(other)) << end;
        }
        hash.wake(there);
        hash.add(std::string_view(bytes).substr(end));
        ContentHash whole;
        whole.add(bytes);
        EXPECT_EQ(hash.mark(), whole.mark()) << end;
        EXPECT_EQ(hash.window(), whole.window()) << end;
        EXPECT_EQ(hash.head(), whole.head()) << end;
    }
}

TEST(ContentHash, SeesAByteThatChangedAnywhere) {
    Random random(8);
    std::string bytes = some_bytes(random, 10'000);
    ContentHash before;
    before.add(bytes);
    for (const size_t at : {0, 600, 2047, 2048, 5000, 8191, 8192, 9999}) {
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        ContentHash after;
        after.add(bytes);
        EXPECT_NE(after.mark(), before.mark()) << at;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
    }
}

TEST(ContentHash, KeepsAWindowOfBoundedSize) {
    ContentHash hash;
    for (int times = 0; times < 100; ++times) {
        hash.add(std::string(777, 'x'));
        EXPECT_LT(hash.window().size(), 2 * ContentHash::kBlockBytes);
        if (hash.bytes() >= ContentHash::kBlockBytes) {
            EXPECT_GE(hash.window().size(), ContentHash::kBlockBytes);
        }
    }
}

}  // namespace
}  // namespace braid::collect
