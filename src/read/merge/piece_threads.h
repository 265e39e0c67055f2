// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "base/result.h"
#include "read/merge/view_pieces.h"

namespace braid::read {

/// Threads that help statements with their pieces. Whoever asks works too, so it never waits for a
/// thread to be free; those that help are started for it, and all statements together have at most
/// threads - 1 of them. Thread-safe.
class PieceThreads {
  public:
    /// At least one thread: with one, nobody helps.
    explicit PieceThreads(PieceLimits limits) : limits_(limits), free_(limits.threads - 1) {}

    /// What statements cut their views by.
    const PieceLimits& limits() const { return limits_; }

    /// Calls work(0) … work(pieces - 1), each once, several at a time, and returns when all have.
    /// After an error no further ones begin; that of the lowest piece is given, whichever came
    /// first.
    Result<void> run(size_t pieces, const std::function<Result<void>(size_t piece)>& work);

  private:
    size_t take(size_t wanted);

    const PieceLimits limits_;
    std::atomic<size_t> free_;
};

}  // namespace braid::read
