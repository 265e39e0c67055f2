// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"

namespace braid {

/// The events of one partition with from <= offset < to. Empty when from == to; an empty interval
/// still moves a frontier.
struct Interval {
    PartitionId partition;
    Offset from;
    Offset to;
    friend bool operator==(const Interval&, const Interval&) = default;
};

/// A vector of positions of one log, one per partition, exclusive ends: a cut, a frontier or an
/// origin. All partitions of a table are always present, in order 0, 1, 2, ….
struct Positions {
    std::vector<Offset> at;

    static Positions zero(uint32_t partition_count);
    uint32_t partition_count() const { return static_cast<uint32_t>(at.size()); }
    Offset of(PartitionId partition) const { return at[partition.value]; }
    /// True if every position is >= the other's. Positions of different length do not compare:
    /// CHECK.
    bool dominates(const Positions& other) const;
    /// "0:17,1:4"
    std::string to_string() const;
    friend bool operator==(const Positions&, const Positions&) = default;
};
using Cut = Positions;
using Frontier = Positions;

/// The events that a run was computed from: one interval for each partition that it covers, in
/// order of partition, none twice (their sum, not a product).
struct Box {
    std::vector<Interval> intervals;

    static Box between(const Positions& from, const Positions& to);
    const Interval* find(PartitionId partition) const;
    bool is_empty() const;          // no event can lie in it
    std::string to_string() const;  // "0:[3,17) 1:[0,4)"
    friend bool operator==(const Box&, const Box&) = default;
};

/// Puts `box` behind `end`, which moves to its ends. False, and `end` unchanged, if some interval
/// does not start exactly at its partition's end: a gap or an overlap.
bool extend(Positions& end, const Box& box);

/// The union of two boxes of which the second starts where the first ends in every partition that
/// both cover; nullopt if it does not.
std::optional<Box> join(const Box& first, const Box& second);

}  // namespace braid
