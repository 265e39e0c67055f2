// SPDX-License-Identifier: Apache-2.0
#include "runs/key_range.h"

#include <algorithm>
#include <utility>

namespace braid::runs {

namespace {

/// Sorted keys become one each; gives how many there are.
size_t add_equal(std::vector<WeighedKey>& keys) {
    size_t count = 0;
    for (WeighedKey& each : keys) {
        if (count > 0 && keys[count - 1].key == each.key) {
            keys[count - 1].weight += each.weight;
        } else if (WeighedKey& place = keys[count++]; &place != &each) {
            place = std::move(each);
        }
    }
    return count;
}

}  // namespace

std::vector<KeyRange> cut(const KeyRange& whole, std::vector<WeighedKey> keys, size_t count) {
    std::ranges::sort(keys, {}, &WeighedKey::key);
    keys.resize(add_equal(keys));
    uint64_t left = 0;  // behind the ranges that are closed
    for (const WeighedKey& each : keys) left += each.weight;
    std::vector<KeyRange> ranges = {whole};
    uint64_t open = 0;  // in the last range so far
    for (WeighedKey& each : keys) {
        // What a hot key has beyond its share is taken from the ranges behind it alike.
        const uint64_t share = left / (count - ranges.size() + 1);
        if (ranges.size() < count && open >= share && each.key > ranges.back().from &&
            whole.contains(each.key)) {
            left -= open;
            open = 0;
            ranges.back().to = each.key;
            ranges.push_back({std::move(each.key), whole.to});
        }
        open += each.weight;
    }
    return ranges;
}

std::vector<std::vector<operators::GroupTable::Group>> groups_by_range(
    const operators::GroupTable& table, std::span<const KeyRange> ranges) {
    std::vector<std::vector<operators::GroupTable::Group>> groups(ranges.size());
    const KeyRange whole = {ranges.front().from, ranges.back().to};
    const auto others = ranges.subspan(1);
    const auto from_of = [](const KeyRange& range) { return std::string_view(range.from); };
    for (operators::GroupTable::Group group = 0; group < table.size(); ++group) {
        const std::string_view key = table.key_of(group);
        if (!whole.contains(key)) continue;
        const auto next = std::ranges::upper_bound(others, key, {}, from_of);
        groups[static_cast<size_t>(next - others.begin())].push_back(group);
    }
    return groups;
}

}  // namespace braid::runs
