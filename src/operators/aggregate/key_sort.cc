// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <span>

#include "operators/aggregate/key_sort_internal.h"

namespace braid::operators {
namespace {

using KeyOf = std::function<std::string_view(uint32_t)>;

/// Eight bytes of a key as a number that orders like them, and whose key it is.
struct Item {
    uint64_t head;
    uint32_t number;
};

uint64_t head_at(std::string_view key, size_t depth) {
    uint64_t head = 0;
    if (depth >= key.size()) return 0;
    const size_t left = key.size() - depth;
    std::memcpy(&head, key.data() + depth, left < sizeof head ? left : sizeof head);
    return __builtin_bswap64(head);
}

/// Length of the prefix that all keys share, from `depth` on.
size_t common_prefix(std::span<const Item> items, const KeyOf& key, size_t depth) {
    const std::string_view first = key(items[0].number);
    size_t common = first.size();
    for (const Item& item : items) {
        const std::string_view other = key(item.number);
        common = std::min(common, other.size());
        size_t same = std::min(depth, common);
        while (same < common && first[same] == other[same]) ++same;
        common = same;
        if (common <= depth) return depth;
    }
    return common;
}

bool any_ends_before(std::span<const Item> items, const KeyOf& key, size_t depth) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& item) { return key(item.number).size() < depth; });
}

/// Sorts by what follows `depth`: eight bytes at a time, then again among equals.
void sort_range(std::span<Item> items, const KeyOf& key, size_t depth) {
    constexpr size_t kFew = 24;
    // A key that has ended looks like one that goes on with zeros: then compare them whole.
    if (items.size() <= kFew || any_ends_before(items, key, depth)) {
        std::sort(items.begin(), items.end(), [&](const Item& left, const Item& right) {
            return key(left.number) < key(right.number);
        });
        return;
    }
    depth = common_prefix(items, key, depth);
    for (Item& item : items) item.head = head_at(key(item.number), depth);
    std::sort(items.begin(), items.end(),
              [](const Item& left, const Item& right) { return left.head < right.head; });
    for (size_t from = 0; from < items.size();) {
        size_t to = from + 1;
        while (to < items.size() && items[to].head == items[from].head) ++to;
        if (to - from > 1)
            sort_range(items.subspan(from, to - from), key, depth + sizeof(uint64_t));
        from = to;
    }
}

}  // namespace

std::vector<uint32_t> sort_keys(size_t count, const KeyOf& key) {
    std::vector<Item> items(count);
    for (uint32_t i = 0; i < count; ++i) items[i] = {0, i};
    sort_range(items, key, 0);
    std::vector<uint32_t> sorted(count);
    for (size_t i = 0; i < count; ++i) sorted[i] = items[i].number;
    return sorted;
}

}  // namespace braid::operators
