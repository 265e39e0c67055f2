// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/merge_plan.h"

#include <algorithm>
#include <span>

#include "catalog/retention.h"
#include "housekeeping/tiers.h"
#include "model/side.h"

namespace braid::housekeeping {

namespace {

using manifest::Segment;
using Stretch = std::vector<const Segment*>;

/// What leaves together by a retention: a segment goes only behind those before it.
class Ages {
  public:
    explicit Ages(int64_t retention_us)
        : part_us_(retention_us == 0 ? 0 : std::max<int64_t>(1, retention_us / kFanIn)) {}

    /// Whether the next one is about as old as the ones before.
    bool go_on(const Segment& segment) {
        if (part_us_ == 0) return true;
        const int64_t before = newest_us_ / part_us_;
        newest_us_ = std::max(newest_us_, segment.newest_bound_us());
        return newest_us_ / part_us_ == before;
    }

  private:
    const int64_t part_us_;
    int64_t newest_us_ = INT64_MIN;  // of those so far
};

/// Segments of one day between which nothing stands.
std::vector<Stretch> stretches_of(const manifest::TableState& table, int64_t retention_us) {
    std::vector<Stretch> stretches;
    const auto is_read_again = [&](const Segment& segment) {
        return !table.cuts.empty() && side_of(segment.box, table.cuts.back().cut) != Side::kBelow;
    };
    Ages ages(retention_us);
    const Segment* before = nullptr;
    for (const Segment& segment : table.segments) {
        const bool is_as_old = ages.go_on(segment);
        const bool goes_on = is_as_old && before != nullptr &&
                             before->ingest_day == segment.ingest_day &&
                             is_read_again(*before) == is_read_again(segment);
        if (!goes_on) stretches.emplace_back();
        stretches.back().push_back(&segment);
        before = &segment;
    }
    return stretches;
}

bool fits(const Segment& segment, const MergeLimits& limits) {
    return segment.rows <= limits.rows_max && segment.raw_bytes <= limits.raw_bytes_max;
}

/// As many from the first on as the limits allow; empty if that is one.
std::span<const Segment* const> fitting(std::span<const Segment* const> stretch,
                                        const MergeLimits& limits) {
    Segment sum;
    size_t count = 0;
    for (const Segment* each : stretch.first(std::min(stretch.size(), kJoinedMax))) {
        sum.rows += each->rows;
        sum.raw_bytes += each->raw_bytes;
        if (!fits(sum, limits)) break;
        ++count;
    }
    return stretch.first(count < 2 ? 0 : count);
}

/// Eight of a level. What has grown large is left alone, and keeps those on its sides apart.
std::span<const Segment* const> next_tier(std::span<const Segment* const> stretch,
                                          const MergeLimits& limits) {
    const MergeLimits small{limits.rows_max / kFanIn, limits.raw_bytes_max / kFanIn};
    uint32_t highest = 0;
    for (const Segment* each : stretch) highest = std::max(highest, each->level);
    for (uint32_t level = 0; level <= highest; ++level) {
        for (auto from = stretch.begin(); from != stretch.end();) {
            const auto large = std::find_if(
                from, stretch.end(), [&](const Segment* each) { return !fits(*each, small); });
            const auto found = fitting(neighbours(std::span(from, large), level), limits);
            if (!found.empty()) return found;
            from = large == stretch.end() ? large : large + 1;
        }
    }
    return {};
}

/// The first that fit together, of a day that is over.
std::span<const Segment* const> next_of_past(std::span<const Segment* const> stretch,
                                             const MergeLimits& limits) {
    for (size_t from = 0; from < stretch.size(); ++from) {
        const auto found = fitting(stretch.subspan(from), limits);
        if (!found.empty()) return found;
    }
    return {};
}

}  // namespace

std::optional<MergePlan> plan_merge(const manifest::State& state, TableId table,
                                    const std::string& today, const MergeLimits& limits) {
    const manifest::TableState* of = state.table(table);
    if (of == nullptr || of->has_pending_erasure()) return std::nullopt;
    const int64_t retention_us = catalog::retention_of(state.catalog.tables.at(table));
    for (const Stretch& stretch : stretches_of(*of, retention_us)) {
        auto found = next_tier(stretch, limits);
        if (found.empty() && stretch.front()->ingest_day < today) {
            found = next_of_past(stretch, limits);
        }
        if (found.empty()) continue;
        MergePlan plan{.table = table, .segments = {}};
        for (const Segment* each : found) plan.segments.push_back(*each);
        return plan;
    }
    return std::nullopt;
}

}  // namespace braid::housekeeping
