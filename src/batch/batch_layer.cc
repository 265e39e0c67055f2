// SPDX-License-Identifier: Apache-2.0
#include "batch/batch_layer.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error_makers.h"
#include "base/trace.h"
#include "batch/audit.h"
#include "batch/batch_stream_internal.h"
#include "batch/fold_splits.h"
#include "catalog/connectors.h"
#include "catalog/view_versions.h"
#include "dataset/splits.h"
#include "model/side.h"

namespace braid::batch {

namespace {

/// Each lost attempt needs a view that is made, and filled, in the middle of one.
constexpr int kAttemptsMax = 10;
constexpr std::string_view kAuditDiffers = "XB001";
constexpr int64_t kScheduleStepUs = 500'000;

/// The stream's own interval, else the node's; 0 = only on demand.
int64_t interval_of(const catalog::Table& table, int64_t fallback_us) {
    if (!table.options.contains("batch_interval")) return fallback_us;
    // Refused at CREATE; an old catalog never stops a node.
    const auto interval_us = catalog::option_number(table, "batch_interval");
    return interval_us ? *interval_us : fallback_us;
}

Error was_dropped(const catalog::Table& table) {
    return not_found("stream \"{}\" was dropped", table.name);
}

bool is_gone(const manifest::State& state, VersionId version) {
    return state.catalog.view_of_version(version) == nullptr;
}

/// What was computed for views that were dropped meanwhile is for nobody. Gives whether there was
/// any.
bool forget_dropped(const manifest::State& state, manifest::Publish& publish) {
    std::erase_if(publish.audits, [&](const auto& audit) { return is_gone(state, audit.version); });
    return std::erase_if(publish.runs,
                         [&](const auto& run) { return is_gone(state, run.version); }) > 0;
}

/// The answer of a REFRESH whose audit differs, now or when the candidate was made.
Error differs(const manifest::State& state, const catalog::Table& table) {
    std::string numbers;
    std::string detail;
    const std::vector<uint64_t> pending = state.pending_audits(table.id);
    for (const manifest::Audit& audit : state.audits) {
        if (!std::ranges::binary_search(pending, audit.number)) continue;
        const auto* view = state.catalog.view_of_version(audit.version);
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", audit.number);
        detail += fmt::format("{}Audit {} of view \"{}\": {}.", detail.empty() ? "" : "\n",
                              audit.number, view == nullptr ? "" : view->name, audit.difference);
    }
    return Error(ErrorCode::kConflict,
                 fmt::format("batch and speed differ on stream \"{}\": audit {} is pending",
                             table.name, numbers))
        .with_sqlstate(kAuditDiffers)
        .with_detail(std::move(detail))
        .with_hint(
            "The old answer stays. CALL braid.accept_audit(number) publishes what batch "
            "computed, CALL braid.reject_audit(number) drops it.");
}

size_t count_pending(const manifest::State& state) {
    return static_cast<size_t>(
        std::ranges::count(state.audits, manifest::Verdict::kPending, &manifest::Audit::verdict));
}

}  // namespace

BatchLayer::BatchLayer(BatchParts parts, BatchOptions options, Workers& workers)
    : parts_(std::move(parts)), options_(options), workers_(workers) {
    Metric* mismatches =
        &parts_.metrics->get("braid_audit_mismatches", Metrics::Kind::kGauge,
                             "Audits that differ and wait for accept_audit or reject_audit.");
    const auto count = [mismatches](const manifest::StatePtr& state) {
        mismatches->set(static_cast<int64_t>(count_pending(*state)));
    };
    count(parts_.manifest->head());
    parts_.manifest->on_commit(count);
}

BatchLayer::~BatchLayer() {
    while (!streams_.empty()) remove_table(streams_.begin()->first);
}

void BatchLayer::add_table(const catalog::Table& table) {
    auto stream = std::make_shared<Stream>();
    stream->table = table;
    stream->interval_us = interval_of(table, options_.interval_us);
    stream->last_run_us = parts_.clock->monotonic_us();
    stream->health = Health::add_to(parts_.health, "batch", table.name);
    stream->schedule =
        workers_.start_background(fmt::format("batch {}", table.id.value),
                                  [this, stream] { return scheduled_step(*stream); });
    stream->backfills =
        workers_.start_background(fmt::format("backfill {}", table.id.value),
                                  [this, stream] { return backfill_step(*stream); });
    const ScopedLock lock(mutex_);
    streams_.emplace(table.id, std::move(stream));
}

void BatchLayer::remove_table(TableId table) {
    std::shared_ptr<Stream> stream;
    {
        const ScopedLock lock(mutex_);
        const auto place = streams_.find(table);
        if (place == streams_.end()) return;
        stream = std::move(place->second);
        stream->is_closing = true;
        streams_.erase(place);
    }
    workers_.stop(stream->schedule);
    workers_.stop(stream->backfills);
}

Result<std::shared_ptr<BatchLayer::Stream>> BatchLayer::find(TableId table) const {
    const ScopedLock lock(mutex_);
    const auto place = streams_.find(table);
    if (place == streams_.end()) return not_found("the stream was dropped meanwhile");
    return place->second;
}

StepOutcome BatchLayer::scheduled_step(Stream& stream) {
    const StepOutcome idle{.progressed = false, .idle_us = kScheduleStepUs};
    const int64_t now_us = parts_.clock->monotonic_us();
    if (stream.interval_us <= 0 || now_us < stream.last_run_us + stream.interval_us) return idle;
    const manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(stream.table.id);
    stream.last_run_us = now_us;
    if (table == nullptr || catalog::versions_of(state->catalog, stream.table.id).empty())
        return idle;
    if (table->candidate) return idle;  // until a person has said which answer is right
    const auto refreshed = refresh(stream.table.id);
    if (refreshed) {
        stream.health->recovered();
    } else if (stream.is_closing || parts_.manifest->head()->table(stream.table.id) == nullptr) {
        return idle;  // nobody waits for it any more
    } else {
        stream.health->tell(HealthState::kDegraded, refreshed.error());
        write_trace(TraceLevel::kError, "batch", refreshed.error().to_string());
    }
    return {.progressed = true, .idle_us = 0};
}

Result<void> BatchLayer::refresh(TableId table) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    UniqueLock lock(stream->mutex);
    const uint64_t mine = ++stream->requested;
    while (stream->completed < mine) {
        if (stream->is_running) {
            stream->finished.wait(lock);
            continue;
        }
        stream->is_running = true;
        const uint64_t covers = stream->requested;
        lock.unlock();
        Result<void> outcome;
        for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
            outcome = refresh_once(*stream);
            // A view came or went meanwhile: what was computed is for another set of views.
            if (outcome || outcome.error().code() != ErrorCode::kConflict ||
                outcome.error().sqlstate() == kAuditDiffers) {
                break;
            }
        }
        lock.lock();
        stream->outcome = std::move(outcome);
        stream->completed = covers;
        stream->is_running = false;
        stream->finished.notify_all();
    }
    return stream->outcome;
}

Result<void> BatchLayer::refresh_once(const Stream& stream) {
    const TableId id = stream.table.id;
    TRY(parts_.hooks.seal(id).context("sealing"));
    manifest::StatePtr state = parts_.manifest->head();
    const manifest::TableState* table = state->table(id);
    if (table == nullptr) return was_dropped(stream.table);
    if (table->candidate) return differs(*state, stream.table);
    Cut cut = table->sealed_frontier;
    TRY(parts_.hooks.archive_to(id, cut).context("archiving"));
    std::vector<manifest::Change> choose;
    // Left by a batch that never published: its work is lost, its cut is given up.
    if (table->cut_in_flight) choose.emplace_back(manifest::ChooseCut{id, std::nullopt});
    choose.emplace_back(manifest::ChooseCut{id, cut});
    state = TRY(parts_.manifest->commit(std::move(choose)));
    cut.grow(state->table(id)->origin);
    manifest::Publish publish{id, cut, {}, {}};
    ScanWatch watch;
    watch.task = Tasks::begin_in(parts_.tasks, "refresh", id, "events");
    Recomputed recomputed =
        TRY(recompute(stream, catalog::versions_of(state->catalog, id), cut, watch)
                .context("recomputing"));
    for (Computed& computed : recomputed.views) {
        publish.audits.push_back(TRY(audit(*state, computed.run, computed.view, cut)));
        publish.runs.push_back(std::move(computed.run));
    }
    return publish_or_park(std::move(publish), std::move(recomputed.file), stream.table);
}

/// Which of two answers is right is not for a program to say: where they differ the old one stays
/// until a person does.
Result<void> BatchLayer::publish_or_park(manifest::Publish publish, runs::UnnamedFile file,
                                         const catalog::Table& table) {
    while (true) {
        const bool all_match = std::ranges::all_of(publish.audits, [](const auto& audit) {
            return audit.verdict == manifest::Verdict::kMatched;
        });
        const manifest::Change change =
            all_match ? manifest::Change(publish)
                      : manifest::Park{publish.table, publish.cut, publish.runs, publish.audits};
        const auto done = parts_.manifest->commit({change});
        if (!publish.runs.empty()) file.keep_if(done);
        if (done && all_match) return {};
        if (done) return differs(**done, table);
        if (!forget_dropped(*parts_.manifest->head(), publish)) return done.error();
    }
}

Result<uint64_t> BatchLayer::judge(uint64_t audit, bool is_accepted) {
    const manifest::StatePtr before = parts_.manifest->head();
    const auto judged = std::ranges::find(before->audits, audit, &manifest::Audit::number);
    const auto wanted = is_accepted ? manifest::Verdict::kAccepted : manifest::Verdict::kRejected;
    const bool is_done = judged != before->audits.end() && judged->verdict == wanted;
    const manifest::StatePtr state =
        is_done ? before : TRY(parts_.manifest->commit({manifest::Judge{audit, is_accepted}}));
    const auto found = std::ranges::find(state->audits, audit, &manifest::Audit::number);
    return found == state->audits.end() ? 0 : state->pending_audits(found->table).size();
}

/// Why a scan of a stream that is closing ends.
Error BatchLayer::ended(const Stream& stream) const {
    const bool is_dropped = parts_.manifest->head()->table(stream.table.id) == nullptr;
    return is_dropped ? was_dropped(stream.table) : Error(cancelled("the node stops"));
}

/// Those of the versions that are still there, without a run.
Result<std::vector<BatchLayer::Computed>> BatchLayer::bind(
    const std::vector<VersionId>& versions) const {
    const manifest::StatePtr state = parts_.manifest->head();
    std::vector<Computed> bound;
    for (const VersionId version : versions) {
        if (is_gone(*state, version)) continue;
        auto view = parts_.views->view_of(version);
        if (!view && is_gone(*parts_.manifest->head(), version)) continue;
        Computed& each = bound.emplace_back();
        each.view = TRY(std::move(view));
        each.run.version = version;
    }
    return bound;
}

Result<BatchLayer::Recomputed> BatchLayer::recompute(const Stream& stream,
                                                     const std::vector<VersionId>& versions,
                                                     Cut end, ScanWatch& watch) {
    const catalog::Table& table = stream.table;
    // While the outcome of another commit is unknown, what is computed here would be for nothing.
    TRY(parts_.manifest->settle());
    const manifest::StatePtr state = parts_.manifest->head();
    if (state->table(table.id) == nullptr) return was_dropped(table);
    const manifest::TableState& table_state = *state->table(table.id);
    end.grow(table_state.origin);  // by what came since it was chosen
    std::vector<Computed> computed = TRY(bind(versions));
    if (computed.empty()) return Recomputed();
    const RunId first = TRY(parts_.manifest->new_run_id());
    FoldJob job{.store = *parts_.store,
                .local = *parts_.local,
                .table = table,
                .views = {},
                .from = table_state.origin,
                .end = end,
                .spill_directory = fmt::format("spill/{}", first.value)};
    for (const Computed& each : computed) job.views.push_back(each.view);
    const std::vector<dataset::Split> splits = TRY(splits_of(table_state, end, watch));
    FoldWatch fold_watch;
    fold_watch.before_piece = watch.go_on;
    fold_watch.after_slice = [&](uint64_t events) -> Result<void> {
        watch.task.advance(events);
        if (stream.is_closing) return ended(stream);
        return {};
    };
    const FoldLimits limits{.write = {.threads = options_.threads},
                            .memory_bytes_max = options_.memory_bytes_max};
    runs::RunFile file(*parts_.store, runs::run_path(table.id, first));
    std::vector<manifest::Run> runs = TRY(fold_splits(job, splits, limits, fold_watch, file));
    for (size_t index = 0; index < runs.size(); ++index) {
        manifest::Run& run = runs[index];
        run.id = index == 0 ? first : TRY(parts_.manifest->new_run_id());
        run.version = computed[index].run.version;
        run.kind = manifest::RunKind::kBatch;
        run.box = Box::between(job.from, end);
        computed[index].run = std::move(run);
    }
    TRY(file.put());
    return Recomputed{std::move(computed), runs::UnnamedFile(*parts_.store, file.path())};
}

/// More than there are threads, so that none has to wait long for the last.
Result<std::vector<dataset::Split>> BatchLayer::splits_of(const manifest::TableState& state,
                                                          const Cut& end, ScanWatch& watch) const {
    constexpr size_t kSplitsOfThread = 8;
    const std::vector<manifest::Segment> segments =
        TRY(dataset::segments_between(state, state.origin, end));
    watch.begin(segments);
    const uint64_t largest = watch.task.all() / std::max<uint64_t>(1, options_.split_rows_max) + 1;
    const size_t count =
        options_.threads == 1 ? 1 : std::max<uint64_t>(options_.threads * kSplitsOfThread, largest);
    return dataset::splits_between(state, state.origin, end, count);
}

Result<manifest::Audit> BatchLayer::audit(const manifest::State& state, const manifest::Run& run,
                                          const operators::BoundView& view, const Cut& cut) {
    RunReaders replaced;
    for (const manifest::Run& old : state.runs_of(run.version)) {
        if (side_of(old.box, cut) == Side::kBelow) replaced.push_back(TRY(parts_.runs->get(old)));
    }
    const catalog::MaterializedView* owner = state.catalog.view_of_version(run.version);
    manifest::Audit audit;
    audit.table = owner->table;
    audit.version = run.version;
    audit.cut = cut;
    audit.at_us = parts_.clock->wall_us();
    audit.batch = run.digest;
    if (!owner->find(run.version)->is_populated) {
        // The first history of a view created WITH NO DATA: there is nothing to hold it against.
        audit.verdict = manifest::Verdict::kMatched;
        audit.speed = run.digest;
        audit.difference = "first history of the version: not compared";
        return audit;
    }
    auto outcome = compare(*parts_.store, run, replaced, *view.plan, options_.threads);
    if (outcome) {
        audit.speed = outcome->digest;
        audit.difference = outcome->difference;
        if (outcome->matched) audit.verdict = manifest::Verdict::kMatched;
    } else if (outcome.error().code() == ErrorCode::kCorrupt) {
        // The old answer cannot be read any more: the new one may replace it, if a person agrees.
        audit.difference = "not compared: " + outcome.error().message();
    } else {
        return std::move(outcome).error();
    }
    if (audit.verdict != manifest::Verdict::kMatched) {
        trace(TraceLevel::kError, "batch", "audit of view \"{}\" at {} does not match: {}",
              owner->name, cut.to_string(), audit.difference);
    }
    return audit;
}

}  // namespace braid::batch
