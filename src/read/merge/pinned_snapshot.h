// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/progress.h"
#include "operators/fold/view_folder.h"
#include "read/merge/key_counts.h"
#include "read/merge/piece_threads.h"
#include "read/merge/read_options.h"
#include "runs/snapshot.h"
#include "runs/tick_source.h"
#include "runs/tilings.h"

namespace braid::read {

/// What reading stands on; all of it outlives the reader.
struct ReadParts {
    Store* store = nullptr;
    const Clock* clock = nullptr;
    manifest::Manifest* manifest = nullptr;
    runs::TickSource* ticks = nullptr;
    runs::Tilings* tilings = nullptr;
    operators::BoundViews* views = nullptr;
    /// NotFound for a stream that was dropped; why it could not be opened, if it could not.
    std::function<Result<std::shared_ptr<log::PartitionedLog>>(TableId)> log_of;
    /// Current function data of the functions named, loaded when a statement first needs them.
    std::function<Result<std::shared_ptr<const operators::EnrichData>>(
        const std::set<std::string>& functions)>
        enrich;
    /// How far the history of a view version is, while it is computed; may be empty.
    std::function<std::optional<Progress>(VersionId)> backfill_progress = {};
    /// That help statements which the kernel runs; DuckDB has as many of its own.
    std::shared_ptr<PieceThreads> threads = std::make_shared<PieceThreads>(PieceLimits{});
    /// What one statement may hold of values that the kernel computes (53200).
    uint64_t statement_bytes_max = 256ULL << 20;
    MemoryShare* statements = nullptr;  // what all of them may together; null: any
    std::shared_ptr<KeyCounts> key_counts = std::make_shared<KeyCounts>();
    /// What a snapshot reads is kept for so long; of an older one nothing is read (72000).
    int64_t snapshot_max_us = INT64_MAX;

    /// Of a statement that begins now.
    StatementLimits limits_of(const ReadOptions& options) const;
    /// The runs of a view at one manifest version; who must wait for its history is told how far it
    /// is.
    Result<runs::RunTilingPtr> tiling_of(runs::TilingSet& tilings, VersionId version,
                                         runs::ReadMode mode, uint64_t cut_number) const;
    /// What of a view has expired at a state (runs::Tiling::floor).
    Result<operators::KeyFloorPtr> floor_of(const manifest::State& state, VersionId version) const;
};

/// How long a LIVE statement waits for speed to fold what was durable when it began.
inline constexpr int64_t kFoldWaitUsMax = 1'000'000;

/// One manifest version, and per stream the newest events as speed held them at one moment, so that
/// all relations of a statement (or of a transaction) answer from the same events.
class PinnedSnapshot {
  public:
    struct Stream {
        std::optional<Error> failure;  // why it could not be pinned
        std::vector<runs::TickPtr> ticks;
        Positions end;  // the stream itself is visible below it
        std::shared_ptr<log::PartitionedLog> log;
    };

    /// Pins the streams given, all at one moment. LIVE waits until speed has folded what is durable
    /// now and what `seen` asks for; the other modes need no ticks. A stream that cannot be pinned
    /// fails only whoever then asks for it.
    static Result<std::shared_ptr<const PinnedSnapshot>> take(const ReadParts& parts,
                                                              const std::set<TableId>& tables,
                                                              const ReadOptions& options);

    const manifest::StatePtr& state() const { return tilings_->state(); }
    /// By the monotonic clock.
    int64_t since_us() const { return pin_->since_us(); }
    runs::ReadMode mode() const { return mode_; }
    uint64_t cut_number() const { return cut_number_; }
    /// NotFound when the stream was not asked for; why it was not pinned if that failed.
    Result<const Stream*> stream(TableId table) const;

    /// The runs and ticks that answer for a view version.
    Result<runs::Tiling> tiling_of(const ReadParts& parts, VersionId version) const;
    /// Where the stream ends in this snapshot's mode: the pinned end, or the cut.
    Result<Positions> stream_end(TableId table) const;

  private:
    PinnedSnapshot() = default;
    Result<void> pin(const ReadParts& parts, const std::set<TableId>& tables,
                     const ReadOptions& options);
    bool is_of_one_moment() const;

    manifest::Pins::PinPtr pin_;                // keeps what its manifest version names
    std::shared_ptr<runs::TilingSet> tilings_;  // of that version
    runs::ReadMode mode_ = runs::ReadMode::kLive;
    uint64_t cut_number_ = 0;
    std::map<TableId, Stream> streams_;
};

}  // namespace braid::read
