// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "model/fold_account.h"
#include "operators/aggregate/group_table.h"
#include "operators/fold/failed_events.h"
#include "operators/fold/shard_rows.h"

namespace braid::operators {

/// A slice on its way into shards, until all its pieces are in. Whoever takes in the last piece
/// adds the sums to those of the whole.
class SplitSlice {
  public:
    std::vector<FoldAccount> accounts;  // by view
    std::vector<FailedEvents> failed;   // by view

    /// Whoever makes pieces holds one more until all are made.
    void add_piece() { pieces_.fetch_add(1, std::memory_order_relaxed); }
    /// True for the last.
    bool settle_piece() { return pieces_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  private:
    std::atomic<size_t> pieces_ = 1;
};
using SplitSlicePtr = std::shared_ptr<SplitSlice>;

/// What one slice adds to one shard: rows, or groups of a table that the slice was folded into
/// before.
struct ShardPiece {
    SplitSlicePtr slice;
    ShardRows rows;
    std::shared_ptr<const GroupTable> table;  // null: rows
    std::vector<GroupTable::Group> groups;
};

/// The groups of one view whose keys GroupTable::shard_of gives the same number. Pieces come from
/// any thread, in any order (⊕ commutes); one thread at a time takes them in, whoever finds nobody
/// at it, so none waits for another and states have one writer.
class Shard {
  public:
    explicit Shard(const std::vector<plan::Aggregate>& aggregates)
        : table_(std::make_shared<GroupTable>(aggregates)) {}

    void push(ShardPiece piece);
    /// Takes in all that waits, unless another does already, and what comes meanwhile. Slices that
    /// have no piece left go to `done`.
    void drain(std::vector<SplitSlicePtr>& done);

    /// Of the table as it last stood with nothing to take in. From any thread.
    uint64_t bytes_used() const { return bytes_.load(std::memory_order_relaxed); }
    /// To be touched only while no piece is on its way.
    const std::shared_ptr<GroupTable>& table() const { return table_; }

  private:
    const std::shared_ptr<GroupTable> table_;  // written by who drains
    std::atomic<uint64_t> bytes_ = 0;
    Mutex mutex_;  // of no other lock held meanwhile
    std::deque<ShardPiece> queue_ GUARDED_BY(mutex_);
    bool is_draining_ GUARDED_BY(mutex_) = false;
};

/// By view, as many for each: a power of two.
using Shards = std::vector<std::vector<std::unique_ptr<Shard>>>;

/// As many as pay for so many threads that fold.
size_t shard_count_of(size_t threads);

}  // namespace braid::operators
