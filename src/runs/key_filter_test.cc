// SPDX-License-Identifier: Apache-2.0
#include "runs/key_filter.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"

namespace braid::runs {
namespace {

std::vector<uint64_t> hashes(uint64_t seed, size_t count) {
    Random random(seed);
    std::vector<uint64_t> all(count);
    for (uint64_t& each : all) each = random.next();
    return all;
}

TEST(KeyFilter, HoldsBackNoKeyThatIsThere) {
    for (const size_t count : {1U, 2U, 25U, 26U, 1'000U, 100'000U}) {
        const auto present = hashes(count, count);
        const KeyFilter filter(present);
        const KeyFilter read = KeyFilter::from_bytes(filter.bytes());
        EXPECT_EQ(filter.bytes().size(), KeyFilter::bytes_for(count));
        for (const uint64_t hash : present) {
            ASSERT_TRUE(filter.may_hold(hash));
            ASSERT_TRUE(read.may_hold(hash));
        }
    }
}

TEST(KeyFilter, HoldsBackMostOthers) {
    const KeyFilter filter(hashes(1, 100'000));
    int passed = 0;
    for (const uint64_t hash : hashes(2, 100'000)) passed += filter.may_hold(hash) ? 1 : 0;
    EXPECT_LT(passed, 2'000);
    EXPECT_GT(passed, 100);
}

TEST(KeyFilter, IsTheSameOnEveryMachine) {
    const std::vector<uint64_t> keys = {hash64("a"), hash64("b"), hash64("c")};
    EXPECT_EQ(crc32c(KeyFilter(keys).bytes()), 0x24a3213aU);
}

TEST(KeyFilter, OfNothingOrOfAnotherSizeHoldsNothingBack) {
    EXPECT_TRUE(KeyFilter::from_bytes("").may_hold(7));
    EXPECT_TRUE(KeyFilter::from_bytes("123").may_hold(7));
}

}  // namespace
}  // namespace braid::runs
