// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/statement_limits.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_row.h"
#include "read/merge/view_pieces.h"
#include "runs/snapshot.h"

/// What the runs and ticks of a tiling hold in a piece of a view, as a table or in order.
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

/// The groups of a tick's table, the n-th of the tiling's, whose key lies in the piece and has not
/// expired.
std::vector<operators::GroupTable::Group> groups_in(const runs::Tiling& tiling,
                                                    const ViewPiece& piece, size_t number,
                                                    const operators::GroupTable& table);

/// Merges everything in a tiling that lies in a piece into one table: ⊕ over runs and ticks.
/// `skip_run` (an index into tiling.runs(), -1 for none) is left out. Ends as the limits say.
/// False, and anything in the table, where that would take about more than so many bytes.
Result<bool> gather(const runs::Tiling& tiling, const ViewPiece& piece, int skip_run,
                    const StatementLimits& limits, uint64_t bytes_max, operators::GroupTable& into);

/// The same by section, as streams of rows in order that hold none of what runs hold; of ticks
/// four bytes for each group and for each subkey of one group at a time, which `held` is asked for.
/// The ticks must outlive them. What has expired may be among them.
Result<std::vector<operators::RowCursorPtr>> ordered_sections(
    const runs::Tiling& tiling, const ViewPiece& piece,
    const std::vector<plan::Aggregate>& aggregates, HeldMemory& held);

}  // namespace braid::read
