// SPDX-License-Identifier: Apache-2.0
#include "speed/table_fold.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "model/older_manifest.h"

namespace braid::speed {

TableFold::TableFold(const SpeedParts& parts, const SpeedOptions& options,
                     const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log)
    : parts_(parts),
      options_(options),
      table_(table),
      log_(std::move(log)),
      health_(Health::add_to(parts.health, "fold", table.name)),
      reader_(parts, options, table, *log_) {
    const std::string labels = fmt::format("table=\"{}\"", table.id.value);
    const auto counter = [&](const char* name, const char* help) {
        return &parts.metrics->get(name, Metrics::Kind::kCounter, help, labels);
    };
    folded_count_ = counter("braid_speed_folded_total", "Records that the speed layer has folded.");
    bad_count_ = counter("braid_speed_quarantined_total", "Records that did not decode.");
}

Result<void> TableFold::reload() {
    const ScopedLock lock(mutex_);
    return reload_locked();
}

Result<void> TableFold::reload_locked() {
    // Before the head: what is trimmed meanwhile was archived before that, and this head says so.
    const Positions log_start = log_->start();
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(table_.id);
    if (table == nullptr) return not_found("stream \"{}\" was dropped", table_.name);
    TRY(check_log(*table, log_start));
    ViewSetPtr views = TRY(ViewSet::bind(*state, table_.id, *parts_.views));
    std::unique_ptr<SliceFolder> folder;
    if (!views->is_empty()) folder = TRY(SliceFolder::create(table_, *views));
    views_ = std::move(views);
    folder_ = std::move(folder);
    failure_.reset();
    layers_.clear();
    sealed_ = table->sealed_frontier;
    folded_to_ = sealed_;
    reader_.start(sealed_);
    return {};
}

Result<void> TableFold::check_log(const manifest::TableState& state,
                                  const Positions& log_start) const {
    if (!log_->durable_end().dominates(state.sealed_frontier)) {
        return corrupt("log of stream \"{}\" ends at {} but {} was already sealed", table_.name,
                       log_->durable_end().to_string(), state.sealed_frontier.to_string());
    }
    if (!log_->durable_end().dominates(state.archive_end)) {
        // New records would get offsets that the dataset has given already.
        return corrupt("log of stream \"{}\" ends at {} but {} was already archived", table_.name,
                       log_->durable_end().to_string(), state.archive_end.to_string());
    }
    if (!state.archive_end.dominates(log_start)) {
        return corrupt("log of stream \"{}\" begins at {} but only what lies below {} was archived",
                       table_.name, log_start.to_string(), state.archive_end.to_string())
            .with_sqlstate(kOlderManifest)
            .with_detail(
                "The manifest is older than the log, which was trimmed since: what lies "
                "between cannot be read.")
            .with_hint("Put back the manifest that belongs to this log.");
    }
    return {};
}

/// A worker that cannot tell which views it folds for folds no more: readers get the reason.
void TableFold::reload_or_stop() {
    auto reloaded = reload_locked();
    if (!reloaded) failure_ = std::move(reloaded).error();
}

StepOutcome TableFold::step() {
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

Result<bool> TableFold::fold_slice(const Positions& end) {
    if (reader_.is_at_end()) reader_.begin_epoch(end);
    if (reader_.is_at_end()) return false;
    if (folder_ == nullptr) {
        reader_.skip();
        rest();
        return true;
    }
    TRY(fail(fold_next()));
    return true;
}

Result<void> TableFold::settle() {
    while (!reader_.is_closed()) TRY(fail(fold_next()));
    return {};
}

Result<void> TableFold::fold_next() {
    const log::RecordBatch slice = TRY(reader_.next());
    Layer& layer = writable_layer();
    const size_t bad = slice.records.empty() ? 0 : folder_->fold(slice, layer);
    folded_count_->add(static_cast<int64_t>(slice.records.size()));
    bad_count_->add(static_cast<int64_t>(bad));
    if (reader_.is_closed()) rest();
    return {};
}

void TableFold::rest() {
    folded_to_ = reader_.position();
    if (!layers_.empty() && folder_ != nullptr) layers_.back()->reach(folded_to_);
    folded_.notify_all();
}

/// After a slice that failed the stream stands; what was folded since the last rest, and cannot be
/// told from the rest of the tables, goes away with them.
Result<void> TableFold::fail(Result<void> folded) {
    if (folded) return folded;
    write_trace(TraceLevel::kError, "speed", folded.error().to_string());
    health_->fell_ill(folded.error());
    failure_ = folded.error();
    if (!reader_.is_closed()) static_cast<void>(reload_locked());
    folded_.notify_all();
    return folded;
}

Layer& TableFold::writable_layer() {
    if (layers_.empty() || !layers_.back()->is_writable()) {
        layers_.push_back(std::make_shared<Layer>(views_, folded_to_));
    }
    return *layers_.back();
}

/// Merges the newest layer into the one before it when nobody holds either and it is small.
bool TableFold::merge_back() {
    if (layers_.size() < 2) return false;
    const Layer& newest = *layers_.back();
    Layer& before = *layers_[layers_.size() - 2];
    if (!newest.is_writable() || !before.is_writable()) return false;
    if (newest.group_count() > options_.merge_groups_max) return false;
    before.append(newest);
    layers_.pop_back();
    return true;
}

uint64_t TableFold::layer_bytes() const {
    uint64_t bytes = 0;
    for (const auto& layer : layers_) bytes += layer->bytes_used();
    return bytes;
}

bool TableFold::has_unsealed() const {
    const ScopedLock lock(mutex_);
    return !failure_ && folded_to_ != sealed_;
}

Result<std::optional<TableFold::Frozen>> TableFold::freeze() {
    const ScopedLock lock(mutex_);
    TRY(settle());
    if (folded_to_ == sealed_) return std::optional<Frozen>();
    for (const auto& layer : layers_) layer->freeze();
    return std::optional(
        Frozen{Box::between(sealed_, folded_to_), views_, {layers_.begin(), layers_.end()}});
}

void TableFold::thaw() {
    const ScopedLock lock(mutex_);
    for (const auto& layer : layers_) layer->thaw();
}

void TableFold::sealed(const Box& box) {
    const ScopedLock lock(mutex_);
    CHECK(extend(sealed_, box));
    std::erase_if(layers_, [](const auto& layer) { return layer->is_frozen(); });
}

void TableFold::refused() {
    const ScopedLock lock(mutex_);
    for (const auto& layer : layers_) layer->thaw();
    const manifest::StatePtr head = parts_.manifest->head();
    const manifest::TableState* table = head->table(table_.id);
    if (table == nullptr || table->sealed_frontier != sealed_) reload_or_stop();
}

Result<void> TableFold::pause() {
    const ScopedLock lock(mutex_);
    TRY(settle());
    is_paused_ = true;
    return {};
}

void TableFold::resume() {
    const ScopedLock lock(mutex_);
    is_paused_ = false;
    folded_.notify_all();
}

void TableFold::resume_reloaded() {
    const ScopedLock lock(mutex_);
    is_paused_ = false;
    reload_or_stop();
    folded_.notify_all();
}

Positions TableFold::frontier() const {
    const ScopedLock lock(mutex_);
    return folded_to_;
}

std::optional<Error> TableFold::failure() const {
    const ScopedLock lock(mutex_);
    return failure_;
}

uint64_t TableFold::bytes_used() const {
    const ScopedLock lock(mutex_);
    return layer_bytes();
}

}  // namespace braid::speed
