// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"
#include "runs/run_file.h"
#include "runs/tick_source.h"

namespace braid::runs {

/// live: up to the frontier. at_cut: batch and speed runs up to the newest published cut or a
/// numbered one (repeatable). final: batch runs only, up to the last published cut.
enum class ReadMode : uint8_t { kLive, kAtCut, kFinal };

/// A tiling of one view version: runs and ticks whose boxes cover [origin, end) of every partition
/// with no gap and no overlap. Holding it keeps its runs open.
struct Tiling {
    VersionId version;
    std::vector<std::shared_ptr<const RunReader>> runs;  // in order of their boxes
    std::vector<TickPtr> ticks;                          // behind the runs
    Positions end;
    std::optional<Cut> cut;  // end of the batch part, if batch has answered
};

/// The runs of a version that tile [origin, cut or sealed frontier) at one manifest state, as a
/// pure function; `cut_number` 0 is the newest published cut. Errors: ObjectNotInPrerequisiteState
/// (Unavailable, 55000) when the view is not populated or batch has not answered it yet;
/// InvalidInput (22023) when the cut is not kept; Internal when the runs do not tile (never
/// served).
Result<std::vector<manifest::Run>> choose_runs(const manifest::State& state, VersionId version,
                                               ReadMode mode, uint64_t cut_number);

/// Adds the ticks that continue `end`: those wholly below it are skipped, the first kept one must
/// start exactly there. False, and nothing is added: they start beyond it, or one lies across it
/// (the caller pins a newer manifest version and tries again).
bool add_ticks(Tiling& tiling, const std::vector<TickPtr>& ticks);

}  // namespace braid::runs
