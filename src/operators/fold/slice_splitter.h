// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
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
/// are, and taken in while they are still in this core's cache. Between begin() and finish() a
/// slice may come in several decoded parts. One thread at a time; the folder must outlive it.
class SliceSplitter {
  public:
    explicit SliceSplitter(ViewFolder& folder);

    /// The slice's sums are filled in from now on.
    void begin(SplitSlicePtr slice, Shards& into);
    /// `floors` by view, or empty: nothing expires.
    void fold(const DecodedSlice& decoded, std::span<const KeyFloorPtr> floors = {});
    /// Hands over what is left, takes in what waits in the shards, and gives the slices of which
    /// nothing is on its way any more.
    std::vector<SplitSlicePtr> finish();

  private:
    void push_rows(size_t view);
    void push_groups(size_t view);
    void take_in(size_t view);

    ViewFolder& folder_;
    std::vector<GroupTable> empty_;  // by view, as all below: asked what rows for it must tell
    /// So many slices are split by rows before one is folded to see how far that shrinks it.
    std::vector<int> rows_for_;
    // Of the slice at hand.
    SplitSlicePtr slice_;
    Shards* shards_ = nullptr;
    std::vector<std::shared_ptr<GroupTable>> tables_;  // null: rows
    std::vector<std::vector<ShardRows>> rows_;
    std::vector<FoldTarget> targets_;
    std::vector<SplitSlicePtr> done_;
};

}  // namespace braid::operators
