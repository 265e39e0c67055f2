// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"
#include "operators/fold/retention.h"
#include "runs/point_probes.h"
#include "runs/receipt.h"
#include "runs/tick_source.h"

namespace braid::runs {

/// live: up to the frontier. at_cut: batch and speed runs up to the newest published cut or a
/// numbered one (repeatable). final: batch runs only, up to the last published cut.
enum class ReadMode : uint8_t { kLive, kAtCut, kFinal };

/// The runs of one view version whose boxes cover [its beginning, end) of every partition with no
/// gap and no overlap, at one manifest version. Immutable; all answers of that version share it
/// (runs/tilings.h). Holding it keeps its runs open.
struct RunTiling {
    manifest::StatePtr state;
    VersionId version;
    RunReaders runs;  // in order of their boxes
    Positions end;
    std::shared_ptr<const TiledRuns> listed;
    LazyProbes lazy_probes;

    /// For point reads.
    const PointProbes& probes() const { return lazy_probes.get(runs); }
};
using RunTilingPtr = std::shared_ptr<const RunTiling>;

/// A tiling of one view version: runs, and behind them ticks.
struct Tiling {
    RunTilingPtr base;
    std::vector<TickPtr> ticks;
    Positions end;
    /// Groups below it have expired and are no part of the answer, whether they still lie in runs
    /// and ticks or not: it is that of the newest horizon of the state, and whoever has left out
    /// groups or events has done so by an older one. So an answer is a function of (end, horizon).
    /// Null: none has.
    operators::KeyFloorPtr floor;

    bool has_expired(std::string_view key) const { return floor && floor->has_expired(key); }
    VersionId version() const { return base->version; }
    const RunReaders& runs() const { return base->runs; }
};

/// The runs of a version that tile [its beginning, cut or sealed frontier) at one manifest state,
/// as a pure function; `cut_number` 0 is the newest published cut. They live as long as the state.
/// Errors: ObjectNotInPrerequisiteState
/// (Unavailable, 55000) when the view is not populated or batch has not answered it yet;
/// InvalidInput (22023) when the cut is not kept; Internal when the runs do not tile (never
/// served).
Result<std::vector<const manifest::Run*>> choose_runs(const manifest::State& state,
                                                      VersionId version, ReadMode mode,
                                                      uint64_t cut_number);

/// The newest horizon of the stream that feeds a view version, at one manifest state.
std::optional<int64_t> horizon_of(const manifest::State& state, VersionId version);

/// Adds the ticks that continue `end`: those wholly below it are skipped, the first kept one must
/// start exactly there. False, and nothing is added: they start beyond it, or one lies across it
/// (the caller pins a newer manifest version and tries again).
bool add_ticks(Tiling& tiling, const std::vector<TickPtr>& ticks);

/// What a receipt will say of a tiling.
ReceiptSource::View receipt_view(const Tiling& tiling);

}  // namespace braid::runs
