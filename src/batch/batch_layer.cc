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
#include "catalog/retention.h"
#include "catalog/view_versions.h"
#include "dataset/splits.h"
#include "model/side.h"

namespace braid::batch {

namespace {

/// Each lost attempt needs a view that is made, and filled, in the middle of one.
constexpr int kAttemptsMax = 10;
constexpr std::string_view kAuditDiffers = "XB001";
/// So much of a stream's retention can go before everything is computed again for that.
constexpr int64_t kPartsOfRetention = 8;
constexpr int64_t kRestAfterFailureUs = 30'000'000;

/// The stream's own interval, else the node's.
int64_t interval_of(const catalog::Table& table, const char* option, int64_t fallback_us) {
    if (!table.options.contains(option)) return fallback_us;
    // Refused at CREATE; an old catalog never stops a node.
    const auto interval_us = catalog::option_number(table, option);
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
    std::erase_if(publish.base_runs, [&](const auto& run) { return is_gone(state, run.version); });
    return std::erase_if(publish.runs,
                         [&](const auto& run) { return is_gone(state, run.version); }) > 0;
}

/// Whether there is nothing sealed behind the batch runs of any version.
bool has_answered_all(const manifest::State& state, TableId table) {
    const Positions& frontier = state.table(table)->sealed_frontier;
    return std::ranges::all_of(catalog::versions_of(state.catalog, table), [&](VersionId version) {
        return state.batch_end(version) == frontier;
    });
}

bool begins_below(const Box& box, const Positions& end) {
    return std::ranges::any_of(box.intervals, [&](const Interval& each) {
        return end.has(each.partition) && each.from < end.of(each.partition);
    });
}

size_t count_pending(const manifest::State& state) {
    return static_cast<size_t>(
        std::ranges::count(state.audits, manifest::Verdict::kPending, &manifest::Audit::verdict));
}

}  // namespace

Error audit_differs(const manifest::State& state, const catalog::Table& table) {
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
    stream->interval_us = interval_of(table, "batch_interval", options_.interval_us);
    stream->full_interval_us = interval_of(table, "batch_full_interval", options_.full_interval_us);
    stream->last_run_us = parts_.clock->monotonic_us();
    stream->health = Health::add_to(parts_.health, "batch", table.name);
    stream->schedule = workers_.start(fmt::format("batch {}", table.id.value), StepKind::kLong,
                                      [this, stream] { return scheduled_step(*stream); });
    stream->backfills = workers_.start(fmt::format("backfill {}", table.id.value), StepKind::kLong,
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

void BatchLayer::look_for_retention(TableId table) {
    if (!is_retention_due(*parts_.manifest->head(), table)) return;
    if (const auto stream = find(table)) workers_.wake((*stream)->schedule);
}

Positions BatchLayer::start_behind(const manifest::State& state, TableId id, const Cut& cut,
                                   int64_t grace_us) {
    const manifest::TableState& table = *state.table(id);
    const auto since_us = state.kept_since_us(state.catalog.tables.at(id));
    if (!since_us || *since_us < INT64_MIN + grace_us) return table.start;
    return manifest::start_without(table, cut, *since_us - grace_us);
}

bool BatchLayer::is_retention_due(const manifest::State& state, TableId id) const {
    const manifest::TableState* table = state.table(id);
    if (table == nullptr) return false;
    const int64_t retention_us = catalog::retention_of(state.catalog.tables.at(id));
    if (retention_us == 0) return false;
    const int64_t grace_us = retention_us / kPartsOfRetention;
    return start_behind(state, id, table->sealed_frontier, grace_us) != table->start;
}

StepOutcome BatchLayer::scheduled_step(Stream& stream) {
    const int64_t now_us = parts_.clock->monotonic_us();
    const manifest::StatePtr state = parts_.manifest->head();
    const bool is_for_retention =
        now_us >= stream.no_retention_before_us && is_retention_due(*state, stream.table.id);
    const bool is_scheduled = stream.interval_us > 0;
    const StepOutcome idle{.progressed = false,
                           .idle_us = is_scheduled ? stream.interval_us : kUntilWoken};
    const int64_t due_us = stream.last_run_us + stream.interval_us;
    if (!is_for_retention) {
        if (!is_scheduled) return idle;
        if (now_us < due_us) return {.progressed = false, .idle_us = due_us - now_us};
    }
    const manifest::TableState* table = state->table(stream.table.id);
    stream.last_run_us = now_us;
    if (table == nullptr) return idle;
    const bool has_views = !catalog::versions_of(state->catalog, stream.table.id).empty();
    if (!has_views && !is_for_retention) return idle;
    if (table->candidate) return idle;  // until a person has said which answer is right
    const bool is_full = is_for_retention || is_recompute_due(stream, *table);
    const auto done = run_in_turn(stream, is_full ? Reach::kAll : Reach::kNew, {});
    if (!done) stream.no_retention_before_us = now_us + kRestAfterFailureUs;
    if (done) {
        stream.health->recovered();
    } else if (stream.is_closing || parts_.manifest->head()->table(stream.table.id) == nullptr) {
        return idle;  // nobody waits for it any more
    } else {
        stream.health->tell(HealthState::kDegraded, done.error());
        write_trace(TraceLevel::kError, "batch", done.error().to_string());
    }
    return {.progressed = true, .idle_us = 0};
}

/// By the wall clock, which a restart does not stop; one that went back makes it due.
bool BatchLayer::is_recompute_due(const Stream& stream, const manifest::TableState& table) const {
    const int64_t since_us = parts_.clock->wall_us() - table.recomputed_at_us;
    return since_us < 0 || since_us >= stream.full_interval_us;
}

Result<void> BatchLayer::refresh(TableId table, const StatementLimits& limits) {
    const std::shared_ptr<Stream> stream = TRY(find(table));
    return run_in_turn(*stream, Reach::kAll, limits);
}

Result<void> BatchLayer::run_in_turn(Stream& stream, Reach reach, const StatementLimits& limits) {
    UniqueLock lock(stream.mutex);
    const uint64_t mine = ++stream.requested;
    if (reach == Reach::kAll) stream.reach = Reach::kAll;
    while (stream.completed < mine) {
        if (stream.is_running) {
            stream.finished.wait_for(lock, kBetweenLooks);
            TRY(limits.check());
            continue;
        }
        stream.is_running = true;
        const uint64_t covers = stream.requested;
        const Reach furthest = std::exchange(stream.reach, Reach::kNew);
        lock.unlock();
        Result<void> outcome = run_with_attempts(stream, furthest, limits);
        lock.lock();
        stream.is_running = false;
        stream.finished.notify_all();
        if (!outcome && !limits.check()) {
            // Whoever waits for the same begins anew.
            if (furthest == Reach::kAll) stream.reach = Reach::kAll;
            return outcome;
        }
        stream.outcome = std::move(outcome);
        stream.completed = covers;
    }
    return stream.outcome;
}

Result<void> BatchLayer::in_turn(Stream& stream, const StatementLimits& limits,
                                 const std::function<Result<void>()>& work) {
    UniqueLock lock(stream.mutex);
    while (stream.is_running) {
        stream.finished.wait_for(lock, kBetweenLooks);
        TRY(limits.check());
    }
    stream.is_running = true;
    lock.unlock();
    Result<void> outcome = work();
    lock.lock();
    stream.is_running = false;
    stream.finished.notify_all();
    return outcome;
}

Result<void> BatchLayer::run_with_attempts(const Stream& stream, Reach reach,
                                           const StatementLimits& limits) {
    Result<void> outcome;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        outcome = run_once(stream, reach, limits);
        // A view came or went meanwhile: what was computed is for another set of views.
        if (outcome || outcome.error().code() != ErrorCode::kConflict ||
            outcome.error().sqlstate() == kAuditDiffers) {
            break;
        }
    }
    return outcome;
}

Result<void> BatchLayer::run_once(const Stream& stream, Reach reach,
                                  const StatementLimits& limits) {
    const TableId id = stream.table.id;
    TRY(parts_.hooks.seal(id).context("sealing"));
    // What is audited against is read to the end, also of a view that is dropped meanwhile.
    const manifest::PinnedState pinned = parts_.manifest->pin();
    manifest::StatePtr state = pinned.state;
    const manifest::TableState* table = state->table(id);
    if (table == nullptr) return was_dropped(stream.table);
    if (table->candidate) return audit_differs(*state, stream.table);
    Cut cut = table->sealed_frontier;
    if (reach == Reach::kNew && has_answered_all(*state, id) && !table->has_unpublished_erasure()) {
        return {};
    }
    TRY(parts_.hooks.archive_to(id, cut).context("archiving"));
    std::vector<manifest::Change> choose;
    // Left by a batch that never published: its work is lost, its cut is given up.
    if (table->cut_in_flight) choose.emplace_back(manifest::ChooseCut{id, std::nullopt});
    choose.emplace_back(manifest::ChooseCut{id, cut});
    state = TRY(parts_.manifest->commit(std::move(choose)));
    table = state->table(id);
    cut.grow(table->origin);
    // Somebody else may have erased something since the first look.
    const bool erases = table->has_unpublished_erasure();
    if (erases) reach = Reach::kAll;
    const bool may_move = reach == Reach::kAll && !erases;
    const Positions start = may_move ? start_behind(*state, id, cut) : table->start;
    ScanWatch watch;
    watch.go_on = [&]() -> Result<void> {
        if (stream.is_closing) return ended(stream);
        return limits.check();
    };
    watch.task =
        Tasks::begin_in(parts_.tasks, reach == Reach::kAll ? "refresh" : "batch", id, "events");
    if (start != table->start) {
        Answer moved = TRY(answer(stream, state, cut, reach, start, watch));
        if (moved.is_matched()) return publish_or_park(std::move(moved), stream.table);
        // Where it differs the dataset stays as it is, and one run waits for a person.
    }
    return publish_or_park(TRY(answer(stream, state, cut, reach, table->start, watch)),
                           stream.table);
}

Result<BatchLayer::Answer> BatchLayer::answer(const Stream& stream, const manifest::StatePtr& state,
                                              const Cut& cut, Reach reach, const Positions& start,
                                              ScanWatch& watch) {
    const TableId id = stream.table.id;
    const manifest::TableState& table = *state->table(id);
    auto computed_all =
        recompute(stream, state, catalog::versions_of(state->catalog, id), cut, reach, start, watch)
            .context("recomputing");
    if (!computed_all) return overtaken_or(stream, *state, std::move(computed_all).error());
    Recomputed recomputed = *std::move(computed_all);
    Answer made{{id, cut, {}, {}, recomputed.clock_us, table.erasure_epoch}, {}};
    if (start != table.start) made.publish.start = start;
    const bool erases = table.has_unpublished_erasure();
    if (erases) TRY(check_twice(stream, state, recomputed, cut, watch));
    for (Computed& computed : recomputed.views) {
        if (!erases) {
            made.publish.audits.push_back(TRY(audit(*state, computed, cut, watch.go_on)));
        }
        made.publish.runs.push_back(std::move(computed.run));
        if (computed.base) made.publish.base_runs.push_back(*std::move(computed.base));
    }
    made.file = std::move(recomputed.file);
    return made;
}

bool BatchLayer::Answer::is_matched() const {
    return std::ranges::all_of(publish.audits, [](const auto& audit) {
        return audit.verdict == manifest::Verdict::kMatched;
    });
}

/// Which of two answers is right is not for a program to say: where they differ the old one stays
/// until a person does.
Result<void> BatchLayer::publish_or_park(Answer answer, const catalog::Table& table) {
    manifest::Publish& publish = answer.publish;
    while (true) {
        const bool all_match = answer.is_matched();
        const manifest::Change change =
            all_match ? manifest::Change(publish)
                      : manifest::Park{publish.table, publish.cut, publish.runs, publish.audits,
                                       publish.epoch};
        const auto done = parts_.manifest->commit({change});
        if (!publish.runs.empty()) answer.file.keep_if(done);
        if (done && all_match) return {};
        if (done) return audit_differs(**done, table);
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

Error BatchLayer::overtaken_or(const Stream& stream, const manifest::State& state,
                               Error error) const {
    const manifest::StatePtr head = parts_.manifest->head();
    const manifest::TableState* now = head->table(stream.table.id);
    const manifest::TableState* then = state.table(stream.table.id);
    const bool is_overtaken =
        now != nullptr && then != nullptr && now->erasure_epoch != then->erasure_epoch;
    if (!is_overtaken) return error;
    return conflict("events of stream \"{}\" were erased meanwhile", stream.table.name);
}

Result<std::vector<BatchLayer::Scan>> BatchLayer::scans_of(const manifest::State& state,
                                                           const catalog::Table& table,
                                                           const std::vector<VersionId>& versions,
                                                           const Cut& end, Reach reach,
                                                           const Positions& start,
                                                           Division division) const {
    const manifest::TableState& of = *state.table(table.id);
    std::vector<Scan> scans;
    for (const VersionId version : versions) {
        const Positions from = reach == Reach::kAll ? start : state.batch_end(version);
        if (reach == Reach::kNew && (from == end || !end.dominates(from))) continue;
        auto view = parts_.views->view_of(version);
        if (!view && is_gone(*parts_.manifest->head(), version)) continue;
        auto scan = std::ranges::find(scans, from, &Scan::from);
        if (scan == scans.end()) scan = scans.insert(scans.end(), {.from = from, .end = end});
        Computed& computed = scan->views.emplace_back();
        computed.view = TRY(std::move(view));
        computed.run.version = version;
    }
    if (reach == Reach::kAll && start != of.start && !scans.empty()) {
        Scan base = scans.front();
        base.from = of.start;
        base.end = start;
        base.is_base = true;
        scans.push_back(std::move(base));
    }
    for (Scan& scan : scans) TRY(split(of, scan, division));
    return scans;
}

Result<void> BatchLayer::split(const manifest::TableState& table, Scan& scan,
                               Division division) const {
    // More than there are threads, so that none has to wait long for the last.
    constexpr size_t kSplitsOfThread = 8;
    for (const auto& segment : TRY(dataset::segments_between(table, scan.from, scan.end))) {
        scan.events += segment.rows;
    }
    const uint64_t largest = scan.events / std::max<uint64_t>(1, options_.split_rows_max) + 1;
    size_t count =
        options_.threads == 1 ? 1 : std::max<uint64_t>(options_.threads * kSplitsOfThread, largest);
    if (division == Division::kOther) count = 2 * count + 1;
    scan.splits = TRY(dataset::splits_between(table, scan.from, scan.end, count));
    return {};
}

Result<BatchLayer::Recomputed> BatchLayer::recompute(const Stream& stream, manifest::StatePtr state,
                                                     const std::vector<VersionId>& versions,
                                                     Cut end, Reach reach, const Positions& start,
                                                     ScanWatch& watch, Division division) {
    const catalog::Table& table = stream.table;
    // While the outcome of another commit is unknown, what is computed here would be for nothing.
    TRY(parts_.manifest->settle());
    std::vector<Scan> scans = TRY(scans_of(*state, table, versions, end, reach, start, division));
    if (scans.empty()) return Recomputed();
    uint64_t events = 0;
    for (const Scan& scan : scans) events += scan.events;
    watch.task.begin(events);
    FoldWatch fold_watch;
    fold_watch.before_piece = watch.go_on;
    fold_watch.after_slice = [&](uint64_t events) -> Result<void> {
        watch.task.advance(events);
        return watch.go_on();
    };
    const FoldLimits limits{.write = {.threads = options_.threads, .go_on = watch.go_on},
                            .memory_bytes_max = options_.memory_bytes_max};
    const RunId first = TRY(parts_.manifest->new_run_id());
    runs::RunFile file(*parts_.store, runs::run_path(table.id, first));
    const manifest::TableState& of = *state->table(table.id);
    Recomputed recomputed;
    for (Scan& scan : scans) {
        FoldJob job{.store = *parts_.store,
                    .local = *parts_.local,
                    .table = table,
                    .views = {},
                    .from = scan.from,
                    .end = scan.end,
                    .spill_directory = fmt::format("spill/{}", first.value),
                    .horizons = of.horizons,
                    .horizon_us = of.horizon_us};
        for (const Computed& each : scan.views) job.views.push_back(each.view);
        Folded folded = TRY(fold_splits(job, scan.splits, limits, fold_watch, file));
        recomputed.clock_us = std::max(recomputed.clock_us, folded.clock_us);
        std::vector<manifest::Run>& runs = folded.runs;
        for (size_t index = 0; index < runs.size(); ++index) {
            manifest::Run& run = runs[index];
            run.id = recomputed.views.empty() ? first : TRY(parts_.manifest->new_run_id());
            run.version = scan.views[index].run.version;
            run.kind = manifest::RunKind::kBatch;
            run.box = Box::between(scan.from, scan.end);
            const bool goes_on = reach == Reach::kNew && scan.from != of.start;
            run.increments = goes_on ? 1 : 0;
            if (scan.is_base) {
                recomputed.views[index].base = std::move(run);
                continue;
            }
            Computed& computed = recomputed.views.emplace_back(std::move(scan.views[index]));
            computed.run = std::move(run);
        }
    }
    TRY(file.put());
    recomputed.file = runs::UnnamedFile(*parts_.store, file.path());
    return recomputed;
}

Result<manifest::Audit> BatchLayer::audit(const manifest::State& state, const Computed& computed,
                                          const Cut& cut, const GoOn& go_on) {
    const manifest::Run& run = computed.run;
    const catalog::MaterializedView* owner = state.catalog.view_of_version(run.version);
    const manifest::TableState& table = *state.table(owner->table);
    RunReaders replaced;
    for (const manifest::Run& old : state.runs_of(run.version)) {
        const bool stays =
            run.increments > 0 ? old.kind == manifest::RunKind::kBatch : table.is_base(old);
        if (stays || side_of(old.box, cut) != Side::kBelow) continue;
        replaced.push_back(TRY(parts_.runs->get(old)));
    }
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
    std::vector<manifest::Run> made;
    if (computed.base) made.push_back(*computed.base);
    made.push_back(run);
    const operators::KeyFloorPtr floor = computed.view.floor_at(table.horizon_us);
    auto outcome = compare(*parts_.store, made, replaced, *computed.view.plan, options_.threads,
                           go_on, floor.get(), begins_below(made.front().box, table.thinned_below));
    if (outcome) {
        audit.batch = outcome->batch;
        audit.speed = outcome->digest;
        audit.difference = outcome->difference;
        if (outcome->matched) audit.verdict = manifest::Verdict::kMatched;
    } else if (outcome.error().code() == ErrorCode::kCorrupt) {
        // The old answer cannot be read any more: the new one may replace it, if a person agrees.
        audit.difference = "not compared: " + outcome.error().message();
    } else {
        return std::move(outcome).error();
    }
    if (audit.verdict != manifest::Verdict::kMatched && !computed.base) {
        trace(TraceLevel::kError, "batch", "audit of view \"{}\" at {} does not match: {}",
              owner->name, cut.to_string(), audit.difference);
    }
    return audit;
}

}  // namespace braid::batch
