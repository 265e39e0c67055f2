// SPDX-License-Identifier: Apache-2.0
#include "speed/table_worker.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "runs/run_file.h"

namespace braid::speed {

namespace {

constexpr int64_t kRetryWaitUs = 1000;
constexpr auto kRetryWait = std::chrono::microseconds(kRetryWaitUs);

operators::DecoderSpec decoder_spec(const catalog::Table& table) {
    return {table.format, table.columns, table.options};
}

void add_account(operators::FoldAccount& into, const operators::FoldAccount& from) {
    into.counted += from.counted;
    into.filtered += from.filtered;
    into.quarantined += from.quarantined;
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
    versions_.clear();
    bound_.clear();
    for (const catalog::MaterializedView* view : state->catalog.views_of(table_.id)) {
        for (const catalog::ViewVersion& version : view->versions) {
            versions_.push_back(version.id);
            bound_.push_back(TRY(parts_.views->view_of(version.id)));
        }
    }
    folder_ = nullptr;
    if (!bound_.empty()) {
        folder_ = TRY(operators::ViewFolder::create(bound_));
        wanted_ = folder_->wanted(table_.columns.fields.size() + plan::kSystemColumnCount);
    }
    layers_.clear();
    sealed_ = table->sealed_frontier;
    folded_to_ = sealed_;
    return {};
}

StepOutcome TableWorker::fold_step() {
    if (readers_waiting_.load(std::memory_order_relaxed) > 0) {
        // A reader wants the lock, and a mutex is not fair: step aside for it.
        return {.progressed = false, .idle_us = 50};
    }
    const ScopedLock lock(mutex_);
    if (is_paused_ || failure_) return {};
    auto folded = fold_slice();
    if (!folded) {
        write_trace(TraceLevel::kError, "speed", folded.error().to_string());
        fail(std::move(folded).error());
        return {};
    }
    if (*folded) return {.progressed = true, .idle_us = 0};
    return {.progressed = merge_back()};
}

void TableWorker::fail(Error why) {
    fold_health_->fell_ill(why);
    failure_ = std::move(why);
}

bool TableWorker::has_backlog() const { return folded_to_ != log_->durable_end(); }

/// Folds one slice of the next partition that has one. False: nothing to fold.
Result<bool> TableWorker::fold_slice() {
    const Positions end = log_->durable_end();
    const uint32_t count = end.partition_count();
    for (uint32_t tried = 0; tried < count; ++tried) {
        const PartitionId partition{next_partition_};
        next_partition_ = (next_partition_ + 1) % count;
        if (folded_to_.of(partition) == end.of(partition)) continue;
        if (!folder_) {
            folded_to_.at[partition.value] = end.of(partition);
        } else {
            const log::RecordBatch batch = TRY(read_slice(partition));
            fold_batch(batch);
        }
        folded_.notify_all();
        return true;
    }
    return false;
}

Result<log::RecordBatch> TableWorker::read_slice(PartitionId partition) {
    const Offset from = folded_to_.of(partition);
    auto batch = log_->read(partition, from, options_.slice_records_max);
    if (!batch && batch.error().code() == ErrorCode::kNotFound && parts_.refill) {
        batch = parts_.refill(table_.id, partition, from, options_.slice_records_max);
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
        targets.push_back({layer.tables[index].get(), &layer.accounts[index]});
    }
    folder_->fold(decoded_, targets);
    layer.to.at[batch.partition.value] = batch.end();
    folded_to_.at[batch.partition.value] = batch.end();
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
        add_account(before.accounts[index], newest.accounts[index]);
    }
    before.to = newest.to;
    layers_.pop_back();
    return true;
}

runs::TickPtr TableWorker::tick_of(const Layer& layer) const {
    auto tick = std::make_shared<runs::Tick>();
    tick->box = Box::between(layer.from, layer.to);
    for (size_t index = 0; index < versions_.size(); ++index) {
        const operators::FoldAccount& account = layer.accounts[index];
        tick->tables.emplace(versions_[index], layer.tables[index]);
        tick->accounts.emplace(
            versions_[index],
            runs::Tick::Account{account.counted, account.filtered, account.quarantined});
    }
    return tick;
}

uint64_t TableWorker::layer_bytes() const {
    uint64_t bytes = 0;
    for (const auto& layer : layers_) {
        for (const auto& table : layer->tables) bytes += table->bytes_used();
    }
    return bytes;
}

/// Folds on the reader's own thread until `at_least` is reached, so that an answer never waits for
/// another thread to be scheduled.
Result<void> TableWorker::catch_up(UniqueLock& lock, const Positions& at_least,
                                   int64_t deadline_us) {
    while (!folded_to_.dominates(at_least)) {
        if (failure_) return *failure_;
        if (parts_.clock->monotonic_us() >= deadline_us) {
            return timeout("speed has folded stream \"{}\" to {} but {} was asked for", table_.name,
                           folded_to_.to_string(), at_least.to_string());
        }
        if (is_paused_) {
            folded_.wait_for(lock, kRetryWait);
            continue;
        }
        auto folded = fold_slice();
        if (!folded) fail(std::move(folded).error());
    }
    return {};
}

Result<runs::PinnedTicks> TableWorker::pin(const Positions& at_least, int64_t wait_us_max) {
    const int64_t deadline_us = parts_.clock->monotonic_us() + wait_us_max;
    readers_waiting_.fetch_add(1, std::memory_order_relaxed);
    UniqueLock lock(mutex_);
    readers_waiting_.fetch_sub(1, std::memory_order_relaxed);
    TRY(catch_up(lock, at_least, deadline_us));
    const auto must_wait = [&] {
        if (layers_.empty() || layers_.back()->is_pinned() || layers_.back()->is_frozen)
            return false;
        const auto held = std::ranges::count_if(
            layers_, [](const auto& layer) { return !layer->is_frozen && layer->is_pinned(); });
        return static_cast<size_t>(held) >= options_.pinned_layers_max;
    };
    for (int64_t waited_us = 0; must_wait(); waited_us += kRetryWaitUs) {
        if (waited_us >= wait_us_max || parts_.clock->monotonic_us() >= deadline_us) {
            return timeout("{} scans of stream \"{}\" already hold its newest events",
                           options_.pinned_layers_max, table_.name);
        }
        folded_.wait_for(lock, kRetryWait);
    }
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
