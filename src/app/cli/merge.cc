// SPDX-License-Identifier: Apache-2.0
// `braid merge`: ⊕ of runs that lie in files, of a range of their keys.
#include "app/cli/commands.h"
#include "app/cli/run_output.h"
#include "app/cli/view_files.h"
#include "base/error_makers.h"
#include "batch/run_merge.h"

namespace braid::app {

namespace {

Result<void> merge(const Arguments& arguments) {
    const auto files = TRY(ViewFiles::open(arguments));
    std::vector<RunInput> inputs;
    std::vector<manifest::Run> runs;
    batch::RunReaders readers;
    FoldAccount account;
    for (const std::string& path : arguments.runs) {
        inputs.push_back(TRY(RunInput::open(path)));
        readers.push_back(inputs.back().reader);
        runs.push_back(readers.back()->run());
        account.add(runs.back().account());
        if (runs.back().version == files->view->current) continue;
        return invalid_input("{} is a run of another view version", path);
    }
    const Share share = arguments.share;
    const auto ranges = batch::key_ranges(runs, share.count);
    RunOutput output = TRY(RunOutput::create(arguments.output));
    manifest::Run run;
    // There may be fewer ranges than were asked for: the others are empty.
    if (share.number <= ranges.size()) {
        const auto horizon_us = files->state->table(files->table->id)->horizon_us;
        const operators::KeyFloorPtr floor = files->bound.floor_at(horizon_us);
        run = TRY(batch::merge_range(readers, files->bound.plan->aggregates,
                                     ranges[share.number - 1], output.file(), {}, {}, floor.get()));
    }
    run.version = files->view->current;
    run.kind = manifest::RunKind::kBatch;
    // It belongs where the failed events do.
    if (share.number == 1) run.set_account(account);
    return output.finish(std::move(run));
}

}  // namespace

int run_merge(const Arguments& arguments) {
    const auto done = merge(arguments);
    return done ? 0 : fail(done.error());
}

}  // namespace braid::app
