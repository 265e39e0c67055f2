// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.h"
#include "plan/node.h"
#include "read/merge/row_source.h"

namespace braid::read {

/// The rows of a leaf in pieces that threads read side by side: together they give each row once.
/// Thread-safe; a piece belongs to the thread that took it, and may outlive the others.
class RowPieces {
  public:
    virtual ~RowPieces() = default;
    /// How many threads can find something to do.
    virtual size_t count() const = 0;
    /// The next piece, opened; null when all are taken.
    virtual Result<RowSourcePtr> next() = 0;
};
using RowPiecesPtr = std::unique_ptr<RowPieces>;

/// As OpenLeaf, for several threads.
using OpenPieces = std::function<Result<RowPiecesPtr>(const plan::Node& leaf)>;

/// All pieces as one thread reads them.
RowSourcePtr one_after_the_other(RowPiecesPtr pieces);

RowPiecesPtr in_one_piece(RowSourcePtr rows);

/// Each piece as `change` makes it, which any thread may call.
RowPiecesPtr each_piece(RowPiecesPtr pieces,
                        std::function<Result<RowSourcePtr>(RowSourcePtr)> change);

}  // namespace braid::read
