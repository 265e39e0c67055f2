// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
/// origin. In order 0, 1, 2, …, none left out. A log may get partitions: a vector from before lacks
/// them and stands at their origins, wherever these are; it must grow before it is used beside one
/// that has them.
struct Positions {
    std::vector<Offset> at;

    static Positions zero(uint32_t partition_count);
    uint32_t partition_count() const { return static_cast<uint32_t>(at.size()); }
    bool has(PartitionId partition) const { return partition.value < at.size(); }
    Offset of(PartitionId partition) const { return at[partition.value]; }
    /// True if every position is >= the other's. Where only this one has a partition, it lies at or
    /// above the origin, at which the other stands. Where only the other has one: false, as nothing
    /// here says where that partition begins.
    bool dominates(const Positions& other) const;
    /// Takes over the partitions that it lacks: it stands at their origins.
    void grow(const Positions& origin);
    /// Moves up to where the other is higher; takes over what it lacks.
    void raise(const Positions& other);
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

    /// From one vector to another that has the same partitions and dominates it: CHECK.
    static Box between(const Positions& from, const Positions& to);
    const Interval* find(PartitionId partition) const;
    bool is_empty() const;          // no event can lie in it
    uint64_t width() const;         // so many can: offsets may leave some out
    std::string to_string() const;  // "0:[3,17) 1:[0,4)"
    friend bool operator==(const Box&, const Box&) = default;
};

/// Puts `box` behind `end`, which moves to its ends. False, and `end` unchanged, if some interval
/// does not start exactly at its partition's end: a gap or an overlap.
bool extend(Positions& end, const Box& box);

/// Whether a box is `whole`, or what that was before its log got some of its partitions: the box
/// lacks intervals in which no event can lie.
bool is_same_but_older(const Box& box, const Box& whole);

/// The union of two boxes of which the second starts where the first ends in every partition that
/// both cover; nullopt if it does not.
std::optional<Box> join(const Box& first, const Box& second);

}  // namespace braid
