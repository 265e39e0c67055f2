// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "log/extent.h"

namespace braid::log {

/// The newest groups of a partition as they were written, so that whoever follows the log reads
/// them from memory. Holds at most about kBytesMax: beyond it the oldest are dropped, and then
/// read from their file. Guarded by its owner.
class Tail {
  public:
    static constexpr size_t kBytesMax = 16 << 20;
    /// What may stay behind a reader, for the others.
    static constexpr size_t kBytesKept = 1 << 20;

    /// Whole blocks of records that lie at `position` of their file and follow those added before.
    void add(std::string blocks, uint64_t position);
    /// Null if it is not here.
    std::shared_ptr<const Chunk> find(Offset from) const;
    /// A reader has come to `end`.
    void release(Offset end);
    /// The log begins at `start` now.
    void trim(Offset start);
    size_t bytes() const { return bytes_; }

  private:
    void drop_oldest();

    std::deque<std::shared_ptr<const Chunk>> chunks_;  // by offset, without gaps
    size_t bytes_ = 0;
};

}  // namespace braid::log
