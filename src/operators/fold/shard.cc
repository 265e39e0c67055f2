// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/shard.h"

#include <algorithm>
#include <bit>

namespace braid::operators {

namespace {

constexpr size_t kShardsMax = 32;

}  // namespace

void Shard::push(ShardPiece piece) {
    const ScopedLock lock(mutex_);
    queue_.push_back(std::move(piece));
}

void Shard::drain(std::vector<SplitSlicePtr>& done) {
    UniqueLock lock(mutex_);
    if (is_draining_) return;
    is_draining_ = true;
    const bool has_pieces = !queue_.empty();
    while (!queue_.empty()) {
        ShardPiece piece = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        if (piece.table) {
            table_->merge(*piece.table, piece.groups);
        } else {
            piece.rows.fold_into(*table_);
        }
        if (piece.slice->settle_piece()) done.push_back(std::move(piece.slice));
        lock.lock();
    }
    if (has_pieces) bytes_.store(table_->bytes_used(), std::memory_order_relaxed);
    is_draining_ = false;
}

size_t shard_count_of(size_t threads) { return std::min(std::bit_ceil(threads), kShardsMax); }

}  // namespace braid::operators
