// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/compactor.h"

#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "batch/run_merge.h"
#include "runs/run_file.h"

namespace braid::housekeeping {

namespace {

using manifest::Run;

constexpr uint64_t kRowsBetweenLooks = 4096;

Result<Run> write_joined(const CompactorParts& parts, const CompactionPlan& plan,
                         const std::vector<Run>& runs, runs::RunFile& file,
                         const Compactor::GoOn& go_on) {
    const operators::BoundView view = TRY(parts.views->view_of(runs.front().version));
    const manifest::StatePtr state = parts.manifest->head();
    const manifest::TableState* table = state->table(plan.table);
    if (table == nullptr) return not_found("the stream was dropped");
    const operators::KeyFloorPtr floor = view.floor_at(table->horizon_us);
    batch::RunReaders readers;
    for (const Run& run : runs) {
        readers.push_back(TRY(runs::RunReader::open(*parts.store, run)));
    }
    const auto writer = runs::RunWriter::create(file);
    uint64_t rows = 0;
    const auto add = [&](uint32_t section, const operators::StateRow& row) -> Result<void> {
        if (++rows % kRowsBetweenLooks == 0) TRY(go_on(kRowsBetweenLooks));
        return writer->add(section, row);
    };
    TRY(batch::merge_runs(readers, view.plan->aggregates, {}, add, floor.get()));
    Run joined = TRY(writer->finish());
    joined.version = runs.front().version;
    joined.kind = runs.front().kind;
    joined.level = plan.level;
    for (const Run& run : runs) joined.extend(run);
    return joined;
}

bool is_overtaken(const Error& error) {
    return error.code() == ErrorCode::kConflict || error.code() == ErrorCode::kNotFound;
}

}  // namespace

Result<bool> Compactor::compact(const CompactionPlan& plan, const GoOn& go_on) {
    const RunId first = TRY(parts_.manifest->new_run_id());
    runs::RunFile file(*parts_.store, runs::run_path(plan.table, first));
    std::vector<manifest::Change> changes;
    for (const std::vector<Run>& runs : plan.joined) {
        TRY(go_on(0));
        manifest::Compact change;
        for (const Run& run : runs) change.removed.push_back(run.id);
        auto joined = write_joined(parts_, plan, runs, file, go_on);
        if (!joined && is_overtaken(joined.error())) return false;
        change.added = TRY(std::move(joined));
        change.added.id = changes.empty() ? first : TRY(parts_.manifest->new_run_id());
        changes.emplace_back(std::move(change));
    }
    TRY(file.put());
    runs::UnnamedFile unnamed(*parts_.store, file.path());
    const auto committed = parts_.manifest->commit(std::move(changes));
    unnamed.keep_if(committed);
    if (committed) return true;
    if (is_overtaken(committed.error())) return false;
    return committed.error();
}

}  // namespace braid::housekeeping
