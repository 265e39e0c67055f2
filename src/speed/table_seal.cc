// SPDX-License-Identifier: Apache-2.0
// The sealing half of TableWorker: freeze, merge, write, commit.
#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/trace.h"
#include "runs/run_file.h"
#include "speed/table_worker.h"

namespace braid::speed {

namespace {

/// How long an explicit seal may fold what had been acknowledged before it was asked for.
constexpr int64_t kCatchUpUsMax = 60'000'000;

}  // namespace

StepOutcome TableWorker::seal_step() {
    const int64_t now_us = parts_.clock->monotonic_us();
    {
        const ScopedLock lock(mutex_);
        if (failure_ || folded_to_ == sealed_) {
            last_seal_us_ = now_us;
            return {};
        }
        const int64_t due_us = last_seal_us_ + options_.seal_interval_us;
        if (now_us < due_us && layer_bytes() < options_.seal_bytes_max) {
            return {.progressed = false, .idle_us = std::min<int64_t>(due_us - now_us, 100'000)};
        }
    }
    const auto sealed = seal_folded();
    if (!sealed) {
        // Dropped a moment ago: this step ends soon.
        if (parts_.manifest->head()->table(table_.id) == nullptr) return {};
        write_trace(TraceLevel::kError, "speed", sealed.error().to_string());
        return {.progressed = false, .idle_us = 1'000'000};
    }
    return {.progressed = true, .idle_us = 0};
}

Result<void> TableWorker::seal() {
    {
        UniqueLock lock(mutex_);
        TRY(catch_up(lock, log_->durable_end(), parts_.clock->monotonic_us() + kCatchUpUsMax));
    }
    return seal_folded();
}

Result<void> TableWorker::seal_folded() {
    const ScopedLock lock(seal_mutex_);
    auto sealed = seal_locked();
    if (sealed) {
        seal_health_->recovered();
    } else if (sealed.error().code() != ErrorCode::kConflict) {
        seal_health_->fell_ill(sealed.error());  // a conflict is a race that the next seal wins
    }
    return sealed;
}

Result<void> TableWorker::seal_locked() {
    auto sealed = write_layers();
    if (!sealed) {
        thaw();
        return std::move(sealed).error();
    }
    if (!*sealed) return {};
    return commit(*std::move(sealed), {});
}

/// A worker that cannot tell which views it folds for folds no more: readers get the reason.
void TableWorker::reload_or_stop() {
    auto reloaded = reload();
    if (!reloaded) failure_ = std::move(reloaded).error();
}

/// After a seal that came to nothing its layers are ordinary ones again.
void TableWorker::thaw() {
    const ScopedLock lock(mutex_);
    for (const auto& layer : layers_) layer->is_frozen = false;
}

Result<void> TableWorker::declare(std::vector<manifest::Change> changes) {
    const ScopedLock seal_lock(seal_mutex_);
    // The bulk is sealed while folding goes on; what is left then is small, and folding waits for
    // it.
    TRY(seal_locked());
    {
        const ScopedLock lock(mutex_);
        TRY(settle());
        is_paused_ = true;
    }
    auto sealed = write_layers();
    if (!sealed) thaw();
    Result<void> outcome = sealed ? commit(*std::move(sealed), std::move(changes))
                                  : Result<void>(std::move(sealed).error());
    const ScopedLock lock(mutex_);
    is_paused_ = false;
    // The change is in the manifest by now: only folding can suffer.
    if (outcome) reload_or_stop();
    folded_.notify_all();
    return outcome;
}

/// Freezes all layers and writes them as one run per version. Nothing folded since the last seal:
/// nullopt.
Result<std::optional<TableWorker::Sealed>> TableWorker::write_layers() {
    std::vector<std::shared_ptr<Layer>> frozen;
    std::vector<VersionId> versions;
    std::vector<operators::BoundView> bound;
    Sealed sealed;
    {
        const ScopedLock lock(mutex_);
        TRY(settle());
        if (folded_to_ == sealed_) return std::optional<Sealed>();
        for (const auto& layer : layers_) layer->is_frozen = true;
        frozen = layers_;
        versions = versions_;
        bound = bound_;
        sealed.box = Box::between(sealed_, folded_to_);
    }
    const manifest::StatePtr state = parts_.manifest->head();
    for (size_t index = 0; index < versions.size(); ++index) {
        std::shared_ptr<const operators::GroupTable> table;
        FoldAccount account;
        operators::FailedEvents failed;
        std::shared_ptr<operators::GroupTable> merged;
        if (frozen.size() != 1) {
            merged = std::make_shared<operators::GroupTable>(bound[index].plan->aggregates);
        }
        for (const auto& layer : frozen) {
            if (merged) merged->merge(*layer->tables[index]);
            account.add(layer->accounts[index]);
            failed.merge(*layer->failed[index]);
        }
        table = merged ? merged : frozen.front()->tables[index];
        const catalog::MaterializedView* view = state->catalog.view_of_version(versions[index]);
        if (view == nullptr) return conflict("a view of stream \"{}\" was dropped", table_.name);
        const RunId id = parts_.manifest->new_run_id();
        manifest::Run run = TRY(runs::write_table(
            *parts_.files, runs::run_directory(view->id, versions[index], id), *table, failed));
        run.id = id;
        run.version = versions[index];
        run.kind = manifest::RunKind::kSealed;
        run.box = sealed.box;
        run.counted = account.counted;
        run.filtered = account.filtered;
        run.quarantined = account.quarantined;
        run.failed = account.failed;
        sealed.runs.push_back(std::move(run));
    }
    return std::optional<Sealed>(std::move(sealed));
}

/// The one commit of a seal: state and position together. A refused one means that somebody else
/// has moved the frontier: what was folded here is dropped and folded again from there.
Result<void> TableWorker::commit(std::optional<Sealed> sealed,
                                 std::vector<manifest::Change> changes) {
    std::vector<manifest::Change> all;
    Box box;
    if (sealed) {
        box = sealed->box;
        all.emplace_back(manifest::Seal{table_.id, box, std::move(sealed->runs)});
    }
    std::ranges::move(changes, std::back_inserter(all));
    if (all.empty()) return {};
    const auto committed = parts_.manifest->commit(std::move(all));
    const ScopedLock lock(mutex_);
    last_seal_us_ = parts_.clock->monotonic_us();
    if (!committed) {
        for (const auto& layer : layers_) layer->is_frozen = false;
        const manifest::StatePtr head = parts_.manifest->head();
        const manifest::TableState* table = head->table(table_.id);
        if (table == nullptr || table->sealed_frontier != sealed_) reload_or_stop();
        return committed.error();
    }
    if (sealed) {
        CHECK(extend(sealed_, box));
        std::erase_if(layers_, [](const auto& layer) { return layer->is_frozen; });
        seal_count_->add(1);
    }
    return {};
}

}  // namespace braid::speed
