// SPDX-License-Identifier: Apache-2.0
#include "app/key_watch.h"

namespace braid::app {

Result<void> KeyWatch::check(VersionId version) const {
    const manifest::PinnedState pinned = parts_.manifest->pin();
    const catalog::MaterializedView* view = pinned.state->catalog.view_of_version(version);
    if (view == nullptr || view->keys_max == 0) return {};
    const auto snapshot = read::PinnedSnapshot::take(parts_, {view->table}, {});
    if (snapshot) {
        const auto tiling = (*snapshot)->tiling_of(parts_, version);
        if (tiling) return parts_.key_counts->check(*view, *tiling, {});
    }
    return check_at(pinned.state, version);
}

Result<void> KeyWatch::check_at(const manifest::StatePtr& state, VersionId version) const {
    const catalog::MaterializedView* view = state->catalog.view_of_version(version);
    if (view == nullptr || view->keys_max == 0 || !view->find(version)->is_populated) return {};
    runs::Tiling tiling;
    tiling.base = TRY(parts_.tilings->at(state)->get(version, runs::ReadMode::kLive, 0));
    tiling.end = tiling.base->end;
    tiling.floor = TRY(parts_.floor_of(*state, version));
    return parts_.key_counts->check(*view, tiling, {});
}

StepOutcome KeyWatch::step() {
    constexpr int64_t kLookUs = 1'000'000;
    const manifest::PinnedState pinned = parts_.manifest->pin();
    if (pinned.state->number == seen_) return {.progressed = false, .idle_us = kLookUs};
    seen_ = pinned.state->number;
    parts_.key_counts->forget_dropped(pinned.state->catalog);
    for (const auto& [id, view] : pinned.state->catalog.views) {
        // Whoever is full is told by the counts; what cannot be read tells whoever reads it.
        if (view.keys_max != 0) static_cast<void>(check_at(pinned.state, view.current));
    }
    return {.progressed = false, .idle_us = kLookUs};
}

}  // namespace braid::app
