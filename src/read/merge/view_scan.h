// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/statement_limits.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_finisher.h"
#include "operators/fold/view_folder.h"
#include "read/merge/key_range.h"
#include "read/merge/piece_rows.h"
#include "read/merge/row_pieces.h"
#include "read/merge/row_source.h"
#include "read/merge/view_finisher.h"
#include "read/merge/view_pieces.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"

namespace braid::read {

/// Scans a piece of one view at one tiling. The largest run streams by in key order; everything
/// else is merged into a table first, and rows whose key is in both come last. Where that table
/// would be too large (one group with millions of subkeys, which no cutting makes smaller), all
/// runs and ticks are merged in the order of keys and subkeys as they stream by: slower, with
/// hardly any memory. 53200 where the statement has no more.
class ViewScan final : public RowSource {
  public:
    /// So much is merged at most: a piece that was cut for memory takes about a quarter of it.
    static constexpr uint64_t kMergedBytesMax = 4 * PieceLimits().merged_bytes_max;

    static Result<RowSourcePtr> open(operators::BoundView view, runs::Tiling tiling,
                                     const ViewPiece& piece, const ViewRows& wanted,
                                     uint64_t merged_bytes_max = kMergedBytesMax);
    ~ViewScan() override;
    Result<bool> next(Batch& batch) override;

  private:
    struct SubkeyCursor;
    ViewScan(operators::BoundView view, const StatementLimits& limits);
    Result<std::vector<operators::RowCursorPtr>> sections_of(int run, const KeyRange& range) const;
    Result<void> start(std::vector<operators::RowCursorPtr> sections);
    Result<size_t> stream_block();
    Result<void> take_row(const operators::StateRow& row, const operators::RowVisitor& visit);
    Result<bool> next_block(FinishedRows& finished);
    FinishInput take_block(size_t rows);
    Result<FinishInput> take_merged();

    operators::BoundView view_;
    RowWatch watch_;
    runs::Tiling tiling_;
    std::unique_ptr<ViewFinisher> finisher_;
    std::optional<operators::StateFinisher> states_;
    operators::GroupTable merged_;
    HeldMemory held_;  // for it
    operators::RowCursorPtr rows_;
    std::vector<std::unique_ptr<SubkeyCursor>> subkeys_;  // section n at n - 1
    std::vector<ColumnBuilder> key_builders_;
    bool streaming_ = false;
    std::optional<Error> failure_;  // of the row behind those given
    operators::GroupTable::Group next_group_ = 0;
};

/// The same in as many pieces as limits ask for. What is merged into tables is, for all of them
/// together, what one scan would merge; a table goes with its piece.
Result<RowPiecesPtr> open_view_pieces(operators::BoundView view, runs::Tiling tiling,
                                      const KeyRange& range, ViewRows wanted,
                                      const PieceLimits& limits);

}  // namespace braid::read
