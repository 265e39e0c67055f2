// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "manifest/manifest.h"

namespace braid::housekeeping {

/// So many runs of one level become one of the next: a row is written again once a level, and a
/// stream of n seals is tiled by at most (kFanIn - 1) · log_kFanIn(n) sealed runs (a tiered
/// log-structured merge tree; O'Neil et al., Acta Informatica 33, 1996).
inline constexpr size_t kFanIn = 8;
/// More than that only where levels were left in disorder.
inline constexpr size_t kJoinedMax = 64;

/// Adjacent sealed runs of each of some versions of one stream, which become one each.
struct CompactionPlan {
    TableId table;
    uint32_t level = 0;                              // of what comes out
    std::vector<std::vector<manifest::Run>> joined;  // by version, at least two of each
};

/// What is to be compacted next; nullopt: nothing. The lowest level first, then the oldest runs.
/// All versions of the stream go together over the same events, so that their runs share one file.
/// Nothing is joined across a cut that is in flight or kept, or where a version that has no history
/// yet begins.
std::optional<CompactionPlan> plan_compaction(const manifest::State& state, TableId table);

}  // namespace braid::housekeeping
