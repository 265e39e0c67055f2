// SPDX-License-Identifier: Apache-2.0
#include "runs/block_cache.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread.h"

namespace braid::runs {
namespace {

using Use = BlockCache::Use;

struct Thing final : Cached {
    explicit Thing(uint64_t bytes) : bytes(bytes) {}
    uint64_t bytes_used() const override { return bytes; }
    const uint64_t bytes;
};

struct BlockCacheTest : testing::Test {
    Metrics registry;
    ReadMetrics metrics{registry};
    BlockCache cache{1000, metrics};

    CachedPtr add(uint32_t number, uint64_t bytes = 100, Use use = Use::kPoint) {
        return cache.add({1, number}, std::make_shared<Thing>(bytes), use);
    }
    bool has(uint32_t number, Use use = Use::kScan) {
        return cache.find({1, number}, use) != nullptr;
    }
};

TEST_F(BlockCacheTest, GivesWhatWasAdded) {
    EXPECT_FALSE(has(1));
    const CachedPtr first = add(1);
    EXPECT_EQ(cache.find({1, 1}, Use::kPoint), first);
    EXPECT_EQ(add(1), first) << "whoever was faster";
    EXPECT_EQ(cache.find({2, 1}, Use::kPoint), nullptr);
    EXPECT_EQ(metrics.hits.get(), 1);
    EXPECT_EQ(metrics.misses.get(), 2);
    EXPECT_EQ(metrics.bytes.get(), 100);
}

TEST_F(BlockCacheTest, IsBoundedByBytes) {
    for (uint32_t number = 0; number < 1'000; ++number) {
        add(number, 1 + number % 300, number % 2 == 0 ? Use::kPoint : Use::kScan);
        ASSERT_LE(cache.bytes_used(), 1000U);
        ASSERT_EQ(metrics.bytes.get(), static_cast<int64_t>(cache.bytes_used()));
    }
    EXPECT_GT(cache.bytes_used(), 500U);
}

TEST_F(BlockCacheTest, IsFullToTheByte) {
    const auto fits_beside = [&](uint64_t bytes) {
        cache.forget(1);
        add(1, 500);
        add(2, bytes);
        return has(1) && has(2);
    };
    EXPECT_TRUE(fits_beside(499));
    EXPECT_TRUE(fits_beside(500));
    EXPECT_FALSE(fits_beside(501));
}

TEST_F(BlockCacheTest, WhatIsHeldStays) {
    std::vector<CachedPtr> held;
    for (uint32_t number = 0; number < 10; ++number) held.push_back(add(number));
    const CachedPtr given = add(99);
    ASSERT_NE(given, nullptr) << "the reader has it all the same";
    EXPECT_FALSE(has(99));
    for (uint32_t number = 0; number < 10; ++number) EXPECT_TRUE(has(number)) << number;
    held.erase(held.begin() + 3);
    add(99);
    EXPECT_TRUE(has(99));
    EXPECT_FALSE(has(3));
}

TEST_F(BlockCacheTest, WhatIsAskedForOftenOutlivesTheRest) {
    for (uint32_t number = 0; number < 2'000; ++number) {
        add(number);
        if (number > 0) {
            ASSERT_TRUE(has(0, Use::kPoint)) << number;
        }
    }
}

TEST_F(BlockCacheTest, AScanDoesNotDriveOutWhatIsAskedFor) {
    for (uint32_t number = 0; number < 10; ++number) add(number);
    for (uint32_t number = 100; number < 1'100; ++number) {
        add(number, 100, Use::kScan);
        for (uint32_t asked = 0; asked < 10; ++asked) {
            ASSERT_TRUE(has(asked, Use::kPoint)) << number;
        }
    }
}

TEST_F(BlockCacheTest, AScanTakesThePlaceOfWhatNobodyAsksFor) {
    for (uint32_t number = 0; number < 10; ++number) add(number);
    for (uint32_t number = 100; number < 200; ++number) add(number, 100, Use::kScan);
    for (uint32_t number = 0; number < 10; ++number) EXPECT_FALSE(has(number)) << number;
}

TEST_F(BlockCacheTest, ForgetsAPart) {
    add(1);
    cache.add({2, 1}, std::make_shared<Thing>(50), Use::kPoint);
    cache.forget(1);
    EXPECT_FALSE(has(1));
    EXPECT_NE(cache.find({2, 1}, Use::kPoint), nullptr);
    EXPECT_EQ(cache.bytes_used(), 50U);
}

TEST_F(BlockCacheTest, WhatIsLargerThanItIsOnlyGivenBack) {
    add(1);
    EXPECT_NE(add(2, 1'001), nullptr);
    EXPECT_FALSE(has(2));
    EXPECT_NE(add(3, 1'000), nullptr);
    EXPECT_TRUE(has(3));
}

TEST(BlockCache, IsSharedByThreads) {
    Metrics registry;
    ReadMetrics metrics(registry);
    BlockCache cache(8U << 20, metrics);
    const auto work = [&](uint64_t seed) {
        Random random(seed);
        for (int round = 0; round < 20'000; ++round) {
            const auto number = static_cast<uint32_t>(random.below(400));
            CachedPtr found = cache.find({1, number}, Use::kPoint);
            if (!found)
                found =
                    cache.add({1, number}, std::make_shared<Thing>(40'000 + number), Use::kPoint);
            ASSERT_EQ(found->bytes_used(), 40'000 + number);
            if (random.below(5'000) == 0) cache.forget(1);
        }
    };
    const Thread first("first", [&] { work(1); });
    const Thread second("second", [&] { work(2); });
    work(3);
    EXPECT_LE(cache.bytes_used(), 8U << 20);
}

}  // namespace
}  // namespace braid::runs
