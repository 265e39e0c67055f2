// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/segment_merger.h"

#include <algorithm>

#include "dataset/listed_files.h"
#include "dataset/segment.h"
#include "dataset/segment_merge.h"
#include "housekeeping/releaser.h"
#include "runs/run_file.h"

namespace braid::housekeeping {

namespace {

bool is_overtaken(const Error& error) {
    return error.code() == ErrorCode::kConflict || error.code() == ErrorCode::kNotFound;
}

/// An erasure may have replaced some, and destroyed what they were, since.
bool is_as_planned(const manifest::State& state, const MergePlan& plan) {
    const manifest::TableState& table = *state.table(plan.table);
    return std::ranges::all_of(plan.segments, [&](const manifest::Segment& each) {
        return std::ranges::find(table.segments, each.file, &manifest::Segment::file) !=
               table.segments.end();
    });
}

}  // namespace

Result<bool> SegmentMerger::merge(const MergePlan& plan, const GoOn& go_on) {
    const ScopedLock lock(mutex_);
    const manifest::PinnedState pinned = parts_.manifest->pin();
    const auto table = pinned.state->catalog.tables.find(plan.table);
    if (table == pinned.state->catalog.tables.end() || !is_as_planned(*pinned.state, plan)) {
        return false;
    }
    // A stream that could not be opened is left as it is.
    const auto nothing = [] { return Result<void>(); };
    if (parts_.while_idle && !parts_.while_idle(plan.table, nothing)) return false;
    const RunId id = TRY(parts_.manifest->new_run_id());
    const std::string path = dataset::merged_path(plan.segments.front(), id);
    manifest::ReplaceSegments change{plan.table, {}, {}};
    for (const manifest::Segment& each : plan.segments) change.removed.push_back(each.file);
    change.added.push_back(TRY(dataset::merge_segments(
        *parts_.store, dataset::SegmentSpec::of(table->second), plan.segments, path, go_on)));
    runs::UnnamedFile unnamed(*parts_.store, dataset::unlisted_path(path));
    const auto committed = parts_.manifest->commit({std::move(change)});
    unnamed.keep_if(committed);
    const std::string& day = plan.segments.front().ingest_day;
    if (committed || manifest::may_be_made(committed.error())) not_shown_.emplace(plan.table, day);
    if (!committed && is_overtaken(committed.error())) return false;
    if (!committed) return committed.error();
    TRY(show(plan.table, day));
    return true;
}

Result<void> SegmentMerger::finish(int64_t after_us) {
    const ScopedLock lock(mutex_);
    if (TRY(parts_.store->can_exchange())) look_for_starts(*parts_.manifest->head());
    if (!not_shown_.empty()) TRY(parts_.manifest->settle());
    const auto waiting = not_shown_;
    for (const auto& [table, day] : waiting) TRY(show(table, day));
    const int64_t now_us = parts_.clock->monotonic_us();
    while (!left_.empty() && now_us - left_.front().since_us >= after_us) {
        const std::string& directory = left_.front().directory;
        if (TRY(parts_.store->exists(directory))) {
            TRY(remove_unnamed(*parts_.store, directory, {}));
            TRY(parts_.store->remove_directory(directory));
        }
        left_.erase(left_.begin());
    }
    return {};
}

/// What was shown before this began is seen as well: it costs a look.
void SegmentMerger::look_for_starts(const manifest::State& state) {
    if (state.number == starts_at_) return;
    starts_at_ = state.number;
    std::erase_if(starts_, [&](const auto& each) { return state.table(each.first) == nullptr; });
    for (const auto& [id, table] : state.tables) {
        Positions& shown = starts_[id];
        if (shown == table.start) continue;
        shown = table.start;
        for (const manifest::RetiredSegment& each : table.retired_segments) {
            not_shown_.emplace(id, dataset::day_of(each.file));
        }
    }
}

Result<void> SegmentMerger::show_now(TableId table, const std::string& ingest_day) {
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* of = state->table(table);
    if (of == nullptr) return {};
    const std::string& folder = state->catalog.tables.at(table).dataset_folder;
    std::string left = TRY(dataset::show_day(*parts_.store, folder, ingest_day, *of));
    if (!left.empty()) left_.push_back({std::move(left), parts_.clock->monotonic_us()});
    return {};
}

Result<void> SegmentMerger::show_all(TableId table, const std::function<Result<void>()>& then) {
    const ScopedLock lock(mutex_);
    const auto show_them = [&]() -> Result<void> {
        manifest::StatePtr state = parts_.manifest->head();
        const manifest::TableState* of = state->table(table);
        if (of == nullptr || !of->has_pending_erasure()) return {};
        state = TRY(parts_.manifest->commit({manifest::ReleaseSegments{table, {}}}));
        of = state->table(table);
        std::set<std::string> days;
        for (const manifest::RetiredSegment& each : of->retired_segments) {
            days.insert(dataset::day_of(each.file));
        }
        if (!TRY(parts_.store->can_exchange())) days.clear();
        for (const std::string& day : days) TRY(show_now(table, day));
        return then();
    };
    return parts_.while_idle ? parts_.while_idle(table, show_them) : show_them();
}

Result<void> SegmentMerger::show(TableId table, const std::string& ingest_day) {
    bool is_open = false;
    const auto show_it = [&] {
        is_open = true;
        return show_now(table, ingest_day);
    };
    auto shown = parts_.while_idle ? parts_.while_idle(table, show_it) : show_it();
    const bool is_dropped = parts_.manifest->head()->table(table) == nullptr;
    // A stream that is being dropped is closed first: whether it goes is seen the next time.
    if (!is_open && !is_dropped) return {};
    if (!shown && !is_dropped) return shown;
    not_shown_.erase({table, ingest_day});
    return {};
}

}  // namespace braid::housekeeping
