// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

#include "base/random.h"
#include "operators/aggregate/key_sort_internal.h"
#include "operators/aggregate/key_table_internal.h"
#include "operators/aggregate/text_store_internal.h"

namespace braid::operators {
namespace {

/// True if the key is new.
bool insert(KeyTable& table, uint32_t tag, std::string_view key) {
    if (table.find(tag, key) != KeyTable::kNone) return false;
    table.insert(tag, key);
    return true;
}

KeyTable::Ref insert(KeyTable& table, std::string_view key) {
    const uint32_t tag = KeyTable::tag_of(key);
    insert(table, tag, key);
    return table.find(tag, key);
}

TEST(KeyTable, FindsEveryKeyThroughAllGrowth) {
    KeyTable table(8);
    constexpr uint64_t kKeys = 200'000;  // several splits deep
    for (uint64_t i = 0; i < kKeys; ++i) {
        const KeyTable::Ref ref = insert(table, std::to_string(i));
        uint64_t payload = 1;
        std::memcpy(&payload, table.payload(ref), sizeof payload);
        ASSERT_EQ(payload, 0U);
        std::memcpy(table.payload(ref), &i, sizeof i);
    }
    ASSERT_EQ(table.size(), kKeys);
    for (uint64_t i = 0; i < kKeys; ++i) {
        const std::string key = std::to_string(i);
        const KeyTable::Ref ref = table.find(KeyTable::tag_of(key), key);
        ASSERT_NE(ref, KeyTable::kNone);
        ASSERT_EQ(table.key(ref), key);
        uint64_t payload = 0;
        std::memcpy(&payload, table.payload(ref), sizeof payload);
        ASSERT_EQ(payload, i);
    }
    EXPECT_EQ(table.find(KeyTable::tag_of("x"), "x"), KeyTable::kNone);
}

TEST(KeyTable, KeepsKeysOfEveryLengthApart) {
    KeyTable table(4);
    const std::string bytes(200'000, 'a');
    std::vector<size_t> sizes;
    for (size_t size = 0; size < 100; ++size) sizes.push_back(size);
    for (const size_t size : {65'533, 65'534, 65'535, 65'536, 70'000, 199'999}) {
        sizes.push_back(static_cast<size_t>(size));
    }
    for (const size_t size : sizes) insert(table, std::string_view(bytes).substr(0, size));
    EXPECT_EQ(table.size(), sizes.size());
    for (const size_t size : sizes) {
        const auto key = std::string_view(bytes).substr(0, size);
        EXPECT_EQ(table.key(insert(table, key)), key);
    }
    EXPECT_EQ(table.size(), sizes.size());
}

TEST(KeyTable, StandsManyKeysOfOneTag) {
    KeyTable table(4);
    constexpr uint32_t kTag = 0xDEADBEEF;
    constexpr int kKeys = 20'000;  // more than a segment holds
    for (int i = 0; i < kKeys; i += 1 + i / 100) {
        const std::string key = std::to_string(i);
        ASSERT_TRUE(insert(table, kTag, key));
        ASSERT_FALSE(insert(table, kTag, key));
    }
    // Tag 0 looks like the tag of an empty slot.
    EXPECT_TRUE(insert(table, 0, "zero"));
    EXPECT_NE(table.find(0, "zero"), KeyTable::kNone);
    EXPECT_EQ(table.find(0, "one"), KeyTable::kNone);
}

TEST(KeyTable, LikelyEntryIsTheEntryOrHasNoKey) {
    KeyTable table(4);
    const std::string absent = "absent";
    EXPECT_FALSE(table.is_key(table.likely_entry(KeyTable::tag_of(absent)), absent));
    EXPECT_FALSE(table.is_key(table.likely_entry(KeyTable::tag_of("")), ""));
    int likely = 0;
    constexpr int kKeys = 50'000;
    for (int i = 0; i < kKeys; ++i) insert(table, std::to_string(i));
    for (int i = 0; i < kKeys; ++i) {
        const std::string key = std::to_string(i);
        likely += table.is_key(table.likely_entry(KeyTable::tag_of(key)), key) ? 1 : 0;
    }
    EXPECT_GT(likely, kKeys * 9 / 10);
}

TEST(KeyTable, HashSpreadsCounters) {
    // Big-endian counters are what integer keys look like; every bit of the tag must take part.
    std::array<int, 32> ones{};
    constexpr uint64_t kKeys = 1 << 16;
    for (uint64_t i = 0; i < kKeys; ++i) {
        std::string key(9, '\0');
        const uint64_t big_endian = __builtin_bswap64(i | 1ULL << 63);
        std::memcpy(key.data() + 1, &big_endian, sizeof big_endian);
        const uint32_t tag = KeyTable::tag_of(key);
        for (size_t bit = 0; bit < 32; ++bit) ones[bit] += (tag >> bit) & 1;
    }
    for (const int count : ones) EXPECT_NEAR(count, kKeys / 2, kKeys / 100);
}

TEST(KeySort, OrdersLikeMemcmp) {
    Random random(3);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::string> keys(random.below(3000));
        for (std::string& key : keys) {
            key.assign(round % 3 == 0 ? 17 : 0, 'p');
            const uint64_t length = random.below(20);
            for (uint64_t i = 0; i < length; ++i) {
                key.push_back(static_cast<char>(random.below(round % 2 == 0 ? 2 : 256)));
            }
        }
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        for (size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
        const auto order =
            sort_keys(keys.size(), [&](uint32_t i) { return std::string_view(keys[i]); });
        ASSERT_EQ(order.size(), keys.size());
        for (size_t i = 1; i < order.size(); ++i) ASSERT_LT(keys[order[i - 1]], keys[order[i]]);
    }
}

TEST(TextStore, ReusesFreedBuffers) {
    TextStore store;
    std::unordered_map<char*, uint32_t> live;
    for (int round = 0; round < 10'000; ++round) {
        uint32_t capacity = 0;
        char* buffer = store.allocate(1 + round % 3000, capacity);
        ASSERT_GE(capacity, 1U + round % 3000);
        std::memset(buffer, round, capacity);
        store.free(buffer, capacity);
    }
    EXPECT_LT(store.bytes_used(), 200'000U);
}

}  // namespace
}  // namespace braid::operators
