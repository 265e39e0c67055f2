// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/box.h"

namespace braid {

/// Where a box lies as seen from a cut. One that is empty and lies at the cut is below it. The cut
/// has all partitions of the box: CHECK.
enum class Side : uint8_t { kBelow, kAbove, kAcross };
Side side_of(const Box& box, const Positions& cut);

}  // namespace braid
