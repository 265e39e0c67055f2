// SPDX-License-Identifier: Apache-2.0
// The part of the commit rule about clocks, horizons and where datasets begin.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/error_makers.h"
#include "catalog/retention.h"
#include "manifest/rule_internal.h"
#include "model/side.h"

namespace braid::manifest {

namespace {

/// The horizon follows the clock once it lies so small a part of the retention behind.
constexpr int64_t kStepsOfRetention = 64;
constexpr size_t kHorizonsMax = 128;
constexpr int64_t kDayUs = 86'400'000'000;
/// No event is newer than that after it came in.
constexpr int64_t kAheadMaxUs = kDayUs;

/// Every other horizon of the older half goes: what is long past is held against coarse ones.
void thin(TableState& table) {
    if (table.horizons.size() <= kHorizonsMax) return;
    constexpr size_t kOlder = kHorizonsMax / 2;
    table.thinned_below = table.horizons[kOlder].from;
    std::vector<Horizon> kept;
    for (size_t index = 0; index < table.horizons.size(); ++index) {
        const bool is_forgotten = index < kOlder && index % 2 == 1;
        if (!is_forgotten) kept.push_back(std::move(table.horizons[index]));
    }
    table.horizons = std::move(kept);
}

std::optional<int64_t> before_horizon(const TableState* of, int64_t retention_us) {
    if (of == nullptr || !of->horizon_us || retention_us == 0) return std::nullopt;
    const auto since_us = static_cast<__int128>(*of->horizon_us) - retention_us;
    if (since_us < INT64_MIN) return std::nullopt;
    return static_cast<int64_t>(since_us);
}

}  // namespace

std::optional<int64_t> State::kept_since_us(const catalog::MaterializedView& view) const {
    return before_horizon(table(view.table), view.retention_us);
}

std::optional<int64_t> State::kept_since_us(const catalog::Table& stream) const {
    return before_horizon(table(stream.id), catalog::retention_of(stream));
}

int64_t Segment::newest_bound_us() const {
    if (newest_us) return *newest_us;
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const std::chrono::year_month_day date =
        std::sscanf(ingest_day.c_str(), "%d-%u-%u", &year, &month, &day) == 3
            ? std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)
            : std::chrono::year_month_day();
    if (!date.ok()) return INT64_MAX;
    return std::chrono::microseconds(std::chrono::sys_days(date).time_since_epoch()).count() +
           kDayUs + kAheadMaxUs;
}

bool TableState::is_base(const Run& run) const {
    return run.kind == RunKind::kBatch && !run.box.is_empty() &&
           side_of(run.box, start) == Side::kBelow;
}

Positions start_without(const TableState& table, const Positions& end, int64_t kept_since_us) {
    Positions start = table.start;
    std::vector<bool> stays(start.at.size());  // by partition: a segment before it
    for (const Segment& segment : table.segments) {
        const std::vector<Interval>& held = segment.box.intervals;
        const bool goes =
            segment.newest_bound_us() < kept_since_us &&
            side_of(segment.box, end) == Side::kBelow &&
            std::ranges::none_of(
                held, [&](const Interval& each) { return stays[each.partition.value]; });
        for (const Interval& each : held) {
            if (goes) {
                start.at[each.partition.value] = each.to;
            } else {
                stays[each.partition.value] = true;
            }
        }
    }
    return start;
}

Result<void> Rule::check_start(TableId id, const TableState& table, const Publish& change) const {
    if (change.start.at.empty()) {
        if (change.base_runs.empty()) return {};
        return internal_error("base runs of a dataset that begins where it did");
    }
    const catalog::Table& stream = state_.catalog.tables.at(id);
    const std::optional<int64_t> since_us = state_.kept_since_us(stream);
    const bool moves = change.start.partition_count() == table.origin.partition_count() &&
                       change.start.dominates(table.start) && change.start != table.start;
    if (!moves || !since_us) {
        return internal_error("the dataset of \"{}\" would begin at {}, after {}", stream.name,
                              change.start.to_string(), table.start.to_string());
    }
    if (table.has_unpublished_erasure()) {
        return conflict("what was erased is to leave the views first");
    }
    if (std::ranges::any_of(change.runs, [](const Run& run) { return run.increments > 0; })) {
        return internal_error("a dataset that begins elsewhere with an increment");
    }
    if (!table.cut_in_flight) return {};  // told by who admits the runs
    // Segments may have been merged meanwhile.
    const Positions furthest = start_without(table, *table.cut_in_flight, *since_us);
    const auto crosses = [&](const Segment& segment) {
        return side_of(segment.box, change.start) == Side::kAcross;
    };
    if (!furthest.dominates(change.start) || std::ranges::any_of(table.segments, crosses)) {
        return conflict("what lies below {} is not all to go", change.start.to_string())
            .with_detail(fmt::format("The dataset may begin at {}.", furthest.to_string()));
    }
    return {};
}

Result<void> Rule::move_start(TableId id, TableState& table, const Positions& start) {
    for (const VersionId version : versions_of(id)) {
        const auto crosses = [&](const Run& run) {
            return side_of(run.box, start) == Side::kAcross;
        };
        if (std::ranges::none_of(state_.runs_of(version), crosses)) continue;
        return conflict("view version {} was computed across {} meanwhile", version.value,
                        start.to_string());
    }
    table.start = start;
    SharedList<RetiredSegment>::Items gone;
    table.segments.edit([&](SharedList<Segment>::Items& items) {
        std::erase_if(items, [&](const auto& item) {
            if (side_of(item->box, start) != Side::kBelow) return false;
            gone.push_back(std::make_shared<const RetiredSegment>(item->file, now_us_));
            table.removed_rows += item->rows;
            return true;
        });
    });
    table.retired_segments.edit([&](SharedList<RetiredSegment>::Items& items) {
        items.insert(items.end(), gone.begin(), gone.end());
    });
    return {};
}

Result<void> Rule::take_horizons(TableState& table, const Positions& from, const Seal& change) {
    for (Horizon horizon : change.horizons) {
        horizon.from.grow(table.origin);
        const bool is_within = horizon.from.partition_count() == from.partition_count() &&
                               horizon.from.dominates(from) &&
                               table.sealed_frontier.dominates(horizon.from);
        if (!is_within) {
            return internal_error("a horizon from {} on is not of box {}", horizon.from.to_string(),
                                  change.box.to_string());
        }
        const bool rises =
            table.horizons.empty() || (table.horizons.back().time_us < horizon.time_us &&
                                       horizon.from.dominates(table.horizons.back().from));
        if (!rises || !table.horizon_us || horizon.time_us > *table.horizon_us) {
            return internal_error("horizon {} from {} on does not follow", horizon.time_us,
                                  horizon.from.to_string());
        }
        table.horizons.push_back(std::move(horizon));
    }
    thin(table);
    raise_clock(change.table, table, change.clock_us);
    return {};
}

std::optional<int64_t> Rule::shortest_retention(TableId id) const {
    std::optional<int64_t> shortest;
    const auto take = [&](int64_t retention_us) {
        if (retention_us > 0) shortest = std::min(shortest.value_or(retention_us), retention_us);
    };
    for (const catalog::MaterializedView* view : state_.catalog.views_of(id)) {
        take(view->retention_us);
    }
    take(catalog::retention_of(state_.catalog.tables.at(id)));
    return shortest;
}

void Rule::raise_clock(TableId id, TableState& table, std::optional<int64_t> clock_us) {
    if (clock_us) table.clock_us = std::max(table.clock_us.value_or(*clock_us), *clock_us);
    const std::optional<int64_t> retention_us = shortest_retention(id);
    if (!table.clock_us || !retention_us) return;
    const __int128 step_us = std::max<int64_t>(1, *retention_us / kStepsOfRetention);
    const bool is_behind =
        !table.horizon_us || static_cast<__int128>(*table.clock_us) - *table.horizon_us >= step_us;
    if (is_behind) table.horizon_us = table.clock_us;
}

}  // namespace braid::manifest
