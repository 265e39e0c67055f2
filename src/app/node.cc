// SPDX-License-Identifier: Apache-2.0
#include "app/node.h"

#include <fmt/format.h>

#include "app/append_gate.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "catalog/connectors.h"
#include "model/older_manifest.h"
#include "operators/decode/declared_decoder.h"
#include "operators/fold/computable.h"
#include "read/reader_factory.h"

namespace braid::app {

namespace {

std::string log_directory(TableId table) { return fmt::format("log/{}", table.value); }

/// Its log as the declaration says it.
Result<log::LogSpec> log_spec_of(const catalog::Table& table) {
    const catalog::ConnectorFacts* connector = catalog::find_connector(table.connector);
    if (connector == nullptr) return invalid_input("unknown connector \"{}\"", table.connector);
    return log::LogSpec{.kind = connector->log,
                        .directory = log_directory(table.id),
                        .id = table.log,
                        .partition_count = table.partition_count};
}

/// A stream that is there but cannot be opened: never "does not exist", whatever was missing.
Error cannot_open(const catalog::Table& table, const Error& why) {
    const bool is_damage =
        why.code() == ErrorCode::kNotFound || why.code() == ErrorCode::kAlreadyExists ||
        why.code() == ErrorCode::kInvalidInput || why.code() == ErrorCode::kInternal;
    Error error(is_damage ? ErrorCode::kCorrupt : why.code(),
                fmt::format("stream \"{}\" cannot be opened: {}", table.name, why.message()));
    if (!is_damage) error = std::move(error).with_sqlstate(why.sqlstate());
    return std::move(error)
        .with_detail(why.detail())
        .with_hint(why.hint().empty() ? "Mend it and start again; other streams go on."
                                      : why.hint());
}

/// What batch asks of its neighbours; the last two are there before it does.
batch::BatchHooks hooks_of(Node& node, speed::SpeedLayer& speed, archive::Archiver& archiver,
                           const std::unique_ptr<housekeeping::Housekeeper>& housekeeper,
                           const read::ReadParts& read) {
    batch::BatchHooks hooks;
    hooks.seal = [&](TableId table) { return speed.seal(table); };
    hooks.archive_to = [&](TableId table, const Positions& end) {
        return archiver.archive_to(table, end);
    };
    hooks.roll = [&](TableId table) -> Result<Positions> {
        return TRY(node.log_of(table))->roll();
    };
    hooks.trim = [&](TableId table) -> Result<Positions> {
        TRY(archiver.trim(table));
        return TRY(node.log_of(table))->start();
    };
    hooks.destroy_segments = [&](TableId table) { return housekeeper->destroy_segments(table); };
    hooks.destroy = [&](TableId table) {
        read.key_counts->forget_counts();
        return housekeeper->destroy_runs(table);
    };
    return hooks;
}

}  // namespace

std::string random_hex(Random& random) {
    return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

Node::Node(NodeGround ground, NodeOptions options)
    : ground_(ground),
      options_(std::move(options)),
      health_(*ground.clock, ground.metrics),
      tasks_(*ground.clock),
      sources_(*ground.machine, ground.resolve_links,
               {ground.local->local_path(""), ground.store->local_path("")}, *ground.clock,
               ground.metrics),
      statements_("statements", options_.statements_memory_bytes, *ground.metrics),
      clients_("clients", options_.clients_memory_bytes, *ground.metrics),
      configured_files_(options_.allowed_files) {}

Node::~Node() {
    if (is_closed_) return;
    const auto closed = close();
    if (!closed) write_trace(TraceLevel::kWarning, "node", closed.error().to_string());
}

Result<std::unique_ptr<Node>> Node::open(NodeGround ground, NodeOptions options) {
    options.housekeeping.segments = {options.archive.segment_rows_max,
                                     options.archive.segment_bytes_max};
    std::unique_ptr<Node> node(new Node(ground, std::move(options)));
    auto started = node->start();
    if (!started) {
        node->stop_sources();
        node->is_closed_ = true;
        ground.workers->stop(node->watch_step_);
        return std::move(started).error();
    }
    node->key_step_ = ground.workers->start("keys", StepKind::kBackground,
                                            [&watch = *node->key_watch_] { return watch.step(); });
    return node;
}

Result<void> Node::start() {
    FileSystem& local = *ground_.local;
    Store& store = *ground_.store;
    owner_ = TRY(DirectoryOwner::take(local).context("locking the data directory"));
    owner_->on_lost(ground_.on_lost);
    for (const char* directory : {"log", "redo"}) TRY(local.create_directories(directory));
    TRY(local.sync_directory(""));
    manifest_ = TRY(manifest::Manifest::open(store, *ground_.clock, "manifest"));
    manifest_->report_to(health_.add("manifest"));
    TRY(manifest_->take_over(*owner_));
    start_watch();
    renew_allowed_files();
    redo_ = std::make_unique<log::RedoRecords>(local, "redo");
    takeover_ = TRY(log::Takeover::begin(local, "log", owner_->epoch()));
    function_data_ = std::make_unique<FunctionDataStore>(store, local.local_path("cache"),
                                                         options_.function_data);
    // Only what views already use: the rest is copied in when it is first needed.
    const manifest::StatePtr found = manifest_->head();
    std::vector<std::string> used;
    for (const auto& [name, data] : found->catalog.function_data) used.push_back(name);
    // A view answers by the copy that it was made with, and does not need what is configured now.
    if (auto synced = sync_function_data(used); !synced) {
        write_trace(TraceLevel::kWarning, "node", synced.error().to_string());
    }
    views_ = std::make_unique<CatalogViews>(*manifest_, *function_data_);
    runs_ = std::make_unique<runs::RunCache>(
        store, runs::RunCacheOptions{.bytes_max = options_.read_cache_bytes}, ground_.metrics);
    tilings_ = std::make_unique<runs::Tilings>(*runs_);
    archiver_ = std::make_unique<archive::Archiver>(
        archive::ArchiveParts{&store, ground_.clock, manifest_.get(), ground_.metrics, &health_},
        options_.archive, *ground_.workers);
    speed::SpeedParts speed{
        &store, ground_.clock, manifest_.get(), views_.get(), ground_.metrics, &health_, {}};
    speed.refill = [this](TableId table, const Interval& range, size_t records_max) {
        return archiver_->refill(table, range, records_max);
    };
    speed.order = &commit_order_;
    speed_ =
        std::make_unique<speed::SpeedLayer>(std::move(speed), options_.speed, *ground_.workers);
    batch::BatchParts batch{&store,       &local,      ground_.clock,   manifest_.get(),
                            views_.get(), runs_.get(), ground_.metrics, {}};
    batch.tasks = &tasks_;
    batch.health = &health_;
    batch.hooks = hooks_of(*this, *speed_, *archiver_, housekeeper_, read_parts_);
    batch_ =
        std::make_unique<batch::BatchLayer>(std::move(batch), options_.batch, *ground_.workers);
    TRY(housekeeping::remove_orphans(store, local, *manifest_->head()));
    housekeeper_ = std::make_unique<housekeeping::Housekeeper>(
        housekeeping::HousekeepingParts{
            &store,
            ground_.clock,
            manifest_.get(),
            views_.get(),
            ground_.metrics,
            &health_,
            &tasks_,
            [this](RunId run) { runs_->forget(run); },
            {&local, log_directory, [this](TableId table) { return is_in_use(table); }},
            [this](TableId table, const std::function<Result<void>()>& work) {
                return archiver_->while_idle(table, work);
            },
            [this](TableId table) { batch_->look_for_retention(table); },
            ground_.give_memory_back},
        options_.housekeeping, *ground_.workers);
    read_parts_ = parts_of_reader(store);
    key_watch_ = std::make_unique<KeyWatch>(read_parts_);
    reader_ = TRY(read::make_reader(read_parts_, options_.query_memory_bytes));
    return open_tables();
}

read::ReadParts Node::parts_of_reader(Store& store) {
    read::ReadParts read{
        &store, ground_.clock, manifest_.get(), speed_.get(), tilings_.get(), views_.get(), {}, {}};
    read.log_of = [this](TableId table) { return log_of(table); };
    read.enrich = [this](const std::set<std::string>& functions)
        -> Result<std::shared_ptr<const operators::EnrichData>> {
        std::set<std::string> names;
        for (const std::string& function : functions) names.insert(function_data_of(function));
        TRY(sync_function_data({names.begin(), names.end()}));
        std::vector<catalog::FunctionData> current;
        for (const auto& [name, data] : state()->catalog.function_data) {
            if (names.contains(name)) current.push_back(data);
        }
        return function_data_->load(current);
    };
    read.backfill_progress = [this](VersionId version) {
        return batch_->backfill_progress(version);
    };
    read.threads = std::make_shared<read::PieceThreads>(options_.query);
    read.statement_bytes_max = options_.statement_memory_bytes;
    read.statements = &statements_;
    read.snapshot_max_us = options_.housekeeping.snapshot_max_us;
    read.key_counts = std::make_shared<read::KeyCounts>(&health_);
    return read;
}

Result<void> Node::open_tables() {
    logs_ = ground_.logs;
    if (!logs_) {
        logs_ = log::make_log_factory(
            {ground_.local,
             ground_.clock,
             ground_.metrics,
             options_.log,
             {.order = &commit_order_, .owner = owner_.get(), .takeover = takeover_.get()}});
    }
    const manifest::StatePtr head = manifest_->head();
    Logs logs;
    for (const auto& [id, table] : head->catalog.tables) {
        auto log = open_log(table);
        if (log) {
            logs[id] = *std::move(log);
        } else {
            const Error failure = note_failure(table, log.error());
            if (failure.sqlstate() == kOlderManifest) return failure;
        }
    }
    // Before anybody folds: what a crash has left of one is not shown without the rest.
    TRY(finish_transactions(logs));
    std::vector<LogId> existing;
    for (const auto& [id, table] : head->catalog.tables) existing.push_back(table.log);
    TRY(takeover_->finish(existing));
    for (const auto& [id, log] : logs) {
        const auto opened = open_table(head->catalog.tables.at(id), log);
        // No stream's own illness: every one of them would be answered from what was once true.
        if (!opened && opened.error().sqlstate() == kOlderManifest) return opened;
    }
    return {};
}

void Node::start_watch() {
    constexpr int64_t kWatchUs = 250'000;
    clock_watch_ = std::make_unique<ClockWatch>(*ground_.clock, *ground_.metrics);
    watch_step_ = ground_.workers->start("watch", StepKind::kWatch, [this] {
        // Whoever writes asks by itself; this is for a node that has nothing to write.
        static_cast<void>(owner_->watch());
        clock_watch_->look();
        static_cast<void>(manifest_->settle());
        return StepOutcome{.progressed = false, .idle_us = kWatchUs};
    });
}

Result<void> Node::sync_function_data(const std::vector<std::string>& names) {
    const ScopedLock lock(function_data_mutex_);
    std::vector<manifest::Change> changes;
    for (catalog::FunctionData& data :
         TRY(function_data_->changes(manifest_->head()->catalog, names))) {
        changes.emplace_back(manifest::SetFunctionData{std::move(data)});
    }
    if (!changes.empty()) TRY(manifest_->commit(std::move(changes)));
    return {};
}

Result<std::shared_ptr<log::PartitionedLog>> Node::open_log(const catalog::Table& table) {
    log::LogSpec spec = TRY(log_spec_of(table));
    const auto gate =
        std::make_shared<AppendGate>(health_, table.name, options_.unsealed_bytes_max);
    spec.admit = [gate](uint64_t bytes) { return gate->admit(bytes); };
    spec.health = health_.add("log", table.name);
    return logs_->open(std::move(spec));
}

Error Node::note_failure(const catalog::Table& table, const Error& why) {
    const Error failure = cannot_open(table, why);
    write_trace(TraceLevel::kError, "node", failure.to_string());
    auto health = health_.add("stream", table.name);
    health->tell(HealthState::kDegraded, failure);
    const ScopedLock lock(mutex_);
    failed_.insert_or_assign(table.id, Failed{failure, std::move(health)});
    return failure;
}

Result<void> Node::open_table(const catalog::Table& table,
                              std::shared_ptr<log::PartitionedLog> log) {
    Stream stream;
    stream.table = table;
    stream.log = std::move(log);
    auto added = archiver_->add_table(table, stream.log);
    if (added) added = speed_->add_table(table, stream.log);
    if (!added) {
        archiver_->remove_table(table.id);
        return note_failure(table, added.error());
    }
    batch_->add_table(table);
    // What came in so far can be read all the same.
    if (auto started = start_source(stream); !started) {
        write_trace(TraceLevel::kError, "node", started.error().to_string());
        stream.source_failure = std::move(started).error();
    }
    const ScopedLock lock(mutex_);
    failed_.erase(table.id);
    streams_.emplace(table.id, std::move(stream));
    return {};
}

Result<void> Node::open_table(const catalog::Table& table) {
    auto log = open_log(table);
    if (!log) return note_failure(table, log.error());
    return open_table(table, *std::move(log));
}

Result<void> Node::start_source(Stream& stream) {
    const catalog::Table& table = stream.table;
    const catalog::ConnectorFacts* connector = catalog::find_connector(table.connector);
    if (connector == nullptr || !connector->has_source) return {};
    TRY(Sources::check(table));
    stream.source_health = health_.add("source", table.name);
    judge_source(stream);
    stream.source = TRY(sources_.open(table, stream.log));
    stream.source_step =
        ground_.workers->start(fmt::format("source {}", table.id.value), StepKind::kSource,
                               [source = stream.source] { return source->step(); });
    return {};
}

void Node::close_table(TableId table) {
    Stream stream;
    {
        const ScopedLock lock(mutex_);
        failed_.erase(table);
        const auto place = streams_.find(table);
        if (place == streams_.end()) return;
        stream = std::move(place->second);
        streams_.erase(place);
        closed_logs_[table] = stream.log;
    }
    if (stream.source) ground_.workers->stop(stream.source_step);
    batch_->remove_table(table);
    archiver_->remove_table(table);
    speed_->remove_table(table);
}

bool Node::is_in_use(TableId table) {
    const ScopedLock lock(mutex_);
    if (streams_.contains(table) || opening_.contains(table)) return true;
    const auto closed = closed_logs_.find(table);
    if (closed == closed_logs_.end()) return false;
    if (!closed->second.expired()) return true;
    closed_logs_.erase(closed);
    return false;
}

Result<void> Node::close() {
    is_closed_ = true;
    ground_.workers->stop(key_step_);
    std::map<TableId, Stream> streams = stop_sources();
    housekeeper_.reset();
    for (auto& [table, stream] : streams) batch_->remove_table(table);
    for (auto& [table, stream] : streams) archiver_->remove_table(table);
    Result<void> sealed = speed_->close();
    streams.clear();  // the logs end here, while they are ours
    ground_.workers->stop(watch_step_);
    owner_->release();
    return sealed;
}

/// Takes all streams out; their logs and layers go on.
std::map<TableId, Node::Stream> Node::stop_sources() {
    std::map<TableId, Stream> streams;
    {
        const ScopedLock lock(mutex_);
        streams.swap(streams_);
    }
    for (auto& [table, stream] : streams) {
        if (stream.source) ground_.workers->stop(stream.source_step);
    }
    return streams;
}

bool Node::is_caught_up() const {
    const ScopedLock lock(mutex_);
    for (const auto& [table, stream] : streams_) {
        if (stream.source && !stream.source->is_caught_up()) return false;
        if (speed_->frontier(table) != stream.log->durable_end()) return false;
    }
    return true;
}

std::optional<Error> Node::failure() const {
    const ScopedLock lock(mutex_);
    if (!failed_.empty()) return failed_.begin()->second.why;
    for (const auto& [table, stream] : streams_) {
        if (auto failure = speed_->failure(table)) return failure;
    }
    return std::nullopt;
}

Result<void> Node::archive(TableId table) {
    TRY(log_of(table));
    return archiver_->archive_all(table);
}

manifest::StatePtr Node::state() const { return manifest_->head(); }

Result<std::shared_ptr<log::PartitionedLog>> Node::log_of(TableId table) const {
    UniqueLock lock(mutex_);
    // Whoever sees it in the catalog may use it: somebody is opening it.
    while (opening_.contains(table)) opened_.wait(lock);
    if (const auto open = streams_.find(table); open != streams_.end()) return open->second.log;
    if (const auto failed = failed_.find(table); failed != failed_.end()) return failed->second.why;
    return not_found("the stream was dropped meanwhile");
}

Result<void> Node::check_not_failed(TableId table) const {
    const ScopedLock lock(mutex_);
    if (const auto failed = failed_.find(table); failed != failed_.end()) return failed->second.why;
    return {};
}

std::optional<Error> Node::failure_of(TableId table) const {
    const ScopedLock lock(mutex_);
    if (const auto failed = failed_.find(table); failed != failed_.end()) return failed->second.why;
    const auto open = streams_.find(table);
    if (open == streams_.end()) return std::nullopt;
    if (auto failure = speed_->failure(table)) return failure;
    return open->second.source_failure;
}

std::vector<serving::SourceRow> Node::sources_of(TableId table) const {
    std::shared_ptr<collect::Source> source;
    std::string connector;
    {
        const ScopedLock lock(mutex_);
        const auto place = streams_.find(table);
        if (place == streams_.end()) return {};
        source = place->second.source;
        connector = place->second.table.connector;
    }
    if (!source) return {{.source = std::move(connector), .state = "open"}};
    std::vector<serving::SourceRow> rows;
    for (collect::SourceFacts& each : source->facts()) {
        rows.push_back({std::move(each.path), std::string(each.state), each.position, each.size,
                        std::move(each.last_error)});
    }
    return rows;
}

std::vector<std::string> Node::source_troubles(const catalog::Table& table) const {
    return sources_.survey(table);
}

Result<ObjectId> Node::new_id() { return manifest_->new_id(); }

Result<std::vector<manifest::Change>> Node::complete(catalog::Table table) {
    TRY(operators::make_decoder_of(table));
    table.id = TRY(fresh_table_id(table.name));
    table.dataset_folder = catalog::dataset_folder(table.name, table.id);
    table.log = {random_hex(*ground_.random)};
    table.created_at_us = ground_.clock->wall_us();
    std::vector<manifest::Change> changes;
    TRY(admit_source(table, changes));
    Positions origin = TRY(logs_->origin_of(TRY(log_spec_of(table))));
    changes.emplace_back(manifest::CreateTable{std::move(table), std::move(origin)});
    return changes;
}

/// An older manifest that was brought back would give ids again: what lies under them is another
/// table's.
Result<TableId> Node::fresh_table_id(const std::string& name) {
    while (true) {
        const TableId id = TRY(manifest_->new_id());
        const bool has_log = TRY(ground_.local->exists(log_directory(id)));
        const bool has_dataset = TRY(ground_.store->exists(catalog::dataset_folder(name, id)));
        if (!has_log && !has_dataset) return id;
    }
}

Result<void> Node::admit_source(const catalog::Table& table,
                                std::vector<manifest::Change>& changes) {
    // What can never work is refused now, not when the first line should have come.
    TRY(Sources::check(table));
    std::string directory = Sources::directory_of(table);
    if (declares_allowed_files_ && !directory.empty()) {
        renew_allowed_files(directory);
        changes.emplace_back(manifest::AllowFiles{{std::move(directory)}});
    }
    return sources_.admit(table);
}

void Node::allow_files(std::vector<std::string> directories) {
    {
        const ScopedLock lock(mutex_);
        configured_files_ = std::move(directories);
    }
    renew_allowed_files();
}

void Node::renew_allowed_files(const std::string& more) {
    const manifest::StatePtr head = manifest_->head();
    std::vector<std::string> directories(head->allowed_files->begin(), head->allowed_files->end());
    if (!more.empty()) directories.push_back(more);
    const ScopedLock lock(mutex_);
    directories.insert(directories.end(), configured_files_.begin(), configured_files_.end());
    sources_.allow(directories);
    for (const auto& [table, stream] : streams_) judge_source(stream);
}

void Node::judge_source(const Stream& stream) const {
    if (!stream.source_health) return;
    const auto admitted = sources_.admit(stream.table);
    if (admitted) return stream.source_health->recovered();
    stream.source_health->tell(HealthState::kDegraded, admitted.error());
    write_trace(TraceLevel::kWarning, "node", admitted.error().to_string());
}

Result<uint64_t> Node::erase(TableId table, const plan::ExprPtr& predicate,
                             const TextFormat& format, const StatementLimits& limits) {
    TRY(check_not_failed(table));
    return batch_->erase(table, {predicate, {.format = format}}, limits);
}

Result<uint64_t> Node::judge_audit(uint64_t audit, bool is_accepted) {
    auto judged = batch_->judge(audit, is_accepted);
    read_parts_.key_counts->forget_counts();
    return judged;
}

Result<catalog::MaterializedView> Node::complete(std::string name, const plan::ViewPlan& plan,
                                                 std::string time_zone) {
    TRY(operators::check_computable(plan, {.format = {.zone = TRY(find_time_zone(time_zone))}}));
    TRY(check_not_failed(plan.table));
    TRY(sync_function_data(function_data_of(plan)));
    const manifest::StatePtr head = manifest_->head();
    catalog::MaterializedView view;
    view.id = TRY(manifest_->new_id());
    view.name = std::move(name);
    view.table = plan.table;
    view.created_at_us = ground_.clock->wall_us();
    catalog::ViewVersion version;
    version.id = TRY(manifest_->new_id());
    version.definition = plan.definition;
    version.time_zone = std::move(time_zone);
    for (const std::string& data : function_data_of(plan)) {
        const auto place = head->catalog.function_data.find(data);
        if (place == head->catalog.function_data.end()) {
            return Error(unavailable("the view needs function data \"{}\" that is not configured",
                                     data))
                .with_sqlstate("55000")
                .with_hint("Set [function_data] in the configuration file.");
        }
        version.function_data.push_back(place->second);
    }
    // Before anybody hears of it: a view that cannot be bound would stop its stream. What a
    // transaction has only declared so far is not there to be bound to.
    TRY(function_data_->load(version.function_data));
    if (head->catalog.tables.contains(plan.table)) {
        TRY(views_->bind(head->catalog, version, plan.table));
    }
    view.current = version.id;
    view.versions.push_back(std::move(version));
    return view;
}

Result<void> Node::refresh(ViewId view, const StatementLimits& limits) {
    const manifest::StatePtr head = manifest_->head();
    const auto place = head->catalog.views.find(view);
    if (place == head->catalog.views.end()) return not_found("view {} does not exist", view.value);
    TRY(check_not_failed(place->second.table));
    return batch_->refresh(place->second.table, limits);
}

}  // namespace braid::app
