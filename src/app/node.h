// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/catalog_views.h"
#include "app/clock_watch.h"
#include "app/function_data_store.h"
#include "app/key_watch.h"
#include "app/sources.h"
#include "archive/archiver.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/memory_share.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/worker.h"
#include "batch/batch_layer.h"
#include "housekeeping/housekeeper.h"
#include "log/commit_order.h"
#include "log/log_factory.h"
#include "log/redo_record.h"
#include "log/takeover.h"
#include "manifest/manifest.h"
#include "model/directory_owner.h"
#include "model/health.h"
#include "model/tasks.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/view_pieces.h"
#include "read/reader.h"
#include "runs/run_file.h"
#include "serving/control.h"
#include "speed/speed_layer.h"

namespace braid::app {

struct NodeOptions {
    log::EmbeddedLogOptions log;
    speed::SpeedOptions speed;
    archive::ArchiveOptions archive;
    batch::BatchOptions batch;
    housekeeping::HousekeepingOptions housekeeping;
    FunctionDataFiles function_data;
    std::vector<std::string> allowed_files;  // directories that file sources may read
    /// What a stream may still take while its seals fail.
    uint64_t unsealed_bytes_max = 256ULL << 20;
    uint64_t query_memory_bytes = 1ULL << 30;
    uint64_t statement_memory_bytes = 256ULL << 20;
    uint64_t statements_memory_bytes = 1ULL << 30;  // of all of them together
    /// What clients make the node hold: what they send, and what their sessions keep.
    uint64_t clients_memory_bytes = 1ULL << 30;
    read::PieceLimits query;  // threads that answer statements, and what is worth one
    /// For what was read of runs.
    uint64_t read_cache_bytes = 256ULL << 20;
};

/// What a node stands on: real in the program; in memory, stepped and faulty in tests. Outlives the
/// node.
struct NodeGround {
    FileSystem* local = nullptr;    // log, redo, spill, cache: this machine's own
    Store* store = nullptr;         // manifest, dataset, views, function data; may be the same
    FileSystem* machine = nullptr;  // rooted at "/", for file sources
    const Clock* clock = nullptr;
    Workers* workers = nullptr;
    Random* random = nullptr;
    Metrics* metrics = nullptr;
    collect::AllowedFiles::ResolveLinks resolve_links;  // of the machine; may be empty
    /// Another process has the data directory by now: this one must end, at once and without a
    /// farewell.
    std::function<void(const Error&)> on_lost = {};
    /// What was taken and is not used any more; may be empty.
    std::function<void()> give_memory_back = {};
    std::shared_ptr<log::LogFactory> logs = {};  // null: the node's own
};

/// 128 random bits: a name that nothing else has.
std::string random_hex(Random& random);

/// One data directory, or a local one and a store, with all roles on it, without ports: log, speed,
/// archive, batch, read, and what sessions may ask of them. open() recovers whatever a crash left.
/// Thread-safe.
class Node final : public serving::Control {
  public:
    /// Unavailable when another process has the directory.
    static Result<std::unique_ptr<Node>> open(NodeGround ground, NodeOptions options);
    ~Node() override;

    /// Seals what is folded and stops all work. After an error the directory is as after a crash:
    /// safe.
    Result<void> close();

    /// The configured list of directories that file sources may read, from now on.
    void allow_files(std::vector<std::string> directories);
    /// While `declares`, a file table declares that its directory may be read: what --init does.
    void declare_allowed_files(bool declares) { declares_allowed_files_ = declares; }

    MemoryShare& clients() { return clients_; }
    read::Reader& reader() { return *reader_; }
    operators::BoundViews& views() { return *views_; }
    const read::ReadParts& read_parts() const { return read_parts_; }
    /// Whether every file source has its files in the log and speed has folded the log.
    bool is_caught_up() const;
    Result<void> seal(TableId table) { return speed_->seal(table); }
    Result<void> archive(TableId table);
    Result<uint64_t> release(int64_t undo_window_us) {
        return housekeeper_->release(undo_window_us);
    }
    Positions frontier(TableId table) const { return speed_->frontier(table); }
    /// Of all logs of this node.
    log::CommitOrder& commit_order() { return commit_order_; }
    /// How each part is; outlives none of them.
    const Health& health() const { return health_; }
    /// Why some stream could not be opened or stopped folding, if one did.
    std::optional<Error> failure() const;

    manifest::StatePtr state() const override;
    Result<std::shared_ptr<log::PartitionedLog>> log_of(TableId table) const override;
    std::optional<Error> failure_of(TableId table) const override;
    std::vector<serving::SourceRow> sources_of(TableId table) const override;
    std::vector<TaskReport> tasks() const override { return tasks_.report(); }
    std::vector<std::string> source_troubles(const catalog::Table& table) const override;
    Result<ObjectId> new_id() override;
    Result<std::vector<manifest::Change>> complete(catalog::Table table) override;
    Result<catalog::MaterializedView> complete(std::string name, const plan::ViewPlan& plan,
                                               std::string time_zone) override;
    Result<void> commit(const serving::TransactionWork& work) override EXCLUDES(definitions_mutex_);
    Result<void> refresh(ViewId view, const StatementLimits& limits) override;
    Result<uint64_t> erase(TableId table, const plan::ExprPtr& predicate, const TextFormat& format,
                           const StatementLimits& limits) override;
    Result<uint64_t> judge_audit(uint64_t audit, bool is_accepted) override;

  private:
    /// What runs for one stream beside the layers.
    struct Stream {
        catalog::Table table;
        std::shared_ptr<log::PartitionedLog> log;
        std::shared_ptr<collect::Source> source;  // null: clients bring the records
        Workers::Handle source_step = 0;
        std::shared_ptr<PartHealth> source_health;
        std::optional<Error> source_failure;
    };
    /// A stream that could not be opened.
    struct Failed {
        Error why;
        std::shared_ptr<PartHealth> health;
    };

    Node(NodeGround ground, NodeOptions options);
    Result<void> start();
    read::ReadParts parts_of_reader(Store& store);
    Result<void> open_tables();
    /// Brings the function data of these names to what is configured; missing names stay missing.
    Result<void> sync_function_data(const std::vector<std::string>& names)
        EXCLUDES(function_data_mutex_);
    using Logs = std::map<TableId, std::shared_ptr<log::PartitionedLog>>;
    Result<std::shared_ptr<log::PartitionedLog>> open_log(const catalog::Table& table);
    /// Opens a stream, or notes why it cannot be: the others go on without it.
    Result<void> open_table(const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log);
    Result<void> open_table(const catalog::Table& table);
    /// Gives the error that everybody gets who asks for the stream.
    Error note_failure(const catalog::Table& table, const Error& why);
    Result<void> check_not_failed(TableId table) const;
    Result<TableId> fresh_table_id(const std::string& name);
    /// Refuses a source that can never work or may not be read; adds what else CREATE TABLE
    /// commits.
    Result<void> admit_source(const catalog::Table& table, std::vector<manifest::Change>& changes);
    /// Puts the list together: configured, declared and `more`.
    void renew_allowed_files(const std::string& more = {});
    /// Tells whether what the source names may be read.
    void judge_source(const Stream& stream) const;
    Result<void> start_source(Stream& stream);
    void close_table(TableId table);
    /// Whether the log is still in somebody's hands: a statement's, an append's, the archive's.
    bool is_in_use(TableId table);
    std::map<TableId, Stream> stop_sources();
    /// What goes on even if nothing is written.
    void start_watch();

    // node_transactions.cc
    /// Brings what a crash has left of transactions to its end.
    Result<void> finish_transactions(const Logs& logs);
    log::RedoRecord record_of(const serving::TransactionWork& work);
    /// 53100 before anything is decided, as each of the logs would say later.
    Result<void> check_room(const log::RedoRecord& record) const;
    Result<void> store(const serving::TransactionWork& work, const log::RedoRecord& record);
    Result<void> write_redo(const log::RedoRecord& record);
    Result<void> define(const std::vector<manifest::Change>& changes);
    Result<void> define_and_open(const std::vector<manifest::Change>& changes);
    /// Through the stream's worker, together with a seal.
    Result<void> declare(TableId table, const std::vector<manifest::Change>& changes);
    Result<void> backfill(const serving::TransactionWork& work);

    const NodeGround ground_;
    const NodeOptions options_;
    Health health_;
    Tasks tasks_;
    std::unique_ptr<DirectoryOwner> owner_;
    std::unique_ptr<ClockWatch> clock_watch_;
    Workers::Handle watch_step_ = 0;
    log::CommitOrder commit_order_;
    std::unique_ptr<manifest::Manifest> manifest_;
    std::unique_ptr<log::RedoRecords> redo_;
    std::unique_ptr<log::Takeover> takeover_;
    std::shared_ptr<log::LogFactory> logs_;
    Sources sources_;
    std::atomic<bool> declares_allowed_files_ = false;
    std::unique_ptr<FunctionDataStore> function_data_;
    std::unique_ptr<CatalogViews> views_;
    std::unique_ptr<runs::RunCache> runs_;
    std::unique_ptr<runs::Tilings> tilings_;
    std::unique_ptr<archive::Archiver> archiver_;
    std::unique_ptr<speed::SpeedLayer> speed_;
    std::unique_ptr<batch::BatchLayer> batch_;
    std::unique_ptr<housekeeping::Housekeeper> housekeeper_;
    MemoryShare statements_;
    MemoryShare clients_;
    read::ReadParts read_parts_;
    std::unique_ptr<KeyWatch> key_watch_;
    Workers::Handle key_step_ = 0;
    std::unique_ptr<read::Reader> reader_;
    Mutex function_data_mutex_;
    mutable Mutex mutex_;
    std::vector<std::string> configured_files_ GUARDED_BY(mutex_);
    std::map<TableId, Stream> streams_ GUARDED_BY(mutex_);
    std::map<TableId, Failed> failed_ GUARDED_BY(mutex_);
    // Declared, and about to be in one of the two.
    std::set<TableId> opening_ GUARDED_BY(mutex_);
    /// Of tables that were dropped.
    std::map<TableId, std::weak_ptr<log::PartitionedLog>> closed_logs_ GUARDED_BY(mutex_);
    mutable CondVar opened_;
    bool is_closed_ = false;
    /// Held while a transaction changes the catalog and stores its rows: what its redo record tells
    /// a start by must not change before they are all there.
    Mutex definitions_mutex_;
    std::atomic<uint32_t> turn_ = 0;  // of partitions
};

}  // namespace braid::app
