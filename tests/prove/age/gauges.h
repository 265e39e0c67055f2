// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid::testing {

/// Processor seconds of this process so far, user and system, all threads.
double cpu_seconds();
/// Of the thread that asks.
double thread_cpu_seconds();

/// What the kernel says of this process.
struct ProcessGauges {
    uint64_t resident_bytes = 0;
    uint64_t open_files = 0;
    uint64_t mappings = 0;
};
Result<ProcessGauges> process_gauges();

struct FolderGauges {
    uint64_t files = 0;
    uint64_t bytes = 0;
};
/// The folders of a data directory that are told one by one; the rest of it is under "other".
constexpr std::array<std::string_view, 5> kFolders = {"log", "dataset", "runs", "manifest",
                                                      "other"};
/// What lies below them.
std::map<std::string_view, FolderGauges> folder_gauges(const std::string& data);

}  // namespace braid::testing
