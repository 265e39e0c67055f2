// SPDX-License-Identifier: Apache-2.0
#include "speed/shard.h"

#include "speed/folded_slice.h"

namespace braid::speed {

void Shard::push(ShardPiece piece) {
    const ScopedLock lock(mutex_);
    queue_.push_back(std::move(piece));
}

void Shard::drain(std::vector<std::shared_ptr<FoldedSlice>>& done) {
    UniqueLock lock(mutex_);
    if (is_draining_) return;
    is_draining_ = true;
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
    is_draining_ = false;
}

}  // namespace braid::speed
