// SPDX-License-Identifier: Apache-2.0
#include "runs/snapshot.h"

#include <algorithm>
#include <map>

#include "base/error_makers.h"
#include "model/side.h"

namespace braid::runs {

namespace {

Error not_ready(std::string message, std::string hint) {
    return Error(ErrorCode::kUnavailable, std::move(message))
        .with_sqlstate("55000")
        .with_hint(std::move(hint));
}

/// The published cut that a mode names: the numbered one, or the newest.
Result<const manifest::PublishedCut*> find_cut(const manifest::TableState& table,
                                               const catalog::MaterializedView& view,
                                               uint64_t cut_number) {
    if (cut_number != 0) {
        for (const manifest::PublishedCut& cut : table.cuts) {
            if (cut.number == cut_number) return &cut;
        }
        return invalid_input("cut {} of view \"{}\" is not kept", cut_number, view.name)
            .with_sqlstate("22023")
            .with_hint("braid.runs and braid.audits show the cuts that there are.");
    }
    if (table.cuts.empty()) {
        return not_ready("materialized view \"" + view.name + "\" has no batch answer yet",
                         "Run REFRESH MATERIALIZED VIEW " + view.name + ", or read live.");
    }
    return &table.cuts.back();
}

/// The batch runs of a version that a published cut names, in their order; some may be retired
/// already.
std::vector<const manifest::Run*> runs_of_cut(const manifest::State& state,
                                              const manifest::PublishedCut& cut,
                                              VersionId version) {
    std::map<RunId, const manifest::Run*> kept;
    for (const manifest::Run& run : state.runs_of(version)) kept.emplace(run.id, &run);
    for (const manifest::Retired& retired : state.retired) {
        if (retired.run.version == version) kept.emplace(retired.run.id, &retired.run);
    }
    std::vector<const manifest::Run*> runs;
    for (const RunId id : cut.runs) {
        const auto place = kept.find(id);
        if (place != kept.end()) runs.push_back(place->second);
    }
    return runs;
}

}  // namespace

Result<std::vector<const manifest::Run*>> choose_runs(const manifest::State& state,
                                                      VersionId version, ReadMode mode,
                                                      uint64_t cut_number) {
    const catalog::MaterializedView* view = state.catalog.view_of_version(version);
    if (view == nullptr) return not_found("the view was dropped while it was read");
    const catalog::ViewVersion& definition = *view->find(version);
    if (!definition.is_populated) {
        return not_ready("materialized view \"" + view->name + "\" has not been populated",
                         definition.wants_backfill
                             ? "Its history is being computed; it can be read once that is in."
                             : "Use the REFRESH MATERIALIZED VIEW command.");
    }
    const manifest::TableState* table = state.table(view->table);
    if (table == nullptr) return internal_error("view \"{}\" has no stream", view->name);
    if (mode != ReadMode::kLive) {
        const manifest::PublishedCut* cut = TRY(find_cut(*table, *view, cut_number));
        std::vector<const manifest::Run*> named = runs_of_cut(state, *cut, version);
        if (named.empty()) {
            return not_ready("materialized view \"" + view->name +
                                 "\" has no batch answer at cut " + std::to_string(cut->number),
                             "Run REFRESH MATERIALIZED VIEW " + view->name + ", or read live.");
        }
        Positions end = state.begin_of(version);
        const auto goes_on = [&](const manifest::Run* run) { return extend(end, run->box); };
        if (!std::ranges::all_of(named, goes_on) || end != cut->cut) {
            return internal_error("the batch runs of view \"{}\" do not cover cut {}", view->name,
                                  cut->number);
        }
        return named;
    }
    Positions end = state.begin_of(version);
    std::vector<const manifest::Run*> runs;
    runs.reserve(state.runs_of(version).size());
    for (const manifest::Run& run : state.runs_of(version)) {
        if (!extend(end, run.box)) {
            return internal_error("run {} of view \"{}\" covers {} but the tiling has reached {}",
                                  run.id.value, view->name, run.box.to_string(), end.to_string());
        }
        runs.push_back(&run);
    }
    if (end != table->sealed_frontier) {
        return internal_error("runs of view \"{}\" end at {}, not at the sealed frontier {}",
                              view->name, end.to_string(), table->sealed_frontier.to_string());
    }
    return runs;
}

std::optional<int64_t> horizon_of(const manifest::State& state, VersionId version) {
    const catalog::MaterializedView* view = state.catalog.view_of_version(version);
    const manifest::TableState* table = view == nullptr ? nullptr : state.table(view->table);
    return table == nullptr ? std::nullopt : table->horizon_us;
}

bool add_ticks(Tiling& tiling, const std::vector<TickPtr>& ticks) {
    Positions end = tiling.end;
    std::vector<TickPtr> added;
    for (const TickPtr& tick : ticks) {
        if (side_of(tick->box, end) == Side::kBelow) continue;
        if (!extend(end, tick->box)) return false;
        added.push_back(tick);
    }
    tiling.end = std::move(end);
    tiling.ticks.insert(tiling.ticks.end(), added.begin(), added.end());
    return true;
}

ReceiptSource::View receipt_view(const Tiling& tiling) {
    ReceiptSource::View view{.runs = tiling.base->listed, .ticks = {}, .end = tiling.end};
    view.ticks.reserve(tiling.ticks.size());
    for (const TickPtr& tick : tiling.ticks) {
        ReceiptSource::Tick& seen = view.ticks.emplace_back();
        seen.is_own = tick->is_own;
        seen.box = tick->box;
        seen.rows = tick->group_count(tiling.version());
        const auto account = tick->accounts.find(tiling.version());
        if (account != tick->accounts.end()) seen.account = account->second;
    }
    return view;
}

}  // namespace braid::runs
