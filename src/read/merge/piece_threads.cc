// SPDX-License-Identifier: Apache-2.0
#include "read/merge/piece_threads.h"

#include <algorithm>

#include "base/thread.h"

namespace braid::read {

size_t PieceThreads::take(size_t wanted) {
    size_t free = free_.load();
    while (!free_.compare_exchange_weak(free, free - std::min(free, wanted))) {
    }
    return std::min(free, wanted);
}

Result<void> PieceThreads::run(size_t pieces,
                               const std::function<Result<void>(size_t piece)>& work) {
    const size_t taken = pieces < 2 ? 0 : take(pieces - 1);
    Result<void> outcome = for_each_on_threads(1 + taken, "read piece", pieces, work);
    free_ += taken;
    return outcome;
}

}  // namespace braid::read
