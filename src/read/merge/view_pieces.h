// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "operators/aggregate/group_table.h"
#include "read/merge/key_range.h"
#include "runs/snapshot.h"

/// A read of a view on several threads: its keys are cut into ranges, and each thread takes one
/// after the other, whole: what lies in it of every run and tick.
namespace braid::read {

/// What one thread reads at a time.
struct ViewPiece {
    KeyRange range;
    /// The groups in the range, by tables of ticks as visit_tick_tables numbers them. Without any
    /// list whoever reads looks for them.
    std::vector<std::vector<operators::GroupTable::Group>> groups;
};

struct PieceLimits {
    /// Opening a piece compiles expressions and reads blocks that its neighbours read too: some
    /// hundred microseconds, against ten milliseconds and more for so many rows.
    static constexpr uint64_t kRowsMin = 64ULL << 10;

    size_t threads = 1;  // that will take them
    uint64_t rows_min = kRowsMin;
    /// About what one may take of memory: all but the largest run is merged into a table.
    uint64_t merged_bytes_max = 8ULL << 20;
};

/// Cuts a range of a view: pieces of about equal rows that lie in it, in the order of their keys;
/// each key is in one of them and none overlap. One piece, the range itself, where there is too
/// little for two; for one thread too there are as many as their memory asks for. Of runs only
/// indexes are read; of ticks all keys are, once, if they are cut. `sections`: those beyond 0.
Result<std::vector<ViewPiece>> cut_view(const runs::Tiling& tiling, const KeyRange& range,
                                        uint32_t sections, const PieceLimits& limits);

/// The tables of all ticks; ends with the first error of `visit`. Internal where a tick lacks the
/// view.
Result<void> visit_tick_tables(
    const runs::Tiling& tiling,
    const std::function<Result<void>(size_t number, const operators::GroupTable& table)>& visit);

}  // namespace braid::read
