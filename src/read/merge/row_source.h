// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "columnar/column.h"
#include "plan/node.h"

namespace braid::read {

/// Rows on their way to an answer, pulled batch by batch by one thread.
class RowSource {
  public:
    virtual ~RowSource() = default;
    /// False at the end, and `batch` untouched. A batch given has at least one row and at most
    /// 65,536.
    virtual Result<bool> next(Batch& batch) = 0;
};
using RowSourcePtr = std::unique_ptr<RowSource>;

/// Opens a leaf of a plan (a scan of a view, a stream or a system relation, or an aggregate that
/// the kernel runs) at the statement's snapshot.
using OpenLeaf = std::function<Result<RowSourcePtr>(const plan::Node& leaf)>;

}  // namespace braid::read
