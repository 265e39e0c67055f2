// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "operators/decode/decoder.h"
#include "operators/fold/shard.h"
#include "operators/fold/view_folder.h"

namespace braid::operators {

/// Where there is much to fold a slice may grow to so many records: what it is folded into first
/// then takes in more of each group, and less is left to merge.
inline constexpr size_t kSplitRecordsMax = 16'384;

/// Makes pieces for the shards of all views of slices that are decoded. A view with few keys is
/// folded into a table of the slice's own, whose groups are then merged: so a hot key is one group
/// a slice to its shard. Where that would hardly shrink the slice, its rows are handed on as they
/// are. Between begin() and push() a slice may come in several decoded parts. One thread at a
/// time; the folder must outlive it.
class SliceSplitter {
  public:
    explicit SliceSplitter(ViewFolder& folder);

    /// The slice's sums are filled in from now on.
    void begin(SplitSlice& slice, size_t shard_count);
    void fold(const DecodedSlice& decoded);
    /// Hands all pieces of the slice that was begun to the shards.
    void push(const SplitSlicePtr& slice, Shards& into);

  private:
    void push_rows(const SplitSlicePtr& slice, size_t view, Shards& into);
    void push_groups(const SplitSlicePtr& slice, size_t view, Shards& into);

    ViewFolder& folder_;
    std::vector<GroupTable> empty_;  // by view, as all below: asked what rows for it must tell
    /// So many slices are split by rows before one is folded to see how far that shrinks it.
    std::vector<int> rows_for_;
    // Of the slice at hand.
    std::vector<std::shared_ptr<GroupTable>> tables_;  // null: rows
    std::vector<std::vector<ShardRows>> rows_;
    std::vector<FoldTarget> targets_;
};

}  // namespace braid::operators
