// SPDX-License-Identifier: Apache-2.0
#include "read/merge/piece_threads.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace braid::read {

namespace {

/// One call of run().
class Round {
  public:
    Round(size_t pieces, const std::function<Result<void>(size_t)>& work)
        : pieces_(pieces), work_(work) {}

    void work() {
        for (size_t piece = next_++; piece < pieces_; piece = next_++) {
            Result<void> done = work_(piece);
            if (done) continue;
            // Whatever lies below was taken before, and is still looked at.
            next_ = pieces_;
            const ScopedLock lock(mutex_);
            if (error_ && failed_ < piece) continue;
            failed_ = piece;
            error_ = std::move(done).error();
        }
    }

    Result<void> outcome() {
        const ScopedLock lock(mutex_);
        if (error_) return *std::move(error_);
        return {};
    }

  private:
    const size_t pieces_;
    const std::function<Result<void>(size_t)>& work_;
    std::atomic<size_t> next_ = 0;
    Mutex mutex_;
    size_t failed_ GUARDED_BY(mutex_) = 0;
    std::optional<Error> error_ GUARDED_BY(mutex_);
};

}  // namespace

size_t PieceThreads::take(size_t wanted) {
    size_t free = free_.load();
    while (!free_.compare_exchange_weak(free, free - std::min(free, wanted))) {
    }
    return std::min(free, wanted);
}

Result<void> PieceThreads::run(size_t pieces,
                               const std::function<Result<void>(size_t piece)>& work) {
    Round round(pieces, work);
    const size_t taken = pieces < 2 ? 0 : take(pieces - 1);
    {
        std::vector<Thread> helpers;
        for (size_t number = 0; number < taken; ++number) {
            helpers.emplace_back("read piece", [&round] { round.work(); });
        }
        round.work();
    }
    free_ += taken;
    return round.outcome();
}

}  // namespace braid::read
