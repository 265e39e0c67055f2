// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "tests/prove/age/gauges.h"
#include "tests/prove/age/web_log.h"
#include "tests/support/test_node.h"

namespace braid::testing {

struct AgeOptions {
    std::string data;  // an existing directory
    /// Where the clock stands: not before the end of what an earlier process has done here.
    int64_t from_us = 0;
    double days = 30;
    double events_per_second = 50;
    int64_t seal_every_us = 5'000'000;
    int64_t batch_every_us = 3'600'000'000;        // 0: none
    int64_t batch_full_every_us = 86'400'000'000;  // 0: each
    /// Virtual time between two rows of gauges.
    int64_t sample_every_us = 3'600'000'000;
    /// As the option of CREATE TABLE; empty: for ever.
    std::string retention;
};

/// One row of what a node weighs at one moment of its life.
struct AgeRow {
    int64_t virtual_us = 0;
    uint64_t events = 0;
    uint64_t seals = 0;  // of this process
    uint64_t manifest_number = 0;
    double wall_seconds = 0;      // since the process began
    double cpu_us_per_event = 0;  // since the row before; without what made the events
    ProcessGauges process;
    std::map<std::string_view, FolderGauges> folders;
    uint64_t runs_max = 0;  // of the version that has most
    double point_us = 0;    // CPU of a point read
    double scan_ms = 0;     // CPU of a statement that reads all of a view
    double start_ms = 0;    // of the wall, until the first answer; of this process
    double start_cpu_ms = 0;

    static std::string header();
    std::string to_csv() const;
};

/// A node on a real directory that is led through its time by a clock that stands: in each step the
/// events of `seal_every_us` are appended, the clock moves, and whatever is due is done, in one
/// thread. A later process goes on where one was stopped; what came meanwhile is caught up first.
class AgedNode {
  public:
    static Result<std::unique_ptr<AgedNode>> open(AgeOptions options);

    bool has_ended() const;
    /// Until the next row is due.
    Result<void> live();
    /// Fails where a view does not hold each event once.
    Result<AgeRow> look();
    Result<void> close() { return node_->stop(); }

  private:
    explicit AgedNode(AgeOptions options);
    Result<void> start();
    Result<void> declare();
    Result<void> step();
    Result<void> append(uint64_t from, uint64_t to);
    Result<void> check_visits(const std::string& view) const;
    Result<double> cpu_of_point_reads() const;
    Result<double> cpu_of_scan() const;

    const AgeOptions options_;
    const WebLog web_log_;
    const SystemClock wall_;
    const int64_t began_us_;
    std::unique_ptr<FileSystem> disk_;
    std::unique_ptr<TestNode> node_;
    int64_t lived_us_;
    uint64_t events_ = 0;
    uint64_t events_at_row_ = 0;
    Positions sealed_;
    uint64_t seals_ = 0;
    double cpu_since_row_ = 0;
    double start_ms_ = 0;
    double start_cpu_ms_ = 0;
};

}  // namespace braid::testing
