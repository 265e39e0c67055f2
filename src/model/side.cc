// SPDX-License-Identifier: Apache-2.0
#include "model/side.h"

#include <algorithm>

#include "base/check.h"

namespace braid {

Side side_of(const Box& box, const Positions& cut) {
    for (const Interval& each : box.intervals) {
        CHECK_LT(each.partition.value, cut.partition_count());
    }
    const auto below = [&](const Interval& each) { return each.to <= cut.of(each.partition); };
    const auto above = [&](const Interval& each) { return each.from >= cut.of(each.partition); };
    if (std::ranges::all_of(box.intervals, below)) return Side::kBelow;
    return std::ranges::all_of(box.intervals, above) ? Side::kAbove : Side::kAcross;
}

}  // namespace braid
