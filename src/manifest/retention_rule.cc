// SPDX-License-Identifier: Apache-2.0
// The part of the commit rule about clocks and horizons.
#include <algorithm>

#include "base/error_makers.h"
#include "catalog/retention.h"
#include "manifest/rule_internal.h"

namespace braid::manifest {

namespace {

/// The horizon follows the clock once it lies so small a part of the retention behind.
constexpr int64_t kStepsOfRetention = 64;
constexpr size_t kHorizonsMax = 128;

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

}  // namespace

std::optional<int64_t> State::kept_since_us(const catalog::MaterializedView& view) const {
    const TableState* of = table(view.table);
    if (of == nullptr || !of->horizon_us || view.retention_us == 0) return std::nullopt;
    const auto since_us = static_cast<__int128>(*of->horizon_us) - view.retention_us;
    if (since_us < INT64_MIN) return std::nullopt;
    return static_cast<int64_t>(since_us);
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
