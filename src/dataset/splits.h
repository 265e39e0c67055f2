// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "dataset/segment.h"
#include "manifest/manifest.h"
#include "model/box.h"

namespace braid::dataset {

/// Some row groups of a segment.
struct SplitPiece {
    manifest::Segment segment;
    RowRange rows;
};

/// What one thread, or one process, takes of the dataset at a time. Several that were made together
/// have each row group once.
using Split = std::vector<SplitPiece>;

/// So many splits of the segments that hold offsets in [from, end), of about equal rows: they begin
/// where row groups do, so the last may be empty. The same for the same arguments, wherever they
/// are made; reads nothing. Corrupt as segments_between.
Result<std::vector<Split>> splits_between(const manifest::TableState& table, const Positions& from,
                                          const Positions& end, size_t count);

/// A split as several that begin where row groups do, of one row group each.
std::vector<Split> divide(const Split& split);

}  // namespace braid::dataset
