// SPDX-License-Identifier: Apache-2.0
#include "runs/tilings.h"

#include "base/check.h"
#include "runs/run_file.h"

namespace braid::runs {

namespace {

std::shared_ptr<const TiledRuns> list_runs(const RunTiling& tiling, std::optional<Cut> cut) {
    const manifest::State& state = *tiling.state;
    const catalog::MaterializedView& view = *state.catalog.view_of_version(tiling.version);
    const auto table = state.catalog.tables.find(view.table);
    auto listed = std::make_shared<TiledRuns>();
    listed->manifest = state.number;
    listed->view = view.name;
    if (table != state.catalog.tables.end()) listed->stream = table->second.name;
    listed->facts.version = tiling.version;
    listed->facts.complete_since = state.begin_of(tiling.version);
    listed->facts.horizon_us = state.kept_since_us(view);
    listed->cut = std::move(cut);
    listed->parts.reserve(tiling.runs.size());
    for (const auto& reader : tiling.runs) {
        const manifest::Run& run = reader->run();
        const bool is_batch = run.kind == manifest::RunKind::kBatch;
        listed->facts.account.add(run.account());
        (is_batch ? listed->batch_events : listed->speed_events) += run.counted;
        listed->parts.push_back(
            {view.name, is_batch ? "batch" : "sealed", run.box, run.digest, run.rows});
    }
    return listed;
}

}  // namespace

Result<RunTilingPtr> TilingSet::make(VersionId version, ReadMode mode, uint64_t cut_number) const {
    const auto chosen = TRY(choose_runs(*state_, version, mode, cut_number));
    auto tiling = std::make_shared<RunTiling>();
    tiling->state = state_;
    tiling->version = version;
    tiling->end = state_->begin_of(version);
    tiling->runs.reserve(chosen.size());
    std::optional<Cut> cut;
    for (const manifest::Run* run : chosen) {
        CHECK(extend(tiling->end, run->box));  // choose_runs has seen to it
        if (run->kind == manifest::RunKind::kBatch) cut = tiling->end;
        tiling->runs.push_back(TRY(runs_.get(*run)));
    }
    tiling->listed = list_runs(*tiling, std::move(cut));
    return RunTilingPtr(std::move(tiling));
}

Result<RunTilingPtr> TilingSet::get(VersionId version, ReadMode mode, uint64_t cut_number) {
    const ScopedLock lock(mutex_);
    const auto key = std::tuple(version, mode, cut_number);
    const auto place = made_.find(key);
    if (place != made_.end()) return place->second;
    return made_.emplace(key, TRY(make(version, mode, cut_number))).first->second;
}

std::shared_ptr<TilingSet> Tilings::at(const manifest::StatePtr& state) {
    const ScopedLock lock(mutex_);
    if (newest_ && newest_->state() == state) return newest_;
    if (newest_ && state->number < newest_->state()->number) {
        auto& place = older_[state->number];
        auto set = place.lock();
        if (!set) place = set = std::make_shared<TilingSet>(state, runs_);
        return set;
    }
    std::erase_if(older_, [](const auto& entry) { return entry.second.expired(); });
    if (newest_) older_[newest_->state()->number] = newest_;
    newest_ = std::make_shared<TilingSet>(state, runs_);
    return newest_;
}

}  // namespace braid::runs
