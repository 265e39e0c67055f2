// SPDX-License-Identifier: Apache-2.0
#include "runs/test_support.h"

#include <algorithm>

#include "base/random.h"
#include "operators/fold/fold_test_support.h"

namespace braid::runs {

TestRows test_rows(uint64_t count) {
    Random random(count);
    std::map<std::string, std::string> rows;
    rows[""] = "the empty key";
    while (rows.size() < count) {
        std::string key;
        for (uint64_t bytes = 1 + random.below(12); bytes > 0; --bytes) {
            key.push_back(static_cast<char>(random.below(256)));
        }
        rows[key] = std::string(random.below(20), static_cast<char>(random.below(256)));
    }
    TestRows list(rows.begin(), rows.end());
    list.resize(count);
    return list;
}

Result<manifest::Run> write_rows(FileSystem& files, const std::string& path, const TestRows& groups,
                                 const std::vector<TestRows>& sets, RunWriterOptions options) {
    RunFile file(files, path);
    const auto writer = RunWriter::create(file, options);
    for (const auto& [key, state] : groups) {
        TRY(writer->add(0, {.key = key, .subkey = {}, .state = state}));
    }
    for (uint32_t section = 1; section <= sets.size(); ++section) {
        for (const auto& [key, subkey] : sets[section - 1]) {
            TRY(writer->add(section, {.key = key, .subkey = subkey, .state = {}}));
        }
    }
    manifest::Run run = TRY(writer->finish());
    TRY(file.put());
    return run;
}

Result<std::vector<std::string>> lines_of(Store& store, std::span<const manifest::Run> runs) {
    operators::GroupTable merged(operators::test_bound_view({}, {}).plan->aggregates);
    for (const manifest::Run& run : runs) {
        const auto reader = TRY(RunReader::open(store, run));
        operators::StateRow row;
        for (const uint32_t section : {0U, 1U}) {
            const auto rows = TRY(reader->scan(section, {}, {}));
            while (TRY(rows->next(row))) TRY(merged.merge_row(section, row));
        }
    }
    return operators::lines_of(merged);
}

Result<std::optional<std::string>> find(const RunReader& run, std::string_view key) {
    std::string state;
    if (!TRY(run.find(key, state))) return std::optional<std::string>();
    return std::optional(std::move(state));
}

Result<TestRows> read_rows(const RunReader& run, uint32_t section, std::string_view from,
                           std::string_view to) {
    const auto cursor = TRY(run.scan(section, from, to));
    TestRows rows;
    operators::StateRow row;
    while (TRY(cursor->next(row))) {
        rows.emplace_back(row.key, row.subkey.empty() ? row.state : row.subkey);
    }
    return rows;
}

}  // namespace braid::runs
