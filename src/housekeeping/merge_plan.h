// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manifest/manifest.h"

namespace braid::housekeeping {

/// Of a segment that is made of others; none is larger than the archive makes them.
struct MergeLimits {
    uint64_t rows_max = 1'000'000;
    uint64_t raw_bytes_max = 256ULL << 20;
};

/// Neighbours among the segments of one ingest day, at least two, which become one.
struct MergePlan {
    TableId table;
    std::vector<manifest::Segment> segments;
};

/// What is to be merged next; nullopt: nothing. On the days from `today` on eight of a level become
/// one of the next, the lowest level first, up to an eighth of the limits; what is left of a day
/// before becomes as few as the limits allow. Nothing is merged across the newest cut: the next
/// batch does not read again what lies below it.
std::optional<MergePlan> plan_merge(const manifest::State& state, TableId table,
                                    const std::string& today, const MergeLimits& limits);

}  // namespace braid::housekeeping
