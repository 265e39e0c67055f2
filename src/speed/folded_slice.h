// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "log/partitioned_log.h"
#include "operators/fold/shard.h"
#include "speed/layer.h"

namespace braid::speed {

/// A slice of the log on its way into a layer, from when it was given until all its pieces are in
/// the layer's shards. Whoever takes in the last piece adds the sums and tells the fold.
class FoldedSlice final : public operators::SplitSlice {
  public:
    std::vector<log::RecordBatch> batches;  // until they are decoded
    LayerPtr layer;
    uint64_t generation = 0;  // of the fold: after a reload nobody wants it
    uint64_t epoch = 0;

    size_t records = 0;
    size_t bad = 0;
    std::optional<int64_t> clock_us = {};  // as Layer::clock_us
};
using FoldedSlicePtr = std::shared_ptr<FoldedSlice>;

}  // namespace braid::speed
