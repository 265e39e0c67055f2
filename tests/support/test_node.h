// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/node.h"
#include "app/quarantine.h"
#include "base/clock.h"
#include "base/memory_file_system.h"
#include "base/metric.h"
#include "base/random.h"
#include "base/worker.h"
#include "serving/session/session.h"
#include "tests/support/sparse_logs.h"

namespace braid::testing {

/// A client: SQL through a session of its own. Ends before its node does.
class TestSession {
  public:
    explicit TestSession(const serving::Services& services);

    /// Runs statements; the rows of the last one as lines "a|b|NULL", in the order they came.
    Result<std::vector<std::string>> query(std::string_view sql);
    /// As of a client: while a statement runs, from whatever thread.
    void cancel() { session_.cancel(); }

  private:
    serving::Session session_;
};

/// A whole node in one thread: files in memory, a clock that stands, workers that move when told.
/// SQL goes through a session as a client's would. After crash() the node is gone; start() recovers
/// it on the same files.
class TestNode {
  public:
    explicit TestNode(app::NodeOptions options = small_options());
    /// The same in many threads: on a clock and workers that move by themselves, such as those of a
    /// Simulation. The seed is that of its ids: each process has its own.
    TestNode(app::NodeOptions options, const Clock& clock, Workers& workers, uint64_t seed = 1);
    ~TestNode();

    /// Options under which a handful of events fills extents, parts and segments.
    static app::NodeOptions small_options();

    Result<void> start();
    /// Before the start: logs of another form instead of embedded ones. They begin anywhere, may
    /// get partitions, and lose nothing in a crash. The dense ones leave out no offset.
    void use_sparse_logs(uint64_t seed) {
        sparse_logs_ = std::make_shared<SparseLogs>(*clock_in_use_, seed, /*has_holes=*/true);
    }
    void use_dense_logs(uint64_t seed) {
        sparse_logs_ = std::make_shared<SparseLogs>(*clock_in_use_, seed, /*has_holes=*/false);
    }
    /// The stream's log, which is one of these, gets another partition.
    void add_partition(const std::string& table);
    uint32_t partition_count(const std::string& table) const;
    /// The process dies and, with it, the machine: what was not synced meets its fate.
    void crash(CrashFate fate, uint64_t seed);
    /// The process ends in good order.
    Result<void> stop();
    bool is_running() const { return node_ != nullptr; }

    /// As TestSession::query, in a session that the node keeps.
    Result<std::vector<std::string>> query(std::string_view sql);
    /// Another client.
    std::unique_ptr<TestSession> open_session();
    /// As query(), failing the test on an error.
    std::vector<std::string> rows(std::string_view sql);
    void run(std::string_view sql);

    /// Appends records to a partition of a stream, as one request.
    Result<log::AppendOutcome> append(const std::string& table, uint32_t partition,
                                      const std::vector<std::string>& records,
                                      const std::string& idempotency_key = "");

    /// Everything that has work does it: sources, folds, due seals and archives.
    void run_workers() { workers_.run_until_idle(); }
    Result<void> seal(const std::string& table);
    Result<void> archive(const std::string& table);
    TableId table(const std::string& name) const;

    /// Digest over (key, state), failed events and accounts of all that a view's tiling holds in a
    /// read mode: equal for equal answers, whatever they are made of.
    Result<Digest> digest(const std::string& view, runs::ReadMode mode = runs::ReadMode::kLive,
                          std::optional<int64_t> horizon_us = {});

    app::Node& node() { return *node_; }
    /// The manifest, the dataset and the runs lie in a store of their own from now on, which
    /// outlives this; before start().
    void keep_store_in(Store& store) { store_ = &store; }
    /// All of the data directory lies in these files, which outlive this; before start().
    void live_in(MemoryFileSystem& files) {
        files_ = &files;
        live_on(files);
    }
    /// The same of files of any form; what crash() and files() do is not for them.
    void live_on(FileSystem& files) {
        local_ = &files;
        store_ = &files;
    }
    MemoryFileSystem& files() { return *files_; }
    SteppedClock& clock() { return clock_; }
    SteppedWorkers& workers() { return workers_; }

  private:
    void end_session();

    const app::NodeOptions options_;
    MemoryFileSystem own_files_;
    MemoryFileSystem* files_ = &own_files_;
    FileSystem* local_ = &own_files_;
    Store* store_ = &own_files_;
    MemoryFileSystem machine_;
    SteppedClock clock_;
    SteppedWorkers workers_;
    const Clock* clock_in_use_ = &clock_;
    Workers* workers_in_use_ = &workers_;
    Random random_;
    Metrics metrics_;
    std::shared_ptr<SparseLogs> sparse_logs_;
    std::unique_ptr<app::Node> node_;
    std::unique_ptr<app::Quarantine> quarantine_;
    std::unique_ptr<serving::ReceiptLog> receipts_;
    std::unique_ptr<serving::RecordAppender> appender_;
    serving::Services services_;
    std::unique_ptr<TestSession> session_;
};

}  // namespace braid::testing
