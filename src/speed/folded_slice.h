// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "log/partitioned_log.h"
#include "model/fold_account.h"
#include "operators/fold/failed_events.h"
#include "speed/layer.h"

namespace braid::speed {

/// A slice on its way into a layer, from when it was given by the log until all its pieces are in
/// the layer's shards. Whoever takes in the last piece adds the sums and tells the fold.
class FoldedSlice {
  public:
    std::vector<log::RecordBatch> batches;  // until they are decoded
    LayerPtr layer;
    uint64_t generation = 0;  // of the fold: after a reload nobody wants it
    uint64_t epoch = 0;

    size_t records = 0;
    size_t bad = 0;
    std::vector<FoldAccount> accounts;            // by view
    std::vector<operators::FailedEvents> failed;  // by view

    /// Whoever makes pieces holds one more until all are made.
    void add_piece() { pieces_.fetch_add(1, std::memory_order_relaxed); }
    /// True for the last.
    bool settle_piece() { return pieces_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  private:
    std::atomic<size_t> pieces_ = 1;
};
using FoldedSlicePtr = std::shared_ptr<FoldedSlice>;

}  // namespace braid::speed
