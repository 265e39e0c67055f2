// SPDX-License-Identifier: Apache-2.0
#include "model/box.h"

#include <algorithm>

#include "base/check.h"

namespace braid {

Positions Positions::zero(uint32_t partition_count) {
    return {std::vector<Offset>(partition_count)};
}

bool Positions::dominates(const Positions& other) const {
    if (at.size() < other.at.size()) return false;
    for (size_t index = 0; index < other.at.size(); ++index) {
        if (at[index] < other.at[index]) return false;
    }
    return true;
}

void Positions::grow(const Positions& origin) {
    for (size_t index = at.size(); index < origin.at.size(); ++index) {
        at.push_back(origin.at[index]);
    }
}

void Positions::raise(const Positions& other) {
    grow(other);
    for (size_t index = 0; index < other.at.size(); ++index) {
        at[index] = std::max(at[index], other.at[index]);
    }
}

std::string Positions::to_string() const {
    std::string text;
    for (size_t index = 0; index < at.size(); ++index) {
        if (index != 0) text += ',';
        text += std::to_string(index) + ':' + std::to_string(at[index].value);
    }
    return text;
}

Box Box::between(const Positions& from, const Positions& to) {
    CHECK_EQ(from.at.size(), to.at.size());
    CHECK(to.dominates(from));
    Box box;
    for (uint32_t index = 0; index < from.partition_count(); ++index) {
        box.intervals.push_back({PartitionId{index}, from.at[index], to.at[index]});
    }
    return box;
}

const Interval* Box::find(PartitionId partition) const {
    for (const Interval& interval : intervals) {
        if (interval.partition == partition) return &interval;
    }
    return nullptr;
}

bool Box::is_empty() const {
    return std::ranges::all_of(intervals,
                               [](const Interval& each) { return each.from == each.to; });
}

uint64_t Box::width() const {
    uint64_t width = 0;
    for (const Interval& each : intervals) {
        width += static_cast<uint64_t>(each.to.value - each.from.value);
    }
    return width;
}

std::string Box::to_string() const {
    std::string text;
    for (const Interval& each : intervals) {
        if (!text.empty()) text += ' ';
        text += std::to_string(each.partition.value) + ":[" + std::to_string(each.from.value) +
                ',' + std::to_string(each.to.value) + ')';
    }
    return text;
}

bool extend(Positions& end, const Box& box) {
    for (const Interval& each : box.intervals) {
        if (each.partition.value >= end.partition_count()) return false;
        if (end.of(each.partition) != each.from || each.to < each.from) return false;
    }
    for (const Interval& each : box.intervals) end.at[each.partition.value] = each.to;
    return true;
}

bool is_same_but_older(const Box& box, const Box& whole) {
    auto next = box.intervals.begin();
    for (const Interval& each : whole.intervals) {
        if (next != box.intervals.end() && next->partition == each.partition) {
            if (*next++ != each) return false;
        } else if (each.from != each.to) {
            return false;
        }
    }
    return next == box.intervals.end();
}

std::optional<Box> join(const Box& first, const Box& second) {
    Box joined = first;
    for (const Interval& next : second.intervals) {
        auto place =
            std::ranges::lower_bound(joined.intervals, next.partition, {}, &Interval::partition);
        if (place == joined.intervals.end() || place->partition != next.partition) {
            joined.intervals.insert(place, next);
        } else if (place->to == next.from) {
            place->to = next.to;
        } else {
            return std::nullopt;
        }
    }
    return joined;
}

}  // namespace braid
