// SPDX-License-Identifier: Apache-2.0
// The erasing half of BatchLayer: events leave the stream in one commit, its views in the next
// publish, and then all files.
#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/thread.h"
#include "batch/batch_stream_internal.h"
#include "batch/event_finder.h"
#include "catalog/view_versions.h"
#include "dataset/listed_files.h"
#include "dataset/segment_erase.h"
#include "dataset/segment_merge.h"

namespace braid::batch {

namespace {

/// Each lost attempt needs segments that are merged, or another erasure, in the middle of one.
constexpr int kAttemptsMax = 10;
/// Each needs a file of the log that was not finished when the power went.
constexpr int kRollsMax = 3;

/// Names a predicate without telling it.
std::string hash_of(const ErasePredicate& predicate) {
    std::string text = plan::fingerprint(*predicate.expr);
    Digest digest;
    digest.add_row("predicate", text);
    return digest.to_hex();
}

/// The rest comes by itself.
Error goes_on(Error error) {
    return std::move(error).with_detail(
        "The events are gone from the stream; its views and files follow without this statement.");
}

}  // namespace

/// A segment that holds some of the events.
struct BatchLayer::Found {
    manifest::Segment segment;
    uint64_t events = 0;
    manifest::Segment rewritten;
    runs::UnnamedFile file;
};

Result<uint64_t> BatchLayer::erase(TableId table, const ErasePredicate& predicate,
                                   const StatementLimits& limits) {
    const auto stream = TRY(find(table));
    uint64_t erased = 0;
    TRY(in_turn(*stream, limits, [&]() -> Result<void> {
        erased = TRY(erase_from_stream(*stream, predicate, limits));
        // Also what one before has left, which may be this one, sent again.
        auto finished = finish_erasures(*stream, limits);
        if (finished) return {};
        look_for_backfills(table);
        return goes_on(std::move(finished).error());
    }));
    return erased;
}

/// Until all that is durable in the log now is archived and sealed.
Result<void> BatchLayer::seal_to(const Stream& stream, Cut& ends, const GoOn& go_on) {
    const TableId id = stream.table.id;
    while (true) {
        TRY(go_on());
        TRY(parts_.hooks.seal(id).context("sealing"));
        const manifest::StatePtr state = parts_.manifest->head();
        const manifest::TableState* table = state->table(id);
        if (table == nullptr) return ended(stream);
        if (table->origin.partition_count() < ends.partition_count()) continue;
        ends.grow(table->origin);
        if (table->sealed_frontier.dominates(ends)) break;
    }
    return parts_.hooks.archive_to(id, ends).context("archiving");
}

Result<uint64_t> BatchLayer::erase_from_stream(const Stream& stream,
                                               const ErasePredicate& predicate,
                                               const StatementLimits& limits) {
    const GoOn go_on = [&]() -> Result<void> {
        if (stream.is_closing) return ended(stream);
        return limits.check();
    };
    // From here on new events come into other files of the log.
    Cut ends = TRY(parts_.hooks.roll(stream.table.id));
    TRY(seal_to(stream, ends, go_on));
    Result<uint64_t> erased = uint64_t{0};
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        erased = erase_once(stream, predicate, ends, go_on);
        // Another sqlstate: a candidate waits.
        if (erased || erased.error().sqlstate() != "40001") break;
    }
    return erased;
}

Result<uint64_t> BatchLayer::erase_once(const Stream& stream, const ErasePredicate& predicate,
                                        const Cut& ends, const GoOn& go_on) {
    const TableId id = stream.table.id;
    TRY(parts_.manifest->settle());
    const manifest::PinnedState pinned = parts_.manifest->pin();
    const manifest::TableState* table = pinned.state->table(id);
    if (table == nullptr) return ended(stream);
    if (table->candidate) return audit_differs(*pinned.state, stream.table);
    const auto segments = TRY(dataset::segments_between(*table, table->start, ends));
    const Tasks::Running task = Tasks::begin_in(parts_.tasks, "erase", id, "events");
    uint64_t rows = 0;
    for (const manifest::Segment& segment : segments) rows += segment.rows;
    task.begin(rows);
    const EventFinder finder(*parts_.store, stream.table, predicate, table->start, ends);
    const auto advance = [&](uint64_t events) -> Result<void> {
        task.advance(events);
        return go_on();
    };
    // The predicate is asked for every event before anything is written.
    std::vector<uint64_t> counts(segments.size());
    TRY(for_each_on_threads(options_.threads, "erase", segments.size(), [&](size_t number) {
        return finder.find(segments[number], advance,
                           [&](PartitionId, Offset) { ++counts[number]; });
    }));
    std::vector<Found> found;
    uint64_t erased = 0;
    for (size_t number = 0; number < segments.size(); ++number) {
        if (counts[number] == 0) continue;
        found.push_back({segments[number], counts[number], {}, {}});
        erased += counts[number];
    }
    if (found.empty()) return uint64_t{0};
    TRY(for_each_on_threads(
        options_.threads, "erase", found.size(), [&](size_t number) -> Result<void> {
            Found& each = found[number];
            dataset::EventSet events;
            TRY(finder.find(
                each.segment, [&](uint64_t) { return go_on(); },
                [&](PartitionId partition, Offset offset) {
                    events[partition].push_back(offset.value);
                }));
            const std::string path =
                dataset::merged_path(each.segment, TRY(parts_.manifest->new_run_id()));
            const std::string put_at = TRY(dataset::path_to_put(*parts_.store, path));
            each.rewritten =
                TRY(dataset::erase_events(*parts_.store, dataset::SegmentSpec::of(stream.table),
                                          each.segment, events, path, put_at));
            each.file = runs::UnnamedFile(*parts_.store, put_at);
            return {};
        }));
    manifest::Erase erase{id, {}};
    erase.erasure.id = table->erasure_epoch + 1;
    erase.erasure.predicate_hash = hash_of(predicate);
    erase.erasure.ends = ends;
    erase.erasure.rows = erased;
    std::vector<manifest::Change> changes = {std::move(erase)};
    for (const Found& each : found) {
        changes.emplace_back(manifest::ReplaceSegments{id, {each.segment.file}, {each.rewritten}});
    }
    const auto committed = parts_.manifest->commit(std::move(changes));
    for (Found& each : found) each.file.keep_if(committed);
    if (!committed) return committed.error();
    return erased;
}

Result<void> BatchLayer::finish_erasures(const Stream& stream, const StatementLimits& limits) {
    const TableId id = stream.table.id;
    const GoOn go_on = [&]() -> Result<void> {
        if (stream.is_closing) return ended(stream);
        return limits.check();
    };
    // Who reads the dataset from outside sees the events until then.
    TRY(parts_.hooks.destroy_segments(id).context("destroying segments"));
    manifest::StatePtr state = parts_.manifest->head();
    if (state->table(id) == nullptr) return ended(stream);
    if (state->table(id)->has_unpublished_erasure()) {
        TRY(run_with_attempts(stream, Reach::kAll, limits));
        state = parts_.manifest->head();
    }
    const manifest::TableState* table = state->table(id);
    if (table == nullptr) return ended(stream);
    manifest::Erased erased{id, {}};
    Cut ends = table->origin;
    for (const manifest::Erasure& each : table->erasures) {
        if (!each.is_pending() || each.published_at_us == 0) continue;
        erased.erasures.push_back(each.id);
        for (size_t index = 0; index < ends.at.size(); ++index) {
            ends.at[index] = std::max(ends.at[index], each.ends.at[index]);
        }
    }
    if (erased.erasures.empty()) return {};
    TRY(parts_.hooks.destroy(id).context("destroying runs"));
    TRY(trim_to(stream, ends, go_on));
    // Older versions of the manifest name keys of runs that are gone.
    state = TRY(parts_.manifest->commit_whole({manifest::ReleaseSegments{id, {}}}));
    TRY(parts_.manifest->forget_before(state->number));
    TRY(parts_.manifest->commit({std::move(erased)}));
    return {};
}

Result<void> BatchLayer::trim_to(const Stream& stream, const Cut& ends, const GoOn& go_on) {
    for (int attempt = 0; attempt < kRollsMax; ++attempt) {
        Positions start = TRY(parts_.hooks.trim(stream.table.id).context("trimming the log"));
        start.grow(ends);
        if (start.dominates(ends)) return {};
        // A crash has taken the border, or the file is one that was there before.
        Cut border = TRY(parts_.hooks.roll(stream.table.id));
        TRY(seal_to(stream, border, go_on));
    }
    return unavailable("the log of stream \"{}\" still holds what was erased", stream.table.name);
}

Result<void> BatchLayer::check_twice(const Stream& stream, const manifest::StatePtr& state,
                                     const Recomputed& recomputed, const Cut& cut,
                                     ScanWatch& watch) {
    std::vector<VersionId> versions;
    for (const Computed& each : recomputed.views) versions.push_back(each.run.version);
    const Positions& start = state->table(stream.table.id)->start;
    auto computed =
        recompute(stream, state, versions, cut, Reach::kAll, start, watch, Division::kOther)
            .context("computing again");
    if (!computed) return overtaken_or(stream, *state, std::move(computed).error());
    const auto is_same = [&](const Computed& first) {
        const auto second = std::ranges::find_if(computed->views, [&](const Computed& each) {
            return each.run.version == first.run.version;
        });
        // It was dropped meanwhile: its run is for nobody.
        if (second == computed->views.end()) return true;
        return first.run.digest == second->run.digest && first.run.rows == second->run.rows &&
               first.run.account() == second->run.account();
    };
    const auto differing = std::ranges::find_if_not(recomputed.views, is_same);
    if (differing == recomputed.views.end()) return {};
    return internal_error("view version {} was computed twice with different results",
                          differing->run.version.value)
        .with_detail("Nothing was published: the views still show what was erased.");
}

}  // namespace braid::batch
