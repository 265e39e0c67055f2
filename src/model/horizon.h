// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/box.h"

namespace braid {

/// What the events of a stream are held against where views retain their groups for a time only: of
/// an event at or above `from`, and below that of the next horizon, a view counts what lies in
/// groups that it keeps at `time_us`; the rest has expired. Vectors and times of a list rise.
struct Horizon {
    Positions from;
    int64_t time_us = 0;  // Unix microseconds

    friend bool operator==(const Horizon&, const Horizon&) = default;
};

/// How many of the horizons, from the first on, begin at or below a place; the last of those holds
/// there. 0: none does, nothing expires. All have the partition: CHECK.
size_t horizons_at(std::span<const Horizon> horizons, PartitionId partition, Offset offset);

}  // namespace braid
