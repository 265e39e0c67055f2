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
#include "read/merge/row_pieces.h"
#include "read/merge/row_source.h"
#include "read/merge/view_finisher.h"
#include "read/merge/view_pieces.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"

namespace braid::read {

/// Asks a statement's limits once in some thousand rows of runs.
class RowWatch {
  public:
    explicit RowWatch(StatementLimits limits) : limits_(std::move(limits)) {}
    Result<void> row() {
        if (++rows_ % kRowsBetween != 0) return {};
        return limits_.check();
    }

  private:
    static constexpr uint32_t kRowsBetween = 4096;
    const StatementLimits limits_;
    uint32_t rows_ = 0;
};

/// Merges everything in a tiling that lies in a piece into one table: ⊕ over runs and ticks.
/// `skip_run` (an index into tiling.runs(), -1 for none) is left out. Ends as the limits say.
Result<void> gather(const runs::Tiling& tiling, const ViewPiece& piece, int skip_run,
                    const StatementLimits& limits, operators::GroupTable& into);

/// The groups of a tick's table, the n-th of the tiling's, whose key lies in the piece and has not
/// expired.
std::vector<operators::GroupTable::Group> groups_in(const runs::Tiling& tiling,
                                                    const ViewPiece& piece, size_t number,
                                                    const operators::GroupTable& table);

/// Scans a piece of one view at one tiling. The largest run streams by in key order; everything
/// else is merged into a table first, so memory follows the smaller runs: 53200 where the statement
/// has no more. Rows whose key is in both
/// are merged and come last.
class ViewScan final : public RowSource {
  public:
    static Result<RowSourcePtr> open(operators::BoundView view, runs::Tiling tiling,
                                     const ViewPiece& piece, const ViewRows& wanted);
    ~ViewScan() override;
    Result<bool> next(Batch& batch) override;

  private:
    struct SubkeyCursor;
    ViewScan(operators::BoundView view, const StatementLimits& limits);
    Result<void> start(int big_run, const KeyRange& range);
    Result<size_t> stream_block();
    Result<void> take_big_row(const operators::StateRow& row, const operators::RowVisitor& visit);
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

/// The rows of one key in one run or tick, by section; that of section 0 comes first.
class PointRows {
  public:
    void add(uint32_t section, const operators::StateRow& row) {
        rows_.push_back({section, std::string(row.subkey), std::string(row.state)});
    }
    Result<void> visit(std::string_view key, const operators::RowVisitor& visit) const {
        for (const Row& row : rows_) {
            TRY(visit(row.section, {.key = key, .subkey = row.subkey, .state = row.state}));
        }
        return {};
    }

  private:
    struct Row {
        uint32_t section = 0;
        std::string subkey;
        std::string state;
    };
    std::vector<Row> rows_;
};

/// What ticks and runs hold about one key; nothing is added where they hold none. `sections`:
/// those beyond 0.
Result<void> collect_run(const runs::RunReader& run, std::string_view key, uint32_t sections,
                         std::vector<PointRows>& into);
void collect_tick(const operators::GroupTable& tick, std::string_view key,
                  std::vector<PointRows>& into);
/// ⊕ of the states of one key, finished: one row with a column per key and aggregate. `sources` not
/// empty.
Result<Batch> finish_point(const operators::BoundView& view, std::string_view key,
                           const std::vector<PointRows>& sources, ViewFinisher& finisher);

}  // namespace braid::read
