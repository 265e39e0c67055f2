// SPDX-License-Identifier: Apache-2.0
#include "catalog/shared_map.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace braid::catalog {
namespace {

using Map = SharedMap<int, std::string>;
using Plain = std::map<int, std::string>;

Plain listed(const Map& map) {
    Plain plain;
    for (const auto& [key, value] : map) plain.emplace(key, value);
    return plain;
}

/// Entries of `after` that are not the very ones of `before`.
size_t copied(const Map& before, const Map& after) {
    size_t count = 0;
    for (const auto& [key, value] : after) {
        const auto there = before.find(key);
        if (there == before.end() || &there->second != &value) ++count;
    }
    return count;
}

Map numbers(int count) {
    Map map;
    for (int key = 0; key < count; ++key) map.put(key, std::to_string(key));
    return map;
}

TEST(SharedMap, IsAnOrderedMap) {
    const std::vector<uint64_t> seeds = {1, 2, 3, 4, 5, 6};
    for (const uint64_t seed : seeds) {
        Random random(seed);
        Map map;
        Plain plain;
        std::vector<std::pair<Map, Plain>> older;
        // Small, then large: chunks fill, part, and come together again.
        const int keys = seed % 2 == 0 ? 70 : 700;
        for (int step = 0; step < 4000; ++step) {
            const int key = static_cast<int>(random.below(static_cast<uint64_t>(keys)));
            const bool shrinks = (step / 500) % 2 == 1;
            if (random.below(4) < (shrinks ? 3U : 1U)) {
                ASSERT_EQ(map.erase(key), plain.erase(key));
            } else {
                map[key] += "x";
                plain[key] += "x";
            }
            if (step % 400 == 0) older.emplace_back(map, plain);
            const auto place = map.lower_bound(key);
            const auto expected = plain.lower_bound(key);
            ASSERT_EQ(place == map.end(), expected == plain.end());
            ASSERT_TRUE(expected == plain.end() || place->first == expected->first);
            ASSERT_EQ(map.contains(key), plain.contains(key));
            ASSERT_EQ(map.size(), plain.size());
        }
        EXPECT_EQ(listed(map), plain);
        for (const auto& [then, expected] : older) EXPECT_EQ(listed(then), expected);
    }
}

TEST(SharedMap, AChangeCopiesOneEntry) {
    const Map before = numbers(4000);
    Map after = before;
    EXPECT_EQ(copied(before, after), 0U);
    after.edit(1234) = "other";
    EXPECT_EQ(copied(before, after), 1U);
    EXPECT_EQ(before.at(1234), "1234");
    EXPECT_EQ(after.at(1234), "other");
    after.put(4000, "new");
    after.erase(17);
    EXPECT_EQ(copied(before, after), 2U);
    EXPECT_EQ(after.size(), 4000U);
    EXPECT_TRUE(before.contains(17));
}

TEST(SharedMap, WhatIsItsOwnIsChangedInPlace) {
    const Map before = numbers(200);
    Map after = before;
    std::string& first = after.edit(5);
    first = "once";
    EXPECT_EQ(&after.edit(5), &first);
    after.put(150, "beside");
    first = "twice";
    EXPECT_EQ(after.at(5), "twice");
}

TEST(SharedMap, MayBeEmpty) {
    Map map;
    EXPECT_EQ(map.begin(), map.end());
    EXPECT_EQ(map.find(1), map.end());
    EXPECT_EQ(map.erase(1), 0U);
    map.put(1, "a");
    EXPECT_EQ(map.erase(1), 1U);
    EXPECT_TRUE(map.empty());
    EXPECT_EQ(map.begin(), map.end());
    map.put(2, "b");
    EXPECT_EQ(map.begin()->second, "b");
}

}  // namespace
}  // namespace braid::catalog
