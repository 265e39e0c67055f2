// SPDX-License-Identifier: Apache-2.0
#include "read/merge/pinned_snapshot.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"

namespace braid::read {

namespace {

/// Each lost attempt needs a whole seal between two looks.
constexpr int kPinAttemptsMax = 100;

}  // namespace

StatementLimits ReadParts::limits_of(const ReadOptions& options) const {
    const int64_t now_us = clock->monotonic_us();
    // A timeout of for ever lies behind what a clock can say.
    const int64_t left_us = std::numeric_limits<int64_t>::max() - now_us;
    return {options.cancel, *clock, now_us + std::min(options.timeout_us, left_us),
            statement_bytes_max, statements};
}

Result<runs::RunTilingPtr> ReadParts::tiling_of(runs::TilingSet& tilings, VersionId version,
                                                runs::ReadMode mode, uint64_t cut_number) const {
    auto tiling = tilings.get(version, mode, cut_number);
    if (tiling) return tiling;
    const catalog::MaterializedView* view = tilings.state()->catalog.view_of_version(version);
    if (view == nullptr || view->find(version)->is_populated) return tiling;
    const auto progress = backfill_progress ? backfill_progress(version) : std::nullopt;
    if (!progress) return tiling;
    return std::move(tiling).error().with_detail(
        fmt::format("{} of {} events of its history are counted so far.", progress->events_done,
                    progress->events_all));
}

Result<operators::KeyFloorPtr> ReadParts::floor_of(const manifest::State& state,
                                                   VersionId version) const {
    const catalog::MaterializedView* view = state.catalog.view_of_version(version);
    if (view == nullptr || view->retention_us == 0) return operators::KeyFloorPtr();
    return TRY(views->view_of(version)).floor_at(runs::horizon_of(state, version));
}

/// One attempt: the streams as they are now, then the manifest's head.
Result<void> PinnedSnapshot::pin(const ReadParts& parts, const std::set<TableId>& tables,
                                 const ReadOptions& options) {
    streams_.clear();
    std::map<TableId, Positions> at_least;
    for (const TableId table : tables) {
        Stream stream;
        auto log = parts.log_of(table);
        if (!log) {
            stream.failure = std::move(log).error();
            streams_.emplace(table, std::move(stream));
            continue;
        }
        stream.log = *std::move(log);
        if (options.mode == runs::ReadMode::kLive) {
            Positions& end = at_least[table] = stream.log->durable_end();
            if (options.seen != nullptr && options.seen->contains(table)) {
                end.raise(options.seen->at(table));
            }
        }
        streams_.emplace(table, std::move(stream));
    }
    // Speed may be further by now: a stream ends where its ticks end, never before.
    for (auto& [table, pinned] : parts.ticks->pin(at_least, kFoldWaitUsMax)) {
        Stream& stream = streams_.at(table);
        if (pinned) {
            stream.ticks = std::move(pinned->ticks);
            stream.end = std::move(pinned->end);
        } else {
            stream.failure = std::move(pinned).error();
        }
    }
    // Taken last: a seal in between only moves the frontier over ticks that are then skipped.
    manifest::PinnedState pinned = parts.manifest->pin();
    pin_ = std::move(pinned.pin);
    tilings_ = parts.tilings->at(pinned.state);
    return {};
}

/// False: what was folded after the pins is sealed already, or is of a partition that came after
/// them, so views would be ahead of streams.
bool PinnedSnapshot::is_of_one_moment() const {
    if (mode_ != runs::ReadMode::kLive) return true;
    return std::ranges::all_of(streams_, [&](const auto& entry) {
        const manifest::TableState* state = tilings_->state()->table(entry.first);
        return state == nullptr || entry.second.failure ||
               entry.second.end.dominates(state->sealed_frontier);
    });
}

Result<std::shared_ptr<const PinnedSnapshot>> PinnedSnapshot::take(const ReadParts& parts,
                                                                   const std::set<TableId>& tables,
                                                                   const ReadOptions& options) {
    std::shared_ptr<PinnedSnapshot> snapshot(new PinnedSnapshot());
    snapshot->mode_ = options.mode;
    snapshot->cut_number_ = options.cut_number;
    for (int attempt = 0; attempt < kPinAttemptsMax; ++attempt) {
        TRY(snapshot->pin(parts, tables, options));
        if (snapshot->is_of_one_moment()) {
            return std::shared_ptr<const PinnedSnapshot>(std::move(snapshot));
        }
    }
    return unavailable("the streams were sealed faster than they could be pinned")
        .with_sqlstate("40001");
}

Result<const PinnedSnapshot::Stream*> PinnedSnapshot::stream(TableId table) const {
    const auto place = streams_.find(table);
    if (place == streams_.end()) {
        return not_found("stream {} is not part of this snapshot", table.value);
    }
    if (place->second.failure) return *place->second.failure;
    return &place->second;
}

Result<runs::Tiling> PinnedSnapshot::tiling_of(const ReadParts& parts, VersionId version) const {
    runs::Tiling tiling;
    tiling.base = TRY(parts.tiling_of(*tilings_, version, mode_, cut_number_));
    tiling.end = tiling.base->end;
    tiling.floor = TRY(parts.floor_of(*state(), version));
    if (mode_ != runs::ReadMode::kLive) return tiling;
    const catalog::MaterializedView& view = *state()->catalog.view_of_version(version);
    const Stream* stream = TRY(this->stream(view.table));
    if (!runs::add_ticks(tiling, stream->ticks)) {
        return internal_error("ticks of view \"{}\" do not continue at {}", view.name,
                              tiling.end.to_string());
    }
    if (!tiling.end.dominates(stream->end)) {
        return internal_error("runs and ticks of view \"{}\" end at {} before {}", view.name,
                              tiling.end.to_string(), stream->end.to_string());
    }
    return tiling;
}

Result<Positions> PinnedSnapshot::stream_end(TableId table) const {
    if (mode_ == runs::ReadMode::kLive) {
        const Stream* pinned = TRY(stream(table));
        return pinned->end;
    }
    const manifest::TableState* state = tilings_->state()->table(table);
    if (state == nullptr) return not_found("stream {} does not exist", table.value);
    for (auto cut = state->cuts.rbegin(); cut != state->cuts.rend(); ++cut) {
        if (cut_number_ == 0 || cut->number == cut_number_) return cut->cut;
    }
    if (cut_number_ != 0) {
        return Error(invalid_input("cut {} is not kept", cut_number_)).with_sqlstate("22023");
    }
    return Error(unavailable("the stream has no published cut yet"))
        .with_sqlstate("55000")
        .with_hint("Run REFRESH MATERIALIZED VIEW on one of its views, or read live.");
}

}  // namespace braid::read
