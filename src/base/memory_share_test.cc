// SPDX-License-Identifier: Apache-2.0
#include "base/memory_share.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(MemoryShare, IsGivenUpToTheLastByte) {
    Metrics metrics;
    MemoryShare share("clients", 100, metrics);
    MemoryClaim first(&share);
    MemoryClaim second(&share);
    EXPECT_TRUE(first.hold(60));
    EXPECT_FALSE(second.hold(41));
    EXPECT_EQ(second.bytes(), 0U);
    EXPECT_TRUE(second.hold(40));
    EXPECT_FALSE(first.hold(61));
    EXPECT_EQ(first.bytes(), 60U);
    EXPECT_FALSE(first.hold(UINT64_MAX));
    EXPECT_EQ(share.bytes(), 100U);
    EXPECT_TRUE(first.hold(10));
    EXPECT_TRUE(second.hold(90));
}

TEST(MemoryShare, ComesBackWithItsHolder) {
    Metrics metrics;
    MemoryShare share("clients", 100, metrics);
    {
        MemoryClaim claim(&share);
        ASSERT_TRUE(claim.hold(70));
        MemoryClaim moved = std::move(claim);
        EXPECT_EQ(share.bytes(), 70U);
        MemoryClaim other(&share);
        ASSERT_TRUE(other.hold(30));
        other = std::move(moved);
        EXPECT_EQ(share.bytes(), 70U);
    }
    EXPECT_EQ(share.bytes(), 0U);
}

TEST(MemoryShare, RefusesWithItsNameAndShowsIt) {
    Metrics metrics;
    MemoryShare share("clients", 3 << 20, metrics);
    MemoryClaim claim(&share);
    ASSERT_TRUE(claim.hold(1 << 20));
    ASSERT_FALSE(claim.hold(4 << 20));
    EXPECT_EQ(claim.refusal().sqlstate(), "53200");
    EXPECT_EQ(claim.refusal().detail(), "All clients together may hold 3 MiB.");
    const std::string text = metrics.to_prometheus();
    EXPECT_NE(text.find("braid_memory_bytes{share=\"clients\"} 1048576"), std::string::npos);
    EXPECT_NE(text.find("braid_memory_limit_bytes{share=\"clients\"} 3145728"), std::string::npos);
    EXPECT_NE(text.find("braid_memory_refusals_total{share=\"clients\"} 1"), std::string::npos);
}

TEST(MemoryShare, IsOfNoAccountWithoutOne) {
    MemoryClaim claim;
    EXPECT_TRUE(claim.hold(UINT64_MAX));
}

TEST(MemoryShare, KeepsItsLimitAmongThreads) {
    Metrics metrics;
    MemoryShare share("clients", 1000, metrics);
    std::vector<std::thread> threads;
    std::atomic<bool> was_more{false};
    for (int each = 0; each < 4; ++each) {
        threads.emplace_back([&] {
            MemoryClaim claim(&share);
            for (uint64_t bytes = 1; bytes < 20'000; ++bytes) {
                (void)claim.hold(bytes * 7919 % 601);
                if (share.bytes() > 1000) was_more = true;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_FALSE(was_more);
    EXPECT_EQ(share.bytes(), 0U);
}

}  // namespace
}  // namespace braid
