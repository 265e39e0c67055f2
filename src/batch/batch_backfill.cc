// SPDX-License-Identifier: Apache-2.0
// The back-filling half of BatchLayer: a version's history, by whoever comes first.
#include "base/error_makers.h"
#include "base/trace.h"
#include "batch/batch_stream_internal.h"

namespace braid::batch {

namespace {

/// Each lost attempt needs a change of the catalog in the middle of a scan.
constexpr int kAttemptsMax = 10;
constexpr int64_t kRestAfterFailureUs = 5'000'000;

enum class Need : uint8_t { kWanted, kIn, kGone };

/// Whether a version still lacks its history. A REFRESH may have brought it meanwhile, a DROP may
/// have made it needless.
Need need_of(const manifest::State& state, VersionId version) {
    const catalog::MaterializedView* view = state.catalog.view_of_version(version);
    if (view == nullptr) return Need::kGone;
    return view->find(version)->is_populated ? Need::kIn : Need::kWanted;
}

Error dropped_meanwhile() {
    return not_found("the materialized view was dropped before its history was in");
}

}  // namespace

Result<void> BatchLayer::backfill(VersionId version, const StatementLimits& limits) {
    const manifest::StatePtr state = parts_.manifest->head();
    const catalog::MaterializedView* view = state->catalog.view_of_version(version);
    if (view == nullptr) return dropped_meanwhile();
    return fill_in_turn(*TRY(find(view->table)), version, limits);
}

Result<void> BatchLayer::fill_in_turn(Stream& stream, VersionId version,
                                      const StatementLimits& limits) {
    UniqueLock lock(stream.mutex);
    while (stream.filling.contains(version)) {
        stream.finished.wait_for(lock, kBetweenLooks);
        TRY(limits.check());
    }
    const auto watch = std::make_shared<ScanWatch>();
    watch->task = Tasks::begin_in(parts_.tasks, "backfill", stream.table.id, "events");
    stream.filling.emplace(version, watch);
    lock.unlock();
    const auto outcome = fill(stream, version, limits, *watch);
    lock.lock();
    stream.filling.erase(version);
    stream.finished.notify_all();
    return outcome;
}

std::optional<Progress> BatchLayer::backfill_progress(VersionId version) const {
    const manifest::StatePtr state = parts_.manifest->head();
    const catalog::MaterializedView* view = state->catalog.view_of_version(version);
    if (view == nullptr) return std::nullopt;
    const auto stream = find(view->table);
    if (!stream) return std::nullopt;
    const ScopedLock lock((*stream)->mutex);
    const auto place = (*stream)->filling.find(version);
    if (place == (*stream)->filling.end() || place->second->task.all() == 0) return std::nullopt;
    return Progress{place->second->task.done(), place->second->task.all()};
}

/// The tiling decides: whoever commits first has populated the version, and the others see it done.
Result<void> BatchLayer::fill(const Stream& stream, VersionId version,
                              const StatementLimits& limits, ScanWatch& watch) {
    Result<void> outcome;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        switch (need_of(*parts_.manifest->head(), version)) {
            case Need::kIn:
                return {};
            case Need::kGone:
                return dropped_meanwhile();
            case Need::kWanted:
                break;
        }
        outcome = fill_once(stream, version, limits, watch);
        if (outcome) return {};
        const bool is_decided = need_of(*parts_.manifest->head(), version) != Need::kWanted;
        if (!is_decided && outcome.error().code() != ErrorCode::kConflict) break;
    }
    return outcome;
}

Result<void> BatchLayer::fill_once(const Stream& stream, VersionId version,
                                   const StatementLimits& limits, ScanWatch& watch) {
    manifest::StatePtr state = parts_.manifest->head();
    const catalog::MaterializedView* view = state->catalog.view_of_version(version);
    if (view == nullptr) return dropped_meanwhile();
    Positions first_seal = view->find(version)->first_seal;
    TRY(parts_.hooks.archive_to(stream.table.id, first_seal).context("archiving"));
    watch.go_on = [&]() -> Result<void> {
        if (stream.is_closing) return ended(stream);
        TRY(limits.check());
        if (need_of(*parts_.manifest->head(), version) == Need::kWanted) return {};
        return conflict("the history of view version {} is not wanted any more", version.value);
    };
    // Its segments are read to the end, whatever takes their place.
    const manifest::PinnedState pinned = parts_.manifest->pin();
    state = pinned.state;
    if (state->catalog.view_of_version(version) == nullptr) return dropped_meanwhile();
    first_seal.grow(state->table(stream.table.id)->origin);  // by what came since
    const Positions& start = state->table(stream.table.id)->start;
    auto computed = recompute(stream, state, {version}, first_seal, Reach::kAll, start, watch)
                        .context("back-filling");
    if (!computed) return overtaken_or(stream, *state, std::move(computed).error());
    Recomputed recomputed = *std::move(computed);
    if (recomputed.views.empty()) return dropped_meanwhile();
    const auto committed = parts_.manifest->commit(
        {manifest::Backfill{std::move(recomputed.views.front().run), recomputed.clock_us,
                            state->table(stream.table.id)->erasure_epoch}});
    recomputed.file.keep_if(committed);
    return committed ? Result<void>() : Result<void>(committed.error());
}

void BatchLayer::look_for_backfills(TableId table) {
    if (const auto stream = find(table)) workers_.wake((*stream)->backfills);
}

StepOutcome BatchLayer::backfill_step(Stream& stream) {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(stream.table.id);
    if (table != nullptr && table->has_pending_erasure() && !stream.is_closing) {
        const auto finished = in_turn(stream, {}, [&] { return finish_erasures(stream, {}); });
        if (finished) return {.progressed = true, .idle_us = 0};
        const bool is_gone = parts_.manifest->head()->table(stream.table.id) == nullptr;
        if (!stream.is_closing && !is_gone) {
            trace(TraceLevel::kError, "batch", "erasing events of stream \"{}\": {}",
                  stream.table.name, finished.error().to_string());
        }
        return {.progressed = false, .idle_us = kRestAfterFailureUs};
    }
    for (const catalog::MaterializedView* view : state->catalog.views_of(stream.table.id)) {
        for (const catalog::ViewVersion& version : view->versions) {
            if (!version.wants_backfill || stream.is_closing) continue;
            // Not by its name: while a table is opened or closed it has none in streams_.
            const auto filled = fill_in_turn(stream, version.id, {});
            if (filled) return {.progressed = true, .idle_us = 0};
            if (stream.is_closing) break;
            if (need_of(*parts_.manifest->head(), version.id) != Need::kWanted) continue;
            trace(TraceLevel::kError, "batch", "back-filling view \"{}\": {}", view->name,
                  filled.error().to_string());
            return {.progressed = false, .idle_us = kRestAfterFailureUs};
        }
    }
    return {.progressed = false, .idle_us = kUntilWoken};
}

}  // namespace braid::batch
