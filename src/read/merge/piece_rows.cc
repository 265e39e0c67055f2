// SPDX-License-Identifier: Apache-2.0
#include "read/merge/piece_rows.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/hash.h"
#include "operators/aggregate/table_rows.h"
#include "plan/view_plan.h"
#include "runs/merged_rows.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using operators::GroupTable;

/// About what a group or a subkey takes in a table.
constexpr uint64_t kRowBytes = 64;

/// False where the table has outgrown its bound.
Result<bool> gather_run(const runs::Tiling& tiling, const runs::RunReader& run,
                        const KeyRange& range, uint64_t bytes_max, RowWatch& watch,
                        GroupTable& into) {
    constexpr uint64_t kRowsBetween = 256;
    operators::StateRow row;
    for (uint32_t section = 0; section <= plan::subkey_sections(into.aggregates()); ++section) {
        const auto rows = TRY(run.scan(section, range.from, range.to));
        for (uint64_t count = 1; TRY(rows->next(row)); ++count) {
            TRY(watch.row());
            if (tiling.has_expired(row.key)) continue;
            TRY(into.merge_row(section, row));
            if (count % kRowsBetween == 0 && into.bytes_used() > bytes_max) return false;
        }
    }
    return true;
}

uint64_t rows_of(const GroupTable& table, std::span<const GroupTable::Group> groups) {
    uint64_t rows = groups.size();
    for (uint32_t section = 1; section <= plan::subkey_sections(table.aggregates()); ++section) {
        for (const GroupTable::Group group : groups) rows += table.subkey_count(section, group);
    }
    return rows;
}

/// False, and nothing is merged, where the table would outgrow its bound.
bool gather_tick(const runs::Tiling& tiling, const ViewPiece& piece, size_t number,
                 const GroupTable& table, uint64_t bytes_max, GroupTable& into) {
    const bool is_whole = piece.range.from.empty() && piece.range.to.empty() && !tiling.floor;
    if (is_whole) {
        if (into.bytes_used() + table.bytes_used() > bytes_max) return false;
        into.merge(table);
        return true;
    }
    const std::vector<GroupTable::Group> groups = groups_in(tiling, piece, number, table);
    if (into.bytes_used() + rows_of(table, groups) * kRowBytes > bytes_max) return false;
    into.merge(table, groups);
    return true;
}

/// What ordered rows of these groups hold.
uint64_t bytes_of_order(const GroupTable& table, std::span<const GroupTable::Group> groups) {
    const uint32_t sections = plan::subkey_sections(table.aggregates());
    uint64_t bytes = groups.size() * sizeof(GroupTable::Group) * (1 + sections);
    for (uint32_t section = 1; section <= sections; ++section) {
        uint64_t most = 0;
        for (const GroupTable::Group group : groups) {
            most = std::max<uint64_t>(most, table.subkey_count(section, group));
        }
        bytes += most * sizeof(GroupTable::Subkey);
    }
    return bytes;
}

}  // namespace

std::vector<GroupTable::Group> groups_in(const runs::Tiling& tiling, const ViewPiece& piece,
                                         size_t number, const GroupTable& table) {
    std::vector<GroupTable::Group> groups;
    if (piece.range.is_point) {
        const GroupTable::Group group = table.find(piece.range.from);
        if (group != GroupTable::kNoGroup) groups.push_back(group);
    } else if (!piece.groups.empty()) {
        groups = piece.groups[number];
    } else {
        for (GroupTable::Group group = 0; group < table.size(); ++group) {
            if (piece.range.contains(table.key_of(group))) groups.push_back(group);
        }
    }
    if (tiling.floor) {
        std::erase_if(groups, [&](auto group) { return tiling.has_expired(table.key_of(group)); });
    }
    return groups;
}

Result<bool> gather(const runs::Tiling& tiling, const ViewPiece& piece, int skip_run,
                    const StatementLimits& limits, uint64_t bytes_max, GroupTable& into) {
    const KeyRange& range = piece.range;
    if (range.is_empty) return true;
    RowWatch watch(limits);
    bool fits = true;
    const auto gather_one = [&](uint32_t index) -> Result<void> {
        if (!fits || static_cast<int>(index) == skip_run) return {};
        fits = TRY(gather_run(tiling, *tiling.runs()[index], range, bytes_max, watch, into));
        return {};
    };
    if (range.is_point) {
        TRY(tiling.base->probes().visit(hash64(range.from), gather_one));
    } else {
        for (uint32_t index = 0; index < tiling.runs().size(); ++index) TRY(gather_one(index));
    }
    TRY(visit_tick_tables(tiling, [&](size_t number, const GroupTable& table) -> Result<void> {
        TRY(limits.check());
        fits = fits && gather_tick(tiling, piece, number, table, bytes_max, into);
        return {};
    }));
    return fits;
}

Result<std::vector<operators::RowCursorPtr>> ordered_sections(
    const runs::Tiling& tiling, const ViewPiece& piece,
    const std::vector<plan::Aggregate>& aggregates, HeldMemory& held) {
    std::vector<std::vector<operators::RowCursorPtr>> sources(1 +
                                                              plan::subkey_sections(aggregates));
    for (uint32_t section = 0; section < sources.size(); ++section) {
        for (const auto& run : tiling.runs()) {
            sources[section].push_back(TRY(run->scan(section, piece.range.from, piece.range.to)));
        }
    }
    TRY(visit_tick_tables(tiling, [&](size_t number, const GroupTable& table) -> Result<void> {
        std::vector<GroupTable::Group> groups = groups_in(tiling, piece, number, table);
        if (groups.empty()) return {};
        TRY(held.take(bytes_of_order(table, groups)));
        std::ranges::sort(groups, {}, [&](auto group) { return table.key_of(group); });
        for (uint32_t section = 0; section < sources.size(); ++section) {
            sources[section].push_back(operators::table_rows(table, groups, section));
        }
        return {};
    }));
    std::vector<operators::RowCursorPtr> merged;
    for (uint32_t section = 0; section < sources.size(); ++section) {
        merged.push_back(runs::merged_rows(std::move(sources[section]), aggregates, section));
    }
    return merged;
}

}  // namespace braid::read
