// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/housekeeper.h"

#include <optional>
#include <utility>

#include "base/error_makers.h"
#include "base/trace.h"
#include "dataset/segment.h"

namespace braid::housekeeping {

namespace {

constexpr int64_t kIdleUs = 1'000'000;
constexpr int64_t kMemoryBackUs = 60'000'000;
/// What failed is not tried again before.
constexpr int64_t kAfterFailureUs = 30'000'000;
/// So long after midnight no more records of the day before are expected; those that come all the
/// same are merged too.
constexpr int64_t kDayIsOverUs = 3'600'000'000;
/// So many versions of the manifest come between two looks at what can be trimmed.
constexpr uint64_t kVersionsBetweenTrims = 128;

/// Those that are read.
uint64_t rows_of(const CompactionPlan& plan) {
    uint64_t rows = 0;
    for (const auto& runs : plan.joined) {
        for (const manifest::Run& run : runs) {
            for (const manifest::Part& part : run.parts) rows += part.rows;
        }
    }
    return rows;
}

/// One piece of work of one stream, as `plan_of` has it; where it fails the others have their turn,
/// and it is tried again after a while. False: nothing was to do, or somebody else was faster.
template <typename PlanOf, typename Work>
Result<bool> do_one(const manifest::State& state, int64_t now_us,
                    std::map<TableId, int64_t>& not_before_us, const PlanOf& plan_of,
                    const Work& work) {
    std::optional<Error> failure;
    for (const auto& [table, at] : state.tables) {
        const auto plan = plan_of(table);
        if (!plan) {
            not_before_us.erase(table);
            continue;
        }
        const auto later = not_before_us.find(table);
        if (later != not_before_us.end() && now_us < later->second) continue;
        const Result<bool> done = work(*plan);
        if (done && *done) return true;
        if (done) continue;
        not_before_us[table] = now_us + kAfterFailureUs;
        failure = done.error();
    }
    if (failure) return *std::move(failure);
    return false;
}

}  // namespace

Housekeeper::Housekeeper(HousekeepingParts parts, HousekeepingOptions options, Workers& workers)
    : parts_(std::move(parts)),
      options_(options),
      workers_(workers),
      releaser_(*parts_.store, *parts_.manifest, *parts_.clock, parts_.forget_run),
      compactor_({parts_.store, parts_.manifest, parts_.views}),
      merger_({parts_.store, parts_.clock, parts_.manifest, parts_.while_idle}),
      sweeper_({parts_.store, parts_.clock, parts_.manifest, parts_.tasks, parts_.dropped,
                options_.snapshot_max_us, [this] { return is_closing_.load(); }}),
      health_(Health::add_to(parts_.health, "housekeeping", "")) {
    const auto counter = [&](const char* name, const char* help) {
        return &parts_.metrics->get(name, Metrics::Kind::kCounter, help);
    };
    compactions_ = counter("braid_compactions_total", "Joins of sealed runs that were committed.");
    compacted_rows_ = counter("braid_compaction_rows_total", "Rows of the runs that were joined.");
    merges_ = counter("braid_segment_merges_total", "Merges of segments that were committed.");
    merged_rows_ = counter("braid_segment_merge_rows_total", "Rows of those segments.");
    released_ = counter("braid_runs_released_total", "Retired runs and segments that were let go.");
    trimmed_ = counter("braid_manifest_trimmed_total", "Manifest versions that were removed.");
    swept_files_ =
        counter("braid_swept_files_total", "Files of dropped streams that were removed.");
    swept_bytes_ = counter("braid_swept_bytes_total", "Bytes of those files.");
    handle_ = workers_.start("housekeeping", StepKind::kBackground, [this] { return step(); });
}

Housekeeper::~Housekeeper() {
    is_closing_ = true;
    workers_.stop(handle_);
}

StepOutcome Housekeeper::step() {
    bool progressed = false;
    std::optional<Error> failure;
    const auto note = [&](const char* what, const auto& done) {
        if (!done) {
            failure = Error(done.error()).with_context(what);
        } else {
            progressed |= static_cast<bool>(*done);
        }
    };
    const auto released = release(options_.undo_window_us);
    if (released) released_->add(static_cast<int64_t>(*released));
    note("releasing runs", released);
    note("freeing what was dropped", sweep());
    note("trimming the manifest", trim());
    note("compacting runs", compact());
    note("merging segments", merge());
    look_for_retention();
    give_memory_back();
    if (is_closing_) return {};
    if (!failure) {
        if (not_before_us_.empty() && no_merge_before_us_.empty()) health_->recovered();
        return {.progressed = progressed, .idle_us = kIdleUs};
    }
    if (health_->state() == HealthState::kWell) {
        write_trace(TraceLevel::kError, "housekeeping", failure->to_string());
    }
    health_->tell(HealthState::kDegraded, *failure);
    return {.progressed = false, .idle_us = kIdleUs};
}

void Housekeeper::look_for_retention() {
    if (!parts_.look_for_retention) return;
    const manifest::StatePtr state = parts_.manifest->head();
    for (const auto& [id, table] : state->catalog.tables) {
        if (table.options.contains("retention")) parts_.look_for_retention(id);
    }
}

/// Seals, archives and batches take much for a moment. Who has committed may not be through yet, so
/// the last time comes after a minute without anything.
void Housekeeper::give_memory_back() {
    const int64_t now_us = parts_.clock->monotonic_us();
    if (!parts_.give_memory_back || now_us < no_memory_before_us_) return;
    const ManifestNumber number = parts_.manifest->head()->number;
    const bool is_changed = number != memory_back_at_;
    if (!is_changed && !is_memory_owed_) return;
    memory_back_at_ = number;
    is_memory_owed_ = is_changed;
    no_memory_before_us_ = now_us + kMemoryBackUs;
    parts_.give_memory_back();
}

Result<void> Housekeeper::destroy_segments(TableId table) {
    return merger_.show_all(table, [&] { return releaser_.destroy_segments(table); });
}

Result<void> Housekeeper::destroy_runs(TableId table) {
    const ScopedLock lock(compacting_);
    return releaser_.destroy_runs(table);
}

Result<bool> Housekeeper::trim() {
    const ManifestNumber head = parts_.manifest->head()->number;
    if (head.value - trimmed_at_.value < kVersionsBetweenTrims) return false;
    const uint64_t removed = TRY(parts_.manifest->trim(0));
    trimmed_at_ = head;
    trimmed_->add(static_cast<int64_t>(removed));
    return removed > 0;
}

Result<bool> Housekeeper::sweep() {
    Sweeper::Swept swept;
    auto progressed = sweeper_.sweep(swept);
    swept_files_->add(static_cast<int64_t>(swept.files));
    swept_bytes_->add(static_cast<int64_t>(swept.bytes));
    return progressed;
}

Result<bool> Housekeeper::compact() {
    const manifest::StatePtr state = parts_.manifest->head();
    if (state->number == nothing_to_join_at_) return false;
    const bool progressed = TRY(do_one(
        *state, parts_.clock->monotonic_us(), not_before_us_,
        [&](TableId table) { return plan_compaction(*state, table); },
        [this](const CompactionPlan& plan) { return compact(plan); }));
    if (!progressed && not_before_us_.empty()) nothing_to_join_at_ = state->number;
    return progressed;
}

Result<bool> Housekeeper::compact(const CompactionPlan& plan) {
    const Tasks::Running task = parts_.tasks->begin("compact", plan.table, "rows");
    task.begin(rows_of(plan));
    const ScopedLock lock(compacting_);
    if (!TRY(compactor_.compact(plan, go_on_with(task)))) return false;
    compactions_->add(1);
    compacted_rows_->add(static_cast<int64_t>(task.all()));
    return true;
}

std::function<Result<void>(uint64_t)> Housekeeper::go_on_with(const Tasks::Running& task) const {
    return [this, &task](uint64_t rows) -> Result<void> {
        task.advance(rows);
        if (is_closing_) return cancelled("the node stops");
        return {};
    };
}

Result<bool> Housekeeper::merge() {
    TRY(merger_.finish(options_.undo_window_us));
    const manifest::StatePtr state = parts_.manifest->head();
    const std::string today = dataset::ingest_day_of(parts_.clock->wall_us() - kDayIsOverUs);
    if (state->number == nothing_to_merge_at_ && today == nothing_to_merge_on_) return false;
    // Whoever lists the dataset must not find a record twice, nor miss one.
    if (!TRY(parts_.store->can_exchange())) return false;
    const bool progressed = TRY(do_one(
        *state, parts_.clock->monotonic_us(), no_merge_before_us_,
        [&](TableId table) { return plan_merge(*state, table, today, options_.segments); },
        [this](const MergePlan& plan) { return merge(plan); }));
    if (!progressed && no_merge_before_us_.empty()) {
        nothing_to_merge_at_ = state->number;
        nothing_to_merge_on_ = today;
    }
    return progressed;
}

Result<bool> Housekeeper::merge(const MergePlan& plan) {
    const Tasks::Running task = parts_.tasks->begin("merge", plan.table, "rows");
    uint64_t rows = 0;
    for (const manifest::Segment& each : plan.segments) rows += each.rows;
    task.begin(rows);
    if (!TRY(merger_.merge(plan, go_on_with(task)))) return false;
    merges_->add(1);
    merged_rows_->add(static_cast<int64_t>(rows));
    return true;
}

}  // namespace braid::housekeeping
