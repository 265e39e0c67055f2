// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "operators/decode/decoder.h"
#include "operators/fold/event_clock.h"
#include "operators/fold/slice_splitter.h"
#include "operators/fold/view_folder.h"
#include "speed/folded_slice.h"
#include "speed/layer.h"
#include "speed/view_set.h"

namespace braid::speed {

/// Decodes slices of one stream once and folds them for all versions of a view set. Holds scratch
/// memory: one thread at a time.
class SliceFolder {
  public:
    static Result<std::unique_ptr<SliceFolder>> create(const catalog::Table& table,
                                                       const ViewSet& views);

    /// Into a layer of one shard. How many records did not decode.
    size_t fold(const log::RecordBatch& slice, Layer& into);
    /// Into pieces for the shards of its layer, which are pushed there and taken in; the slice's
    /// sums are filled in, its records forgotten. Gives the slices of which nothing is on its way
    /// any more.
    std::vector<operators::SplitSlicePtr> split(const FoldedSlicePtr& slice);
    /// About what it holds of the last slice, and room for the next.
    uint64_t bytes_used() const { return bytes_used_; }

  private:
    SliceFolder() = default;
    /// Gives the time that the records move the stream's clock to.
    std::optional<int64_t> decode(const log::RecordBatch& batch);

    std::unique_ptr<operators::Decoder> decoder_;
    std::unique_ptr<operators::ViewFolder> folder_;
    std::vector<bool> wanted_;
    std::optional<operators::EventClock> clock_;  // where somebody asks for the stream's
    operators::DecodedSlice decoded_;
    uint64_t bytes_used_ = 0;
    std::unique_ptr<operators::SliceSplitter> splitter_;
};

}  // namespace braid::speed
