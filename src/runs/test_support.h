// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "runs/run_file.h"

namespace braid::runs {

using TestRows = std::vector<std::pair<std::string, std::string>>;

/// `count` rows with ascending keys of several lengths, with bytes of every value among them.
TestRows test_rows(uint64_t count);

/// Writes groups, and sets[i] as section i + 1 without states; rows in order.
Result<manifest::Run> write_rows(FileSystem& files, const std::string& path, const TestRows& groups,
                                 const std::vector<TestRows>& sets = {},
                                 RunWriterOptions options = {});

/// Writes a whole table, and the events that failed beside it, as a run in a file of its own.
inline Result<manifest::Run> write_table(Store& store, std::string path,
                                         const operators::GroupTable& table,
                                         const operators::FailedEvents& failed = {},
                                         RunWriterOptions options = {}) {
    RunFile file(store, std::move(path));
    const operators::GroupTable* const tables[] = {&table};
    manifest::Run run = TRY(write_tables(file, tables, failed, options));
    TRY(file.put());
    return run;
}

/// The ⊕ of runs of operators::test_bound_view, as operators::lines_of has it; or why not.
Result<std::vector<std::string>> lines_of(Store& store, std::span<const manifest::Run> runs);

/// The state of a key, if it is there.
Result<std::optional<std::string>> find(const RunReader& run, std::string_view key);

/// All rows of a section, with their subkey or, without one, their state; or why not.
Result<TestRows> read_rows(const RunReader& run, uint32_t section, std::string_view from = {},
                           std::string_view to = {});

}  // namespace braid::runs
