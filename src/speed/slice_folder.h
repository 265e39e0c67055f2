// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "operators/decode/decoder.h"
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
    /// Into pieces for the shards of its layer, which are pushed there; the slice's sums are
    /// filled in, its records forgotten.
    void split(const FoldedSlicePtr& slice);

  private:
    SliceFolder() = default;
    void decode(const log::RecordBatch& batch);
    void push_rows(const FoldedSlicePtr& slice, size_t view,
                   std::vector<operators::ShardRows> shards);
    void push_groups(const FoldedSlicePtr& slice, size_t view,
                     std::shared_ptr<const operators::GroupTable> table);

    std::unique_ptr<operators::Decoder> decoder_;
    std::unique_ptr<operators::ViewFolder> folder_;
    std::vector<bool> wanted_;
    operators::DecodedSlice decoded_;
    std::vector<operators::GroupTable> empty_;  // by view: asked what rows for it must tell
    /// By view: so many slices are split by rows before one is folded to see how far that shrinks
    /// it.
    std::vector<int> rows_for_;
};

}  // namespace braid::speed
