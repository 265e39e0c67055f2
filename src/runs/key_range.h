// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/aggregate/group_table.h"

namespace braid::runs {

/// The encoded keys with from <= key < to; an empty `to` is the end.
struct KeyRange {
    std::string from;
    std::string to;

    bool contains(std::string_view key) const { return key >= from && (to.empty() || key < to); }
    friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

/// A key, and how much lies from it on to the next: rows or bytes.
struct WeighedKey {
    std::string key;
    uint64_t weight = 0;
};

/// At most so many ranges, which follow one another and hold the keys of `whole` and no others:
/// about equal by weight. Keys may come in any order, and several times.
std::vector<KeyRange> cut(const KeyRange& whole, std::vector<WeighedKey> keys, size_t count);

/// The groups of a table by ranges that follow one another; those that lie in none are left out.
std::vector<std::vector<operators::GroupTable::Group>> groups_by_range(
    const operators::GroupTable& table, std::span<const KeyRange> ranges);

}  // namespace braid::runs
