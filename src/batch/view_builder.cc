// SPDX-License-Identifier: Apache-2.0
#include "batch/view_builder.h"

#include <fmt/format.h>

#include "batch/run_merge.h"

namespace braid::batch {

ViewBuilder::ViewBuilder(Store& store, Store& local, std::vector<plan::Aggregate> aggregates,
                         std::string spill_directory)
    : store_(store),
      local_(local),
      aggregates_(std::move(aggregates)),
      spill_directory_(std::move(spill_directory)),
      table_(aggregates_) {}

Result<void> ViewBuilder::spill() {
    std::string directory = fmt::format("{}/{}", spill_directory_, spills_.size());
    spills_.push_back(TRY(runs::write_table(local_, directory, table_)));
    spill_directories_.push_back(std::move(directory));
    table_ = operators::GroupTable(aggregates_);
    return {};
}

Result<manifest::Run> ViewBuilder::finish(const std::string& directory) {
    manifest::Run run;
    if (spills_.empty()) {
        run = TRY(runs::write_table(store_, directory, table_, failed_));
    } else {
        TRY(spill());
        run = TRY(merge_spills(directory));
    }
    run.counted = account_.counted;
    run.filtered = account_.filtered;
    run.quarantined = account_.quarantined;
    run.failed = account_.failed;
    return run;
}

Result<manifest::Run> ViewBuilder::merge_spills(const std::string& directory) {
    std::vector<std::shared_ptr<const runs::RunReader>> readers;
    for (const manifest::Run& spill : spills_) {
        readers.push_back(TRY(runs::RunReader::open(local_, spill)));
    }
    auto writer = TRY(runs::RunWriter::create(store_, directory));
    // The spills hold no failed events.
    TRY(merge_runs(readers, aggregates_, [&](uint32_t section, const operators::StateRow& row) {
        return writer->add(section, row);
    }));
    TRY(runs::write_failed_events(failed_, *writer));
    manifest::Run run = TRY(writer->finish());
    readers.clear();
    for (size_t index = 0; index < spills_.size(); ++index) {
        TRY(remove_run_files(local_, spills_[index], spill_directories_[index]));
    }
    return run;
}

Result<void> remove_run_files(Store& store, const manifest::Run& run,
                              const std::string& directory) {
    for (const manifest::Part& part : run.parts) {
        if (TRY(store.exists(part.file))) TRY(store.remove(part.file));
    }
    if (TRY(store.exists(directory))) TRY(store.remove_directory(directory));
    return {};
}

}  // namespace braid::batch
