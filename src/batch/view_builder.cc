// SPDX-License-Identifier: Apache-2.0
#include "batch/view_builder.h"

#include <fmt/format.h>

#include "batch/run_merge.h"

namespace braid::batch {

ViewBuilder::ViewBuilder(Store& local, std::vector<plan::Aggregate> aggregates,
                         std::string spill_directory)
    : local_(local),
      aggregates_(std::move(aggregates)),
      spill_directory_(std::move(spill_directory)),
      table_(aggregates_) {}

Result<void> ViewBuilder::spill() {
    std::string path = fmt::format("{}/{}.run", spill_directory_, spills_.size());
    spills_.push_back(TRY(runs::write_table(local_, std::move(path), table_)));
    table_ = operators::GroupTable(aggregates_);
    return {};
}

Result<manifest::Run> ViewBuilder::finish(runs::RunFile& file) {
    manifest::Run run;
    if (spills_.empty()) {
        const operators::GroupTable* const tables[] = {&table_};
        run = TRY(runs::write_tables(file, tables, failed_));
    } else {
        TRY(spill());
        run = TRY(merge_spills(file));
    }
    run.set_account(account_);
    return run;
}

Result<manifest::Run> ViewBuilder::merge_spills(runs::RunFile& file) {
    std::vector<std::shared_ptr<const runs::RunReader>> readers;
    for (const manifest::Run& spill : spills_) {
        readers.push_back(TRY(runs::RunReader::open(local_, spill)));
    }
    const auto writer = runs::RunWriter::create(file);
    // The spills hold no failed events.
    TRY(merge_runs(readers, aggregates_, [&](uint32_t section, const operators::StateRow& row) {
        return writer->add(section, row);
    }));
    TRY(runs::write_failed_events(failed_, *writer));
    manifest::Run run = TRY(writer->finish());
    readers.clear();
    for (const manifest::Run& spill : spills_) TRY(remove_files(local_, spill.files()));
    return run;
}

Result<void> remove_files(Store& store, const std::set<std::string>& files) {
    for (const std::string& file : files) {
        if (TRY(store.exists(file))) TRY(store.remove(file));
    }
    return {};
}

}  // namespace braid::batch
