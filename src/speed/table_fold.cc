// SPDX-License-Identifier: Apache-2.0
#include "speed/table_fold.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "model/older_manifest.h"

namespace braid::speed {

namespace {

/// What has to be waited for before anything can be shown.
constexpr size_t kSlicesOfThreadMax = 2;
/// Until a worker looks again that left its turn to a reader; others who fold wake it before.
constexpr int64_t kReaderFoldsUs = 10'000;

}  // namespace

TableFold::TableFold(const SpeedParts& parts, const SpeedOptions& options,
                     const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log)
    : parts_(parts),
      options_(options),
      table_(table),
      log_(std::move(log)),
      shard_count_(operators::shard_count_of(options.fold_threads)),
      on_the_way_max_(options.fold_threads * kSlicesOfThreadMax),
      health_(Health::add_to(parts.health, "fold", table.name)),
      reader_(parts, options, table, *log_),
      memory_(parts.memory) {
    const std::string labels = fmt::format("table=\"{}\"", table.id.value);
    const auto counter = [&](const char* name, const char* help) {
        return &parts.metrics->get(name, Metrics::Kind::kCounter, help, labels);
    };
    folded_count_ = counter("braid_speed_folded_total", "Records that the speed layer has folded.");
    bad_count_ = counter("braid_speed_quarantined_total", "Records that did not decode.");
    wait_count_ = counter("braid_speed_memory_waits_total",
                          "How often folding waited for a seal to give memory back.");
}

Result<void> TableFold::reload() {
    const ScopedLock lock(mutex_);
    return reload_locked();
}

Result<void> TableFold::reload_locked() {
    // Before the head: what is trimmed meanwhile was archived before that, and this head says so.
    const Positions log_start = log_->start();
    const manifest::StatePtr state = TRY(head_with(log_->origin()));
    const manifest::TableState* table = state->table(table_.id);
    TRY(check_log(*table, log_start));
    ViewSetPtr views = TRY(ViewSet::bind(*state, table_.id, *parts_.views));
    // That it can be made is told now; it is made again when there is something to fold.
    if (!views->is_idle()) TRY(SliceFolder::create(table_, *views));
    views_ = std::move(views);
    folders_.clear();
    failure_.reset();
    layers_.clear();
    count_memory();
    ++generation_;
    epochs_.clear();
    on_the_way_ = 0;
    folded_.notify_all();
    sealed_ = table->sealed_frontier;
    folded_to_ = sealed_;
    reader_.start(sealed_);
    if (parts_.has_work) parts_.has_work();
    return {};
}

Result<manifest::StatePtr> TableFold::head_with(const Positions& origin) const {
    manifest::StatePtr head = parts_.manifest->head();
    const manifest::TableState* table = head->table(table_.id);
    if (table == nullptr) return not_found("stream \"{}\" was dropped", table_.name);
    Positions known = table->origin;
    known.grow(origin);
    if (known != origin) {
        return corrupt("log of stream \"{}\" has its origin at {}, not at {}", table_.name,
                       origin.to_string(), table->origin.to_string());
    }
    if (origin == table->origin) return head;
    return parts_.manifest->commit({manifest::Grow{table_.id, origin}});
}

/// Others see what they saw: nothing lies below the origins of the partitions that came.
Result<void> TableFold::grow(const Positions& end) {
    Positions origin = log_->origin();
    CHECK_GE(origin.at.size(), end.at.size());
    origin.at.resize(end.at.size());
    const auto head = head_with(origin);
    if (!head) {
        if (health_->state() == HealthState::kWell) {
            write_trace(TraceLevel::kError, "speed", head.error().to_string());
            health_->tell(HealthState::kDegraded, head.error());
        }
        return head.error();
    }
    if (health_->state() == HealthState::kDegraded) health_->recovered();
    sealed_.grow(origin);
    folded_to_.grow(origin);
    reader_.grow(origin);
    for (Epoch& epoch : epochs_) epoch.to.grow(origin);
    for (const LayerPtr& layer : layers_) layer->grow(origin);
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
    constexpr StepOutcome kStepAside = {.progressed = false, .idle_us = 50};
    // A reader wants the lock, and a mutex is not fair.
    if (readers_waiting_.load(std::memory_order_relaxed) > 0) return kStepAside;
    constexpr StepOutcome kAwaitMemory = {.progressed = false, .idle_us = 10'000};
    UniqueLock lock(mutex_);
    constexpr StepOutcome kRest = {.progressed = false, .idle_us = kUntilWoken};
    if (is_paused_ || failure_) return kRest;
    if (settling_ > 0) return kStepAside;
    // Readers fold too, and more threads than cores only push each other's states out of caches.
    if (folding_ >= options_.fold_threads) return {.progressed = false, .idle_us = kReaderFoldsUs};
    const auto folded = fold_slice(&lock, log_->durable_end());
    if (!folded) return {};
    if (*folded == Folded::kTooMuchOnTheWay) return kStepAside;
    if (*folded == Folded::kNoMemory) return kAwaitMemory;
    if (*folded == Folded::kSlice) return {.progressed = true, .idle_us = 0};
    if (merge_back()) return {.progressed = true, .idle_us = 0};
    // What pins a layer goes away, and what others fold comes in, without a word to this step.
    if (layers_.size() > 1 || is_on_the_way()) return {};
    return kRest;
}

Result<TableFold::Folded> TableFold::fold_slice(UniqueLock* lock, const Positions& end) {
    if (end.partition_count() > sealed_.partition_count()) TRY(grow(end));
    if (reader_.is_at_end()) reader_.begin_epoch(end);
    if (reader_.is_at_end()) return Folded::kNothing;
    if (views_->is_idle()) {
        reader_.skip();
        epochs_.push_back({reader_.position(), 0, true});
        rest();
        return Folded::kSlice;
    }
    if (on_the_way_ >= on_the_way_max_) return Folded::kTooMuchOnTheWay;
    if (parts_.memory != nullptr && parts_.memory->is_full()) {
        wait_count_->add(1);
        return Folded::kNoMemory;
    }
    TRY(fold_next(lock));
    return Folded::kSlice;
}

Result<void> TableFold::fold_next(UniqueLock* lock) {
    auto slice = take_slice();
    if (!slice) return fail(std::move(slice).error());
    if (shard_count_ == 1) {
        fold_in_place(**slice);
    } else {
        fold_pieces(lock, *slice);
    }
    return {};
}

/// As small as it may be, unless there is so much that every thread gets several anyway. In place
/// it is one batch, whatever that holds.
size_t TableFold::slice_records() const {
    if (shard_count_ == 1) return 0;
    const uint64_t share = reader_.left() / (on_the_way_max_ * kSlicesOfThreadMax);
    const size_t most = std::max(options_.slice_records_max, operators::kSplitRecordsMax);
    return std::clamp<uint64_t>(share, options_.slice_records_max, most);
}

/// What is of one epoch may be more than one slice, and a slice of many small epochs: then only the
/// end of the last of them is shown.
Result<FoldedSlicePtr> TableFold::take_slice() {
    if (folders_.empty()) folders_.push_back(TRY(SliceFolder::create(table_, *views_)));
    auto slice = std::make_shared<FoldedSlice>();
    const size_t records_max = slice_records();
    size_t records = 0;
    do {
        auto batch = reader_.next();
        if (!batch && slice->batches.empty()) return std::move(batch).error();
        if (!batch) break;  // told when it comes first
        records += batch->records.size();
        slice->batches.push_back(*std::move(batch));
    } while (!reader_.is_at_end() && records < records_max);
    slice->layer = writable_layer();
    slice->generation = generation_;
    if (epochs_.empty() || epochs_.back().is_closed) epochs_.emplace_back();
    slice->epoch = first_epoch_ + epochs_.size() - 1;
    Epoch& epoch = epochs_.back();
    ++epoch.on_the_way;
    ++on_the_way_;
    CHECK_LE(on_the_way_, on_the_way_max_);
    if (reader_.is_closed()) {
        epoch.to = reader_.position();
        epoch.is_closed = true;
    }
    return slice;
}

std::unique_ptr<SliceFolder> TableFold::take_folder() {
    std::unique_ptr<SliceFolder> folder = std::move(folders_.back());
    folders_.pop_back();
    return folder;
}

void TableFold::fold_in_place(FoldedSlice& slice) {
    std::unique_ptr<SliceFolder> folder = take_folder();
    CHECK_EQ(slice.batches.size(), 1U);
    slice.records = slice.batches.front().records.size();
    if (slice.records > 0) slice.bad = folder->fold(slice.batches.front(), *slice.layer);
    folders_.push_back(std::move(folder));
    arrive(slice);
}

void TableFold::fold_pieces(UniqueLock* lock, const FoldedSlicePtr& slice) {
    std::unique_ptr<SliceFolder> folder = take_folder();
    if (!reader_.is_at_end() && parts_.call_helpers) parts_.call_helpers();
    ++folding_;
    if (lock != nullptr) lock->unlock();
    const auto done = folder->split(slice);
    if (lock != nullptr) lock->lock();
    --folding_;
    if (slice->generation == generation_) folders_.push_back(std::move(folder));
    for (const auto& each : done) arrive(static_cast<const FoldedSlice&>(*each));
}

void TableFold::arrive(const FoldedSlice& slice) {
    if (slice.generation != generation_) return;
    if (shard_count_ > 1) slice.layer->add(slice);
    folded_count_->add(static_cast<int64_t>(slice.records));
    bad_count_->add(static_cast<int64_t>(slice.bad));
    --epochs_[slice.epoch - first_epoch_].on_the_way;
    --on_the_way_;
    count_memory();
    rest();
}

void TableFold::rest() {
    while (!epochs_.empty() && epochs_.front().is_closed && epochs_.front().on_the_way == 0) {
        folded_to_ = std::move(epochs_.front().to);
        epochs_.pop_front();
        ++first_epoch_;
        if (!layers_.empty() && !views_->is_idle()) layers_.back()->reach(folded_to_);
    }
    folded_.notify_all();
}

Result<void> TableFold::settle(UniqueLock& lock) {
    ++settling_;
    Result<void> outcome;
    while (outcome && (is_on_the_way() || !reader_.is_closed())) {
        if (is_on_the_way()) {
            folded_.wait(lock);
        } else {
            outcome = fold_next(nullptr);
        }
    }
    --settling_;
    return outcome;
}

/// The stream stands. What was folded since the last rest, and cannot be told from the rest of the
/// tables, goes away with them; what is on its way to a rest still comes in.
Result<void> TableFold::fail(Result<void> folded) {
    write_trace(TraceLevel::kError, "speed", folded.error().to_string());
    health_->fell_ill(folded.error());
    failure_ = folded.error();
    if (!reader_.is_closed()) static_cast<void>(reload_locked());
    folded_.notify_all();
    return folded;
}

/// Another one is begun only after a layer was pinned or frozen, when nothing was on its way.
LayerPtr TableFold::writable_layer() {
    if (layers_.empty() || !layers_.back()->is_writable()) {
        CHECK(epochs_.empty());
        layers_.push_back(std::make_shared<Layer>(views_, shard_count_, folded_to_, horizon()));
    }
    return layers_.back();
}

/// What is committed now: whoever reads a newer version of the manifest drops at least as much.
std::optional<int64_t> TableFold::horizon() const {
    if (!views_->retains()) return std::nullopt;
    const manifest::StatePtr head = parts_.manifest->head();
    const manifest::TableState* table = head->table(table_.id);
    return table == nullptr ? std::nullopt : table->horizon_us;
}

/// Merges the newest layer into the one before it when nobody holds either and it is small.
bool TableFold::merge_back() {
    if (layers_.size() < 2 || !epochs_.empty()) return false;
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

uint64_t TableFold::held_bytes() const {
    uint64_t bytes = layer_bytes();
    for (const auto& folder : folders_) bytes += folder->bytes_used();
    return bytes;
}

bool TableFold::has_unsealed() const {
    const ScopedLock lock(mutex_);
    return !failure_ && folded_to_ != sealed_;
}

/// Events are counted by their offsets, which is too many where a log leaves some out.
bool TableFold::is_unsealed_small() const {
    const ScopedLock lock(mutex_);
    const bool is_memory_wanted = parts_.memory != nullptr && parts_.memory->is_full();
    if (is_memory_wanted || layer_bytes() >= options_.seal_bytes_max) return false;
    return Box::between(sealed_, folded_to_).width() < options_.seal_events_min;
}

Result<std::optional<TableFold::Frozen>> TableFold::freeze() {
    UniqueLock lock(mutex_);
    TRY(settle(lock));
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
    // A stream that rests keeps no decoder, however many streams there are.
    if (folded_to_ == sealed_ && !is_on_the_way()) folders_.clear();
    count_memory();
    folded_.notify_all();
}

void TableFold::refused() {
    const ScopedLock lock(mutex_);
    for (const auto& layer : layers_) layer->thaw();
    const manifest::StatePtr head = parts_.manifest->head();
    const manifest::TableState* table = head->table(table_.id);
    if (table == nullptr || table->sealed_frontier != sealed_) reload_or_stop();
}

Result<void> TableFold::pause() {
    UniqueLock lock(mutex_);
    TRY(settle(lock));
    is_paused_ = true;
    return {};
}

void TableFold::resume() {
    const ScopedLock lock(mutex_);
    is_paused_ = false;
    if (parts_.has_work) parts_.has_work();
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

bool TableFold::wants_seal() const {
    const ScopedLock lock(mutex_);
    if (layer_bytes() >= options_.seal_bytes_max) return true;
    return parts_.memory != nullptr && parts_.memory->is_full() &&
           parts_.memory->is_much(held_bytes());
}

uint64_t TableFold::bytes_used() const {
    const ScopedLock lock(mutex_);
    return layer_bytes();
}

}  // namespace braid::speed
