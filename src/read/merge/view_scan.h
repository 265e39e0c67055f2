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
#include "operators/aggregate/group_table.h"
#include "operators/fold/view_folder.h"
#include "read/merge/key_range.h"
#include "read/merge/view_finisher.h"
#include "read/row_source.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"

namespace braid::read {

/// Merges everything in a tiling that lies in a key range into one table: ⊕ over runs and ticks.
/// `skip_run` (an index into tiling.runs(), -1 for none) is left out.
Result<void> gather(const runs::Tiling& tiling, const KeyRange& range, int skip_run,
                    operators::GroupTable& into);

/// Adds one tick's groups of a range.
Result<void> gather_tick(const operators::GroupTable& tick, const KeyRange& range,
                         operators::GroupTable& into);

/// Scans one view at one tiling. The largest run streams by in key order; everything else is merged
/// into a table first, so memory follows the smaller runs. Rows whose key is in both are merged and
/// come last.
class ViewScan final : public RowSource {
  public:
    static Result<RowSourcePtr> open(operators::BoundView view, runs::Tiling tiling, KeyRange range,
                                     const ViewRows& wanted);
    ~ViewScan() override;
    Result<bool> next(Batch& batch) override;

  private:
    struct SetCursor;
    explicit ViewScan(operators::BoundView view);
    Result<void> start(int big_run);
    Result<size_t> stream_block();
    Result<void> merge_big_row(std::string_view key, std::string_view state);
    Result<uint64_t> count_set(size_t set, std::string_view key);
    Result<bool> next_block(FinishedRows& finished);
    FinishInput take_block(size_t rows);
    Result<FinishInput> take_merged();

    operators::BoundView view_;
    runs::Tiling tiling_;
    KeyRange range_;
    std::unique_ptr<ViewFinisher> finisher_;
    std::optional<operators::StateFinisher> states_;
    operators::GroupTable merged_;
    std::unique_ptr<runs::RunCursor> rows_;
    std::vector<std::unique_ptr<SetCursor>> sets_;
    std::vector<ColumnBuilder> key_builders_;
    bool streaming_ = false;
    std::optional<Error> failure_;  // of the row behind those given
    operators::GroupTable::Group next_group_ = 0;
};

/// The rows of one whole key, or none; `sources` in any order.
struct PointState {
    /// An encoded state, and per set its values.
    std::string state;
    std::vector<std::vector<std::string>> sets;
};

/// What ticks and runs hold about one key.
Result<void> collect_run(const runs::RunReader& run, std::string_view key, int set_count,
                         std::vector<PointState>& into);
void collect_tick(const operators::GroupTable& tick, std::string_view key, int set_count,
                  std::vector<PointState>& into);
/// ⊕ of the states of one key, finished: one row with a column per key and aggregate. `states` not
/// empty.
Result<Batch> finish_point(const operators::BoundView& view, std::string_view key,
                           const std::vector<PointState>& states, ViewFinisher& finisher);

}  // namespace braid::read
