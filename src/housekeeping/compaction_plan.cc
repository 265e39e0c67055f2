// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/compaction_plan.h"

#include <algorithm>
#include <span>

#include "catalog/view_versions.h"
#include "model/side.h"

namespace braid::housekeeping {

namespace {

using manifest::Run;
using manifest::RunKind;

/// Vectors that no joined box goes across.
std::vector<Positions> barriers_of(const manifest::State& state, TableId id) {
    const manifest::TableState& table = *state.table(id);
    std::vector<Positions> barriers;
    barriers.push_back(table.start);
    for (const manifest::PublishedCut& each : table.cuts) barriers.push_back(each.cut);
    if (table.cut_in_flight) barriers.push_back(*table.cut_in_flight);
    for (const catalog::MaterializedView* view : state.catalog.views_of(id)) {
        for (const catalog::ViewVersion& version : view->versions) {
            if (version.is_populated) continue;
            barriers.push_back(version.first_seal);
            barriers.back().grow(table.origin);
        }
    }
    return barriers;
}

bool lies_between(const Positions& barrier, const Run& before, const Run& after) {
    return side_of(before.box, barrier) == Side::kBelow &&
           side_of(after.box, barrier) != Side::kBelow;
}

/// What is joined with its like: sealed runs, batches that went on from others, and base runs. What
/// was computed from the start of the dataset may be as large as all history, takes the place of
/// its like each time, and is left alone.
bool is_joined(const manifest::TableState& table, const Run& run) {
    return run.kind == RunKind::kSealed || run.increments > 0 || table.is_base(run);
}

/// Such runs of a version, of one kind, where nothing stands between them.
std::vector<std::vector<const Run*>> stretches_of(const manifest::TableState& table,
                                                  const manifest::SharedList<Run>& runs,
                                                  std::span<const Positions> barriers) {
    std::vector<std::vector<const Run*>> stretches;
    const Run* before = nullptr;
    for (const Run& run : runs) {
        const bool goes_on = before != nullptr && before->kind == run.kind &&
                             std::ranges::none_of(barriers, [&](const Positions& barrier) {
                                 return lies_between(barrier, *before, run);
                             });
        before = is_joined(table, run) ? &run : nullptr;
        if (before == nullptr) continue;
        if (!goes_on) stretches.emplace_back();
        stretches.back().push_back(&run);
    }
    return stretches;
}

bool lies_in(const Box& box, const Box& whole) {
    return std::ranges::all_of(box.intervals, [&](const Interval& each) {
        const Interval* around = whole.find(each.partition);
        return around != nullptr && each.from >= around->from && each.to <= around->to;
    });
}

/// How many rows the versions have in their batch runs of these events.
uint64_t batch_rows(const manifest::State& state, std::span<const VersionId> versions,
                    const Box& box) {
    uint64_t rows = 0;
    for (const VersionId version : versions) {
        for (const Run& run : state.runs_of(version)) {
            if (run.kind == RunKind::kBatch && lies_in(run.box, box)) rows += run.rows;
        }
    }
    return rows;
}

/// A stretch of batch runs gets one more with each batch that goes on, or with each step of a
/// retention; each was written for many events, and there may be few for long. So they are joined
/// by size, not by eights: each stays more than twice as large as the next, and views whose groups
/// come again and again have one. Fewer than two: empty.
template <typename RowsOf>
std::span<const Run* const> batch_neighbours(std::span<const Run* const> stretch, RowsOf rows_of) {
    constexpr uint64_t kTimes = 2;
    for (size_t to = stretch.size(); to >= 2; --to) {
        uint64_t rows = rows_of(*stretch[to - 1]);
        size_t from = to - 1;
        while (from > 0 && to - from < kJoinedMax && rows_of(*stretch[from - 1]) <= kTimes * rows) {
            rows += rows_of(*stretch[--from]);
        }
        if (to - from >= 2) return stretch.subspan(from, to - from);
    }
    return {};
}

/// Joins these runs of one version, and of the others what they have of the same events.
CompactionPlan plan_of(const manifest::State& state, TableId id, const manifest::TableState& table,
                       std::span<const VersionId> versions, std::span<const Run* const> found,
                       uint32_t level) {
    Run whole{.kind = found.front()->kind};
    for (const Run* run : found) whole.extend(*run);
    CompactionPlan plan{.table = id, .level = level, .joined = {}};
    for (const VersionId version : versions) {
        std::vector<Run> joined;
        for (const Run& run : state.runs_of(version)) {
            if (run.kind == whole.kind && is_joined(table, run) && lies_in(run.box, whole.box)) {
                joined.push_back(run);
            }
        }
        if (joined.size() > 1) plan.joined.push_back(std::move(joined));
    }
    return plan;
}

}  // namespace

std::optional<CompactionPlan> plan_compaction(const manifest::State& state, TableId table) {
    const manifest::TableState* of = state.table(table);
    if (of == nullptr) return std::nullopt;
    const std::vector<VersionId> versions = catalog::versions_of(state.catalog, table);
    if (versions.empty()) return std::nullopt;
    // The one that has been sealed for longest; the others have the same boxes, or less of them.
    const VersionId lead = *std::ranges::max_element(
        versions, {}, [&](VersionId each) { return state.runs_of(each).size(); });
    const std::vector<Positions> barriers = barriers_of(state, table);
    const auto stretches = stretches_of(*of, state.runs_of(lead), barriers);
    const auto plan = [&](std::span<const Run* const> found, uint32_t level) {
        return plan_of(state, table, *of, versions, found, level);
    };
    uint32_t highest = 0;
    for (const auto& stretch : stretches) {
        if (stretch.front()->kind == RunKind::kSealed) {
            for (const Run* run : stretch) highest = std::max(highest, run->level);
            continue;
        }
        constexpr uint32_t kJoinedLevel = 1;
        const auto found =
            batch_neighbours(std::span<const Run* const>(stretch),
                             [&](const Run& run) { return batch_rows(state, versions, run.box); });
        if (!found.empty()) return plan(found, kJoinedLevel);
    }
    for (uint32_t level = 0; level <= highest; ++level) {
        for (const auto& stretch : stretches) {
            if (stretch.front()->kind != RunKind::kSealed) continue;
            const auto found = neighbours<Run>(stretch, level);
            if (!found.empty()) return plan(found, level + 1);
        }
    }
    return std::nullopt;
}

}  // namespace braid::housekeeping
