// SPDX-License-Identifier: Apache-2.0
#include "app/memory_shares.h"

#include <gtest/gtest.h>

namespace braid::app {
namespace {

constexpr uint64_t kMebibyte = 1ULL << 20;

TEST(Sizes, HaveUnits) {
    EXPECT_EQ(parse_size("2GiB"), 2048 * kMebibyte);
    EXPECT_EQ(parse_size("2 GB"), 2048 * kMebibyte);
    EXPECT_EQ(parse_size("512MB"), 512 * kMebibyte);
    EXPECT_EQ(parse_size("512kB"), kMebibyte / 2);
    EXPECT_EQ(parse_size("123"), 123U);
    for (const char* wrong : {"", "GiB", "2gigabytes", "2.5GiB", "-1GiB", "2  GiB", "2GiB ",
                              "99999999999999999999", "17000000TiB"}) {
        EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
    }
}

TEST(MemoryShares, AreLessThanTheWhole) {
    for (const uint64_t limit : {256 * kMebibyte, 2048 * kMebibyte, 65'536 * kMebibyte}) {
        NodeOptions options;
        share_memory(limit, options);
        EXPECT_LE(options.speed.memory_bytes_max + options.batch.memory_bytes_max +
                      options.query_memory_bytes + options.statements_memory_bytes +
                      options.clients_memory_bytes + options.read_cache_bytes,
                  limit / 10 * 9);
        EXPECT_LE(options.statement_memory_bytes, options.statements_memory_bytes);
        EXPECT_LT(options.speed.seal_bytes_max, options.speed.memory_bytes_max);
        EXPECT_GT(options.read_cache_bytes, 0U);
    }
}

TEST(MemoryShares, OfTheMachineAreSomething) {
    EXPECT_GT(default_memory_limit(), 64 * kMebibyte);
    EXPECT_LT(default_memory_limit(), UINT64_MAX / 2);
}

}  // namespace
}  // namespace braid::app
