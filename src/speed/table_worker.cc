// SPDX-License-Identifier: Apache-2.0
#include "speed/table_worker.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "model/older_manifest.h"
#include "runs/run_file.h"

namespace braid::speed {

namespace {

/// What a statement may get at once is behind what it must see.
constexpr std::string_view kLags = "XB002";
constexpr int64_t kRetryWaitUs = 1000;
constexpr auto kRetryWait = std::chrono::microseconds(kRetryWaitUs);

operators::DecoderSpec decoder_spec(const catalog::Table& table) {
    return {table.format, table.columns, table.options};
}

}  // namespace

Result<std::unique_ptr<TableWorker>> TableWorker::open(SpeedParts parts, SpeedOptions options,
                                                       const catalog::Table& table,
                                                       std::shared_ptr<log::PartitionedLog> log) {
    std::unique_ptr<TableWorker> worker(
        new TableWorker(std::move(parts), options, table, std::move(log)));
    worker->decoder_ = TRY(operators::make_decoder(decoder_spec(table)));
    const ScopedLock lock(worker->mutex_);
    TRY(worker->reload());
    return worker;
}

TableWorker::TableWorker(SpeedParts parts, SpeedOptions options, catalog::Table table,
                         std::shared_ptr<log::PartitionedLog> log)
    : parts_(std::move(parts)),
      options_(options),
      table_(std::move(table)),
      log_(std::move(log)),
      fold_health_(Health::add_to(parts_.health, "fold", table_.name)),
      seal_health_(Health::add_to(parts_.health, "seal", table_.name)) {
    last_seal_us_ = parts_.clock->monotonic_us();
    const std::string labels = fmt::format("table=\"{}\"", table_.id.value);
    const auto counter = [&](const char* name, const char* help) {
        return &parts_.metrics->get(name, Metrics::Kind::kCounter, help, labels);
    };
    folded_count_ = counter("braid_speed_folded_total", "Records that the speed layer has folded.");
    bad_count_ = counter("braid_speed_quarantined_total", "Records that did not decode.");
    seal_count_ = counter("braid_speed_seals_total", "Seals committed by the speed layer.");
}

/// Takes the sealed frontier and the versions of the manifest's head as the truth and forgets all
/// layers.
Result<void> TableWorker::reload() {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(table_.id);
    if (table == nullptr) return not_found("stream \"{}\" was dropped", table_.name);
    if (!log_->durable_end().dominates(table->sealed_frontier)) {
        return corrupt("log of stream \"{}\" ends at {} but {} was already sealed", table_.name,
                       log_->durable_end().to_string(), table->sealed_frontier.to_string());
    }
    if (!log_->durable_end().dominates(table->archive_end)) {
        // New records would get offsets that the dataset has given already.
        return corrupt("log of stream \"{}\" ends at {} but {} was already archived", table_.name,
                       log_->durable_end().to_string(), table->archive_end.to_string());
    }
    const Positions log_start = log_->start();
    if (!table->archive_end.dominates(log_start)) {
        return corrupt("log of stream \"{}\" begins at {} but only what lies below {} was archived",
                       table_.name, log_start.to_string(), table->archive_end.to_string())
            .with_sqlstate(kOlderManifest)
            .with_detail(
                "The manifest is older than the log, which was trimmed since: what lies "
                "between cannot be read.")
            .with_hint("Put back the manifest that belongs to this log.");
    }
    std::vector<VersionId> versions;
    std::vector<operators::BoundView> bound;
    for (const catalog::MaterializedView* view : state->catalog.views_of(table_.id)) {
        for (const catalog::ViewVersion& version : view->versions) {
            versions.push_back(version.id);
            bound.push_back(TRY(parts_.views->view_of(version.id)));
        }
    }
    std::unique_ptr<operators::ViewFolder> folder;
    if (!bound.empty()) {
        folder = TRY(operators::ViewFolder::create(bound));
        wanted_ = folder->wanted(table_.columns.fields.size() + plan::kSystemColumnCount);
    }
    versions_ = std::move(versions);
    bound_ = std::move(bound);
    folder_ = std::move(folder);
    failure_.reset();
    layers_.clear();
    sealed_ = table->sealed_frontier;
    folded_to_ = sealed_;
    epoch_ = {.to = sealed_, .folded = sealed_, .last_sequence = 0, .next = {}};
    epoch_.next.resize(sealed_.at.size());
    return {};
}

StepOutcome TableWorker::fold_step() {
    if (readers_waiting_.load(std::memory_order_relaxed) > 0) {
        // A reader wants the lock, and a mutex is not fair: step aside for it.
        return {.progressed = false, .idle_us = 50};
    }
    const ScopedLock lock(mutex_);
    if (is_paused_ || failure_) return {};
    const auto folded = fold_slice(log_->durable_end());
    if (!folded) return {};
    if (*folded) return {.progressed = true, .idle_us = 0};
    return {.progressed = merge_back()};
}

Result<bool> TableWorker::fold_slice(const Positions& end) {
    if (epoch_.folded == epoch_.to) epoch_.to = end;
    if (epoch_.folded == epoch_.to) return false;
    if (!folder_) {
        epoch_.folded = epoch_.to;
        rest();
        return true;
    }
    TRY(fail(fold_next()));
    return true;
}

Result<void> TableWorker::settle() {
    while (epoch_.folded != folded_to_) TRY(fail(fold_next()));
    return {};
}

/// One slice, in the order of sequences. It may rest when all that is left has a higher one: what
/// an older build wrote, or the dataset gives back, has none and lets it rest anywhere.
Result<void> TableWorker::fold_next() {
    TRY(read_ahead());
    std::optional<log::RecordBatch>* const first = first_slice();
    CHECK(first != nullptr);
    fold_batch(**first);
    epoch_.last_sequence = (*first)->sequence;
    first->reset();
    TRY(read_ahead());
    const std::optional<log::RecordBatch>* const next = first_slice();
    const bool is_closed =
        next == nullptr || epoch_.last_sequence == 0 || (*next)->sequence > epoch_.last_sequence;
    if (is_closed) rest();
    return {};
}

Result<void> TableWorker::read_ahead() {
    for (uint32_t index = 0; index < epoch_.to.partition_count(); ++index) {
        if (epoch_.next[index] || epoch_.folded.at[index] == epoch_.to.at[index]) continue;
        epoch_.next[index] = TRY(read_slice(PartitionId{index}));
    }
    return {};
}

std::optional<log::RecordBatch>* TableWorker::first_slice() {
    std::optional<log::RecordBatch>* first = nullptr;
    for (auto& each : epoch_.next) {
        if (!each) continue;
        if (first == nullptr || each->sequence < (*first)->sequence) first = &each;
    }
    return first;
}

void TableWorker::rest() {
    folded_to_ = epoch_.folded;
    if (!layers_.empty() && folder_) layers_.back()->to = folded_to_;
    folded_.notify_all();
}

/// After a slice that failed the stream stands; what was folded since the last rest, and cannot be
/// told from the rest of the tables, goes away with them.
Result<void> TableWorker::fail(Result<void> folded) {
    if (folded) return folded;
    write_trace(TraceLevel::kError, "speed", folded.error().to_string());
    fold_health_->fell_ill(folded.error());
    failure_ = folded.error();
    const bool is_at_rest = epoch_.folded == folded_to_;
    if (!is_at_rest) static_cast<void>(reload());
    folded_.notify_all();
    return folded;
}

Result<log::RecordBatch> TableWorker::read_slice(PartitionId partition) {
    const Offset from = epoch_.folded.of(partition);
    const size_t records_max =
        std::min(options_.slice_records_max,
                 static_cast<size_t>(epoch_.to.of(partition).value - from.value));
    auto batch = log_->read(partition, from, records_max);
    if (!batch && batch.error().code() == ErrorCode::kNotFound && parts_.refill) {
        batch = parts_.refill(table_.id, partition, from, records_max);
    }
    if (!batch) {
        return std::move(batch).error().with_context(
            fmt::format("folding stream \"{}\" partition {} from offset {}", table_.name,
                        partition.value, from.value));
    }
    CHECK(batch->first == from);
    CHECK(!batch->records.empty());
    return batch;
}

void TableWorker::fold_batch(const log::RecordBatch& batch) {
    const operators::RecordSlice slice{batch.partition,        batch.first,
                                       batch.ingested_at_us,   batch.records,
                                       Keepalive(batch.bytes), batch.preamble};
    decoder_->decode(slice, wanted_, decoded_);
    Layer& layer = writable_layer();
    std::vector<operators::FoldTarget> targets;
    for (size_t index = 0; index < versions_.size(); ++index) {
        targets.push_back(
            {layer.tables[index].get(), &layer.accounts[index], layer.failed[index].get()});
    }
    folder_->fold(decoded_, targets);
    epoch_.folded.at[batch.partition.value] = batch.end();
    folded_count_->add(static_cast<int64_t>(batch.records.size()));
    bad_count_->add(static_cast<int64_t>(decoded_.bad.size()));
}

TableWorker::Layer& TableWorker::writable_layer() {
    if (!layers_.empty()) {
        Layer& last = *layers_.back();
        if (!last.is_frozen && !last.is_pinned()) return last;
    }
    auto layer = std::make_shared<Layer>();
    layer->from = folded_to_;
    layer->to = folded_to_;
    for (const operators::BoundView& view : bound_) {
        layer->tables.push_back(std::make_shared<operators::GroupTable>(view.plan->aggregates));
        layer->failed.push_back(std::make_shared<operators::FailedEvents>());
    }
    layer->accounts.resize(bound_.size());
    layers_.push_back(std::move(layer));
    return *layers_.back();
}

/// Merges the newest layer into the one before it when nobody holds either and it is small.
bool TableWorker::merge_back() {
    if (layers_.size() < 2) return false;
    Layer& newest = *layers_.back();
    Layer& before = *layers_[layers_.size() - 2];
    if (newest.is_frozen || newest.is_pinned() || before.is_frozen || before.is_pinned())
        return false;
    size_t groups = 0;
    for (const auto& table : newest.tables) groups += table->size();
    if (groups > options_.merge_groups_max) return false;
    for (size_t index = 0; index < newest.tables.size(); ++index) {
        before.tables[index]->merge(*newest.tables[index]);
        before.accounts[index].add(newest.accounts[index]);
        before.failed[index]->merge(*newest.failed[index]);
    }
    before.to = newest.to;
    layers_.pop_back();
    return true;
}

runs::TickPtr TableWorker::tick_of(const Layer& layer) const {
    auto tick = std::make_shared<runs::Tick>();
    tick->box = Box::between(layer.from, layer.to);
    for (size_t index = 0; index < versions_.size(); ++index) {
        tick->tables.emplace(versions_[index], layer.tables[index]);
        tick->accounts.emplace(versions_[index], layer.accounts[index]);
        if (layer.accounts[index].failed != 0) {
            tick->failed.emplace(versions_[index], layer.failed[index]);
        }
    }
    return tick;
}

uint64_t TableWorker::layer_bytes() const {
    uint64_t bytes = 0;
    for (const auto& layer : layers_) {
        for (const auto& table : layer->tables) bytes += table->bytes_used();
        for (const auto& failed : layer->failed) bytes += failed->bytes_used();
    }
    return bytes;
}

/// Folds on the reader's own thread until `at_least` is reached, so that an answer never waits for
/// another thread to be scheduled; then to the next rest.
Result<void> TableWorker::catch_up(UniqueLock& lock, const Positions& at_least,
                                   int64_t deadline_us) {
    while (!folded_to_.dominates(at_least)) {
        if (failure_) return *failure_;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(at_least);
        if (is_paused_) {
            folded_.wait_for(lock, kRetryWait);
            continue;
        }
        TRY(fold_slice(log_->durable_end()));
    }
    return settle();
}

Error TableWorker::too_slow(const Positions& asked) const {
    return unavailable("stream \"{}\" is not folded yet up to what was acknowledged", table_.name)
        .with_sqlstate(kLags)
        .with_detail(fmt::format("It is folded to {}, the statement waits for {}.",
                                 folded_to_.to_string(), asked.to_string()))
        .with_hint("Try again: nothing is lost.");
}

Result<bool> TableWorker::fold_to(const Positions& end, int64_t deadline_us) {
    CHECK(end.dominates(epoch_.to));
    while (folded_to_ != end) {
        if (failure_) return *failure_;
        if (is_paused_) return false;
        if (parts_.clock->monotonic_us() >= deadline_us) return too_slow(end);
        TRY(fold_slice(end));
    }
    return true;
}

bool TableWorker::may_pin() const {
    if (layers_.empty() || layers_.back()->is_pinned() || layers_.back()->is_frozen) return true;
    const auto held = std::ranges::count_if(
        layers_, [](const auto& layer) { return !layer->is_frozen && layer->is_pinned(); });
    return static_cast<size_t>(held) < options_.pinned_layers_max;
}

Result<void> TableWorker::await_pin(UniqueLock& lock, const Positions& at_least,
                                    int64_t deadline_us) {
    TRY(catch_up(lock, at_least, deadline_us));
    const int64_t tries_max = (deadline_us - parts_.clock->monotonic_us()) / kRetryWaitUs;
    for (int64_t tried = 0; !may_pin(); ++tried) {
        if (tried >= tries_max || parts_.clock->monotonic_us() >= deadline_us) {
            return unavailable("{} scans of stream \"{}\" already hold its newest events",
                               options_.pinned_layers_max, table_.name)
                .with_sqlstate(kLags)
                .with_hint("Try again when one of them has ended.");
        }
        folded_.wait_for(lock, kRetryWait);
        TRY(settle());
    }
    return {};
}

/// At rest, where another layer may be pinned.
runs::PinnedTicks TableWorker::pin_layers() {
    CHECK(epoch_.folded == folded_to_);
    runs::PinnedTicks pinned{{}, folded_to_};
    for (const auto& layer : layers_) {
        runs::TickPtr tick = layer->pin.lock();
        if (!tick) {
            tick = tick_of(*layer);
            layer->pin = tick;
        }
        pinned.ticks.push_back(std::move(tick));
    }
    return pinned;
}

Result<runs::PinnedTicks> TableWorker::pin(const Positions& at_least, int64_t wait_us_max) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(await_pin(lock, at_least, deadline_us));
    return pin_layers();
}

Result<void> TableWorker::look(
    const Positions& at_least, int64_t wait_us_max,
    const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(catch_up(lock, at_least, deadline_us));
    std::vector<runs::TickPtr> ticks;
    for (const auto& layer : layers_) ticks.push_back(tick_of(*layer));
    return look(ticks);
}

Positions TableWorker::frontier() const {
    const ScopedLock lock(mutex_);
    return folded_to_;
}

std::optional<Error> TableWorker::failure() const {
    const ScopedLock lock(mutex_);
    return failure_;
}

uint64_t TableWorker::bytes_used() const {
    const ScopedLock lock(mutex_);
    return layer_bytes();
}

}  // namespace braid::speed
