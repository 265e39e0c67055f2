// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/store.h"
#include "manifest/manifest.h"
#include "model/tasks.h"

namespace braid::housekeeping {

/// What a node knows of the tables that were dropped. Each may be empty, as where there are no
/// logs.
struct DroppedTables {
    Store* local = nullptr;  // where the logs lie
    std::function<std::string(TableId)> log_directory;
    /// Whether somebody still writes or reads what is left of one: its files then stay.
    std::function<bool(TableId)> is_in_use;
};

struct SweeperParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    Tasks* tasks = nullptr;
    DroppedTables dropped;
    /// Pins that are older hold nothing back.
    int64_t snapshot_max_us = 0;
    std::function<bool()> is_closing;
};

/// Frees what DROP TABLE has left: log, dataset and run files of the table. The manifest names it
/// until nothing of it lies anywhere, so no crash makes anybody forget. Nothing is garbage because
/// no table claims it: an older manifest that was brought back claims less than there is. One
/// thread at a time.
class Sweeper {
  public:
    explicit Sweeper(SweeperParts parts) : parts_(std::move(parts)) {}

    /// What was removed.
    struct Swept {
        uint64_t files = 0;
        uint64_t bytes = 0;
    };
    /// Removes a bounded number of files; false: there is nothing to do. `swept` is added to,
    /// whatever comes of it. Where a table fails the others have their turn.
    Result<bool> sweep(Swept& swept);

  private:
    bool is_read(TableId table, const manifest::State& state);
    Result<void> remove_all(const manifest::Dropped& dropped, Swept& swept);
    /// Not all of it where `files_left_` does not last.
    Result<void> remove_tree(Store& root, const std::string& directory, Swept& swept);

    const SweeperParts parts_;
    std::map<TableId, ManifestNumber> gone_at_;  // a version that names the table no more
    uint64_t files_left_ = 0;                    // of this call
    Tasks::Running task_;
};

}  // namespace braid::housekeeping
