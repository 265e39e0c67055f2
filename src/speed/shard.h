// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "operators/aggregate/group_table.h"
#include "operators/fold/shard_rows.h"

namespace braid::speed {

class FoldedSlice;

/// What one slice adds to one shard: rows, or groups of a table that the slice was folded into
/// before.
struct ShardPiece {
    std::shared_ptr<FoldedSlice> slice;
    operators::ShardRows rows;
    std::shared_ptr<const operators::GroupTable> table;  // null: rows
    std::vector<operators::GroupTable::Group> groups;
};

/// The groups of one view of a layer whose keys GroupTable::shard_of gives the same number. Pieces
/// come from any thread, in any order (⊕ commutes); one thread at a time takes them in, whoever
/// finds nobody at it, so none waits for another and states have one writer.
class Shard {
  public:
    explicit Shard(const std::vector<plan::Aggregate>& aggregates)
        : table_(std::make_shared<operators::GroupTable>(aggregates)) {}

    void push(ShardPiece piece);
    /// Takes in all that waits, unless another does already, and what comes meanwhile. Slices that
    /// have no piece left go to `done`.
    void drain(std::vector<std::shared_ptr<FoldedSlice>>& done);

    /// To be touched only while no slice of the layer is on its way.
    const std::shared_ptr<operators::GroupTable>& table() const { return table_; }

  private:
    const std::shared_ptr<operators::GroupTable> table_;  // written by who drains
    Mutex mutex_;                                         // of no other lock held meanwhile
    std::deque<ShardPiece> queue_ GUARDED_BY(mutex_);
    bool is_draining_ GUARDED_BY(mutex_) = false;
};

}  // namespace braid::speed
