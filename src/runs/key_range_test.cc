// SPDX-License-Identifier: Apache-2.0
#include "runs/key_range.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace braid::runs {

namespace {

std::vector<WeighedKey> hundred_keys() {
    std::vector<WeighedKey> keys;
    for (int number = 199; number >= 100; --number) keys.push_back({fmt::format("{}", number), 1});
    return keys;
}

const std::vector<KeyRange> kAll(1);

}  // namespace

TEST(CutKeyRange, GivesRangesThatHoldAboutTheSame) {
    const std::vector<KeyRange> expected = {
        {"", "125"}, {"125", "150"}, {"150", "175"}, {"175", ""}};
    EXPECT_EQ(cut({}, hundred_keys(), 4), expected);
    EXPECT_EQ(cut({}, hundred_keys(), 1), kAll);
    EXPECT_EQ(cut({}, {}, 4), kAll);
    EXPECT_EQ(cut({}, {{"", 5}}, 4), kAll) << "a view without keys";
}

TEST(CutKeyRange, LeavesOtherKeysToOthersWhereOneIsHot) {
    std::vector<WeighedKey> keys = hundred_keys();
    keys.push_back({"150", 1'000});
    const std::vector<KeyRange> expected = {
        {"", "151"}, {"151", "167"}, {"167", "183"}, {"183", ""}};
    EXPECT_EQ(cut({}, keys, 4), expected);
}

TEST(CutKeyRange, HoldsEachKeyOfTheWholeInOneRangeWhateverTheKeysAre) {
    Random random(5);
    const auto key = [&] { return fmt::format("{}", random.below(40)); };
    for (int round = 0; round < 2'000; ++round) {
        const auto [from, to] = std::minmax({key(), key()});
        const KeyRange whole = {round % 3 == 0 ? "" : from, round % 5 == 0 || from == to ? "" : to};
        std::vector<WeighedKey> keys;
        for (uint64_t left = random.below(30); left > 0; --left) {
            keys.push_back({key(), random.below(4)});
        }
        const size_t count = 1 + random.below(6);
        const std::vector<KeyRange> ranges = cut(whole, keys, count);
        ASSERT_LE(ranges.size(), count);
        EXPECT_EQ(ranges.front().from, whole.from);
        EXPECT_EQ(ranges.back().to, whole.to);
        for (size_t next = 1; next < ranges.size(); ++next) {
            EXPECT_EQ(ranges[next - 1].to, ranges[next].from);
            EXPECT_LT(ranges[next - 1].from, ranges[next].from);
            EXPECT_TRUE(whole.contains(ranges[next].from));
        }
    }
}

TEST(GroupsByRange, ArePlacedByTheirBordersAndLeftOutBeyond) {
    operators::GroupTable table({});
    for (const char* key : {"k", "", "m", "a", "z", "c", "l"}) table.ensure_group(key);
    const std::vector<KeyRange> ranges = {{"a", "c"}, {"c", "l"}, {"l", "z"}};
    std::vector<std::vector<std::string>> keys;
    for (const auto& groups : groups_by_range(table, ranges)) {
        auto& of_range = keys.emplace_back();
        for (const auto group : groups) of_range.emplace_back(table.key_of(group));
    }
    const std::vector<std::vector<std::string>> expected = {{"a"}, {"k", "c"}, {"m", "l"}};
    EXPECT_EQ(keys, expected) << "in the order of the table";
    size_t all = 0;
    for (const auto& groups : groups_by_range(table, {{KeyRange{}}})) all += groups.size();
    EXPECT_EQ(all, table.size());
}

}  // namespace braid::runs
