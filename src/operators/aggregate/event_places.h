// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/ids.h"

namespace braid::operators {

/// Where the rows of one fold come from, for aggregates that ask: row i is the event at
/// (partition, offsets[i]).
struct EventPlaces {
    PartitionId partition;
    std::span<const Offset> offsets;
};

}  // namespace braid::operators
