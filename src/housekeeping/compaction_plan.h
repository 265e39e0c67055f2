// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "housekeeping/tiers.h"
#include "manifest/manifest.h"

namespace braid::housekeeping {

/// Adjacent runs of one kind of each of some versions of one stream, which become one each.
struct CompactionPlan {
    TableId table;
    uint32_t level = 0;                              // of what comes out
    std::vector<std::vector<manifest::Run>> joined;  // by version, at least two of each
};

/// What is to be compacted next; nullopt: nothing. Batch runs by their sizes, the newest first;
/// then sealed ones, the lowest level first, then the oldest runs. All versions of the stream go
/// together over the same events, so that their runs share one file. Nothing is joined across a cut
/// that is in flight or kept, or where a version that has no history yet begins.
std::optional<CompactionPlan> plan_compaction(const manifest::State& state, TableId table);

}  // namespace braid::housekeeping
