// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "batch/run_merge.h"
#include "operators/aggregate/group_table.h"
#include "operators/fold/failed_events.h"
#include "operators/fold/retention.h"
#include "runs/run_file.h"

namespace braid::batch {

/// How a run is written.
struct WriteOptions {
    size_t threads = 1;
    /// More threads than one pay from so many groups each on.
    uint64_t range_rows_min = 16'384;
    GoOn go_on = {};
};

/// Writes the states of one view version over a scan of history as one run, by ranges of keys, on
/// several threads: what is in tables with no key in common, and before that, as often as they
/// outgrow the memory, a sorted spill of them. The spills are merged at the end. They lie in a
/// local directory and are deleted in the end, whatever that is. One thread at a time.
class ViewBuilder {
  public:
    using Tables = std::span<const operators::GroupTable* const>;

    /// Groups below the floor, if there is one, are no part of the run.
    ViewBuilder(Store& local, std::vector<plan::Aggregate> aggregates, std::string spill_directory,
                WriteOptions options = {}, operators::KeyFloorPtr floor = {});
    ViewBuilder(const ViewBuilder&) = delete;
    ViewBuilder& operator=(const ViewBuilder&) = delete;
    ~ViewBuilder();

    /// Writes the tables out; the caller goes on with empty ones.
    Result<void> spill(Tables tables);
    size_t spill_count() const { return spills_.size(); }

    /// The run's parts, rows and digest; ids, kind, box and account are the caller's.
    Result<manifest::Run> finish(Tables tables, const operators::FailedEvents& failed,
                                 runs::RunFile& file);

  private:
    /// The same of tables alone, without failed events.
    Result<manifest::Run> write(Tables tables, runs::RunFile& file) const;
    Result<manifest::Run> merge_spills(runs::RunFile& file) const;
    runs::RunWriterOptions part_options() const;
    Result<void> remove_spills();

    Store& local_;
    const std::vector<plan::Aggregate> aggregates_;
    const std::string spill_directory_;
    const WriteOptions options_;
    const operators::KeyFloorPtr floor_;
    std::vector<manifest::Run> spills_;
};

/// Deletes those that are there.
Result<void> remove_files(Store& store, const std::set<std::string>& files);

}  // namespace braid::batch
