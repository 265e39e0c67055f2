// SPDX-License-Identifier: Apache-2.0
// `braid fold`: a split of a stream's dataset becomes a run of one view, in a file.
#include <charconv>

#include "app/cli/commands.h"
#include "app/cli/run_output.h"
#include "app/cli/view_files.h"
#include "base/error_makers.h"
#include "batch/fold_splits.h"

namespace braid::app {

namespace {

/// "0:17,1:4" moves these partitions of `positions`. InvalidInput for anything else.
Result<void> move_to(std::string_view text, Positions& positions) {
    const std::string_view whole = text;
    while (!text.empty()) {
        uint32_t partition = 0;
        int64_t offset = 0;
        const char* const end = text.data() + text.size();
        const auto number = std::from_chars(text.data(), end, partition);
        const bool has_offset = number.ec == std::errc() && number.ptr != end && *number.ptr == ':';
        const auto place = has_offset ? std::from_chars(number.ptr + 1, end, offset) : number;
        const bool is_over = place.ptr == end || *place.ptr == ',';
        if (!has_offset || place.ec != std::errc() || !is_over || !positions.has({partition})) {
            return Error(invalid_input("\"{}\" is not a vector of offsets", whole))
                .with_hint("Write partition:offset, as in 0:1000,1:980.");
        }
        positions.at[partition] = {offset};
        text.remove_prefix(static_cast<size_t>(place.ptr - text.data()));
        if (!text.empty()) text.remove_prefix(1);
    }
    return {};
}

Result<void> fold(const Arguments& arguments) {
    const auto files = TRY(ViewFiles::open(arguments));
    const manifest::TableState& state = *files->state->table(files->table->id);
    RunOutput output = TRY(RunOutput::create(arguments.output));
    batch::FoldJob job{.store = *files->store,
                       .local = output.directory(),
                       .table = *files->table,
                       .views = {files->bound},
                       .from = state.start,
                       .end = state.archive_end,
                       .spill_directory = output.spill_directory(),
                       .horizons = state.horizons,
                       .horizon_us = state.horizon_us};
    TRY(move_to(arguments.from, job.from));
    TRY(move_to(arguments.to, job.end));
    if (!job.from.dominates(state.start)) {
        return invalid_input("the dataset begins at {}", state.start.to_string());
    }
    if (!job.end.dominates(job.from))
        return invalid_input("the range of offsets ends before it begins");
    const auto all = TRY(dataset::splits_between(state, job.from, job.end, arguments.share.count));
    const auto splits = dataset::divide(all[arguments.share.number - 1]);
    const batch::FoldLimits limits{{.threads = arguments.threads}, arguments.memory_mib << 20};
    auto folded = TRY(batch::fold_splits(job, splits, limits, {}, output.file()));
    manifest::Run run = std::move(folded.runs.front());
    run.version = files->view->current;
    run.kind = manifest::RunKind::kBatch;
    if (arguments.share.count == 1) run.box = Box::between(job.from, job.end);
    return output.finish(std::move(run));
}

}  // namespace

int run_fold(const Arguments& arguments) {
    const auto done = fold(arguments);
    return done ? 0 : fail(done.error());
}

}  // namespace braid::app
