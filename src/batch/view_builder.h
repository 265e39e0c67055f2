// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "operators/fold/view_folder.h"
#include "runs/run_file.h"

namespace braid::batch {

/// Collects the states of one view version over a scan of history and writes them as one run.
/// Within its memory budget everything stays in one table; beyond it the table is written out as a
/// sorted spill and the spills are merged at the end. Spills lie in a local directory and are
/// deleted by finish().
class ViewBuilder {
  public:
    ViewBuilder(Store& local, std::vector<plan::Aggregate> aggregates, std::string spill_directory);

    operators::FoldTarget target() { return {&table_, &account_, &failed_}; }
    /// What spill() gives back.
    uint64_t bytes_used() const { return table_.bytes_used(); }
    Result<void> spill();
    size_t spill_count() const { return spills_.size(); }

    /// The run's parts, rows, digest and account; ids, kind and box are the caller's.
    Result<manifest::Run> finish(runs::RunFile& file);

  private:
    Result<manifest::Run> merge_spills(runs::RunFile& file);

    Store& local_;
    const std::vector<plan::Aggregate> aggregates_;
    const std::string spill_directory_;
    operators::GroupTable table_;
    FoldAccount account_;
    operators::FailedEvents failed_;  // bounded: never spilled
    std::vector<manifest::Run> spills_;
};

/// Deletes those that are there.
Result<void> remove_files(Store& store, const std::set<std::string>& files);

}  // namespace braid::batch
