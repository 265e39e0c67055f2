// SPDX-License-Identifier: Apache-2.0
#include "batch/view_builder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/thread.h"

namespace braid::batch {

namespace {

using Group = operators::GroupTable::Group;
using Piece = operators::GroupTable::Piece;

/// Of what all threads together hold of parts that they are making.
constexpr uint64_t kPartBytesOfAll = 256ULL << 20;
constexpr uint64_t kPartBytesMin = 4ULL << 20;
/// So many keys of tables tell how the rest lie.
constexpr size_t kSamplesOfRange = 64;

size_t group_count(ViewBuilder::Tables tables) {
    size_t groups = 0;
    for (const operators::GroupTable* table : tables) groups += table->size();
    return groups;
}

/// About equal ranges of the keys of tables.
std::vector<runs::KeyRange> ranges_of(ViewBuilder::Tables tables, size_t count) {
    const size_t step = std::max<size_t>(1, group_count(tables) / (count * kSamplesOfRange));
    std::vector<runs::WeighedKey> samples;
    for (const operators::GroupTable* table : tables) {
        for (size_t group = 0; group < table->size(); group += step) {
            samples.push_back({std::string(table->key_of(static_cast<Group>(group))), 1});
        }
    }
    return runs::cut({}, std::move(samples), count);
}

}  // namespace

ViewBuilder::ViewBuilder(Store& local, std::vector<plan::Aggregate> aggregates,
                         std::string spill_directory, WriteOptions options,
                         operators::KeyFloorPtr floor)
    : local_(local),
      aggregates_(std::move(aggregates)),
      spill_directory_(std::move(spill_directory)),
      options_(options),
      floor_(std::move(floor)) {}

ViewBuilder::~ViewBuilder() { static_cast<void>(remove_spills()); }

Result<void> ViewBuilder::spill(Tables tables) {
    runs::RunFile file(local_, fmt::format("{}/{}.run", spill_directory_, spills_.size()));
    manifest::Run run = TRY(write(tables, file));
    TRY(file.put());
    spills_.push_back(std::move(run));
    return {};
}

Result<manifest::Run> ViewBuilder::finish(Tables tables, const operators::FailedEvents& failed,
                                          runs::RunFile& file) {
    manifest::Run run;
    if (spills_.empty()) {
        run = TRY(write(tables, file));
    } else {
        if (!tables.empty()) TRY(spill(tables));
        run = TRY(merge_spills(file));
        TRY(remove_spills());
    }
    // Failed events are few and were never spilled.
    const auto writer = runs::RunWriter::create(file);
    TRY(runs::write_failed_events(failed, *writer));
    return runs::join({std::move(run), TRY(writer->finish())});
}

Result<manifest::Run> ViewBuilder::write(Tables tables, runs::RunFile& file) const {
    const size_t worth = group_count(tables) / std::max<uint64_t>(1, options_.range_rows_min);
    const size_t count = std::min(worth, range_count_for(options_.threads));
    if (count <= 1 && !floor_) return runs::write_tables(file, tables);
    const std::vector<runs::KeyRange> ranges = ranges_of(tables, std::max<size_t>(1, count));
    std::vector<std::vector<std::vector<Group>>> groups(tables.size());  // by table and range
    TRY(for_each_on_threads(options_.threads, "sort", tables.size(), [&](size_t table) {
        groups[table] = runs::groups_by_range(*tables[table], ranges);
        return Result<void>();
    }));
    std::vector<manifest::Run> written(ranges.size());
    const auto write_range = [&](size_t range) -> Result<void> {
        std::vector<Piece> pieces;
        for (size_t table = 0; table < tables.size(); ++table) {
            pieces.push_back({tables[table], std::move(groups[table][range])});
        }
        const auto writer = runs::RunWriter::create(file, part_options());
        const auto add = [&](uint32_t section, const operators::StateRow& row) -> Result<void> {
            if (floor_ && floor_->has_expired(row.key)) return {};
            return writer->add(section, row);
        };
        TRY(operators::GroupTable::visit_rows_of_all(pieces, asking(options_.go_on, add)));
        written[range] = TRY(writer->finish());
        return {};
    };
    TRY(for_each_on_threads(options_.threads, "write", ranges.size(), write_range));
    return runs::join(std::move(written));
}

Result<manifest::Run> ViewBuilder::merge_spills(runs::RunFile& file) const {
    RunReaders readers;
    for (const manifest::Run& spill : spills_) {
        readers.push_back(TRY(runs::RunReader::open(local_, spill)));
    }
    const std::vector<runs::KeyRange> ranges =
        key_ranges(spills_, range_count_for(options_.threads));
    std::vector<manifest::Run> merged(ranges.size());
    const auto merge = [&](size_t number) -> Result<void> {
        merged[number] = TRY(merge_range(readers, aggregates_, ranges[number], file, part_options(),
                                         options_.go_on, floor_.get()));
        return {};
    };
    TRY(for_each_on_threads(options_.threads, "merge", ranges.size(), merge));
    return runs::join(std::move(merged));
}

runs::RunWriterOptions ViewBuilder::part_options() const {
    const uint64_t most = runs::RunWriterOptions().part_bytes_max;
    return {.part_bytes_max = std::clamp(kPartBytesOfAll / options_.threads, kPartBytesMin, most)};
}

Result<void> ViewBuilder::remove_spills() {
    Result<void> outcome;
    for (const manifest::Run& spill : std::exchange(spills_, {})) {
        Result<void> removed = remove_files(local_, spill.files());
        if (outcome) outcome = std::move(removed);
    }
    return outcome;
}

Result<void> remove_files(Store& store, const std::set<std::string>& files) {
    for (const std::string& file : files) {
        if (TRY(store.exists(file))) TRY(store.remove(file));
    }
    return {};
}

}  // namespace braid::batch
