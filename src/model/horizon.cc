// SPDX-License-Identifier: Apache-2.0
#include "model/horizon.h"

#include <algorithm>

#include "base/check.h"

namespace braid {

size_t horizons_at(std::span<const Horizon> horizons, PartitionId partition, Offset offset) {
    const auto begins_behind = [&](Offset place, const Horizon& horizon) {
        CHECK(horizon.from.has(partition));
        return place < horizon.from.of(partition);
    };
    const auto first = std::upper_bound(horizons.begin(), horizons.end(), offset, begins_behind);
    return static_cast<size_t>(first - horizons.begin());
}

}  // namespace braid
