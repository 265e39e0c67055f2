// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/metric.h"
#include "log/embedded_log.h"
#include "log/memory_log.h"
#include "manifest/test_support.h"
#include "operators/fold/fold_test_support.h"
#include "speed/table_worker.h"

namespace braid::speed {

/// A stream of two partitions with its log and its manifest in memory. Its views are the one of
/// operators/fold/fold_test_support.h.
struct TestStream {
    MemoryFileSystem files;
    SteppedClock clock;
    Metrics metrics;
    operators::TestViews views;
    SpeedOptions options = {.seal_events_min = 0};
    /// Its log is in memory, begins elsewhere than at 0, leaves out offsets by this seed and may
    /// get partitions; embedded and dense without.
    std::optional<uint64_t> holes_seed;
    /// Of the log; several streams of one node share it.
    std::shared_ptr<log::CommitOrder> order = std::make_shared<log::CommitOrder>();
    std::unique_ptr<manifest::Manifest> manifest;
    std::shared_ptr<log::PartitionedLog> log;
    catalog::Table table;

    /// Creates the stream; the test ends when that fails, as for all below.
    void open();
    SpeedParts parts();
    std::unique_ptr<TableWorker> worker();

    static std::string event(const std::string& key, int64_t number);
    void append(uint32_t partition, const std::vector<std::string>& records);
    /// The log, one in memory, gets another partition, which begins there.
    void add_partition(int64_t origin);
    /// The machine stops, and log and manifest are opened again; workers must be gone.
    void crash(CrashFate fate);
    manifest::Change new_view(const std::string& name) const;

    const manifest::TableState& state() const;
    std::vector<manifest::Run> runs(const std::string& view) const;
    Positions first_seal(const std::string& view) const;
    /// What the view's runs and the worker's ticks tile to from its first box on, as lines; or why
    /// they do not.
    Result<std::vector<std::string>> answer(TableWorker& worker, const std::string& view);

  private:
    void open_log();
};

}  // namespace braid::speed
