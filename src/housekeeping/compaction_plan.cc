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
    uint32_t highest = 0;
    for (const Run& run : state.runs_of(lead)) highest = std::max(highest, run.level);
    for (uint32_t level = 0; level <= highest; ++level) {
        for (const auto& stretch : stretches) {
            const auto found = neighbours<Run>(stretch, level);
            if (found.empty()) continue;
            Run whole{.kind = found.front()->kind};
            for (const Run* run : found) whole.extend(*run);
            CompactionPlan plan{.table = table, .level = level + 1, .joined = {}};
            for (const VersionId version : versions) {
                std::vector<Run> joined;
                for (const Run& run : state.runs_of(version)) {
                    if (run.kind == whole.kind && is_joined(*of, run) &&
                        lies_in(run.box, whole.box)) {
                        joined.push_back(run);
                    }
                }
                if (joined.size() > 1) plan.joined.push_back(std::move(joined));
            }
            return plan;
        }
    }
    return std::nullopt;
}

}  // namespace braid::housekeeping
