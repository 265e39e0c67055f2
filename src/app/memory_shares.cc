// SPDX-License-Identifier: Apache-2.0
#include "app/memory_shares.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <unistd.h>
#include <utility>

#include "base/posix_file_system.h"
#include "base/result.h"

namespace braid::app {

namespace {

constexpr uint64_t kMebibyte = 1ULL << 20;
constexpr uint64_t kGibibyte = 1ULL << 30;

/// Version 2 and version 1 of control groups, as a process sees its own from within a container.
constexpr auto kGroupLimits = std::to_array<const char*>(
    {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"});

/// PostgreSQL's units are powers of 1,024 as well.
constexpr auto kUnits = std::to_array<std::pair<std::string_view, int>>({{"", 0},
                                                                         {"B", 0},
                                                                         {"kB", 10},
                                                                         {"KiB", 10},
                                                                         {"MB", 20},
                                                                         {"MiB", 20},
                                                                         {"GB", 30},
                                                                         {"GiB", 30},
                                                                         {"TB", 40},
                                                                         {"TiB", 40}});

uint64_t memory_of_the_machine() {
    const int64_t pages = sysconf(_SC_PHYS_PAGES);
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0) return 4 * kGibibyte;
    return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes);
}

/// Of a short file that says that it is empty, as those of the kernel do.
Result<std::string> first_line(const std::string& path) {
    const auto machine = TRY(open_posix_file_system("/"));
    const auto file = TRY(machine->open(path));
    std::array<std::byte, 64> bytes{};
    const size_t got = TRY(file->read_at(0, bytes));
    const std::string text(reinterpret_cast<const char*>(bytes.data()), got);
    return text.substr(0, text.find('\n'));
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
    uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
    for (const auto& [unit, shift] : kUnits) {
        if (text != unit) continue;
        if (number > (UINT64_MAX >> shift)) return std::nullopt;
        return number << shift;
    }
    return std::nullopt;
}

uint64_t default_memory_limit() {
    uint64_t all = memory_of_the_machine();
    for (const char* path : kGroupLimits) {
        const auto text = first_line(path);
        const auto limit = text ? parse_size(*text) : std::nullopt;  // "max" is none
        if (limit) all = std::min(all, *limit);
    }
    return all / 5 * 3;
}

void share_memory(uint64_t limit_bytes, NodeOptions& options) {
    const auto share = [&](uint64_t percent) { return limit_bytes / 100 * percent; };
    options.speed.memory_bytes_max = share(30);
    options.speed.seal_bytes_max = std::min(256 * kMebibyte, share(10));
    options.batch.memory_bytes_max = std::min(4 * kGibibyte, share(25));
    options.query_memory_bytes = std::min(kGibibyte, share(15));
    options.statement_memory_bytes = std::min(256 * kMebibyte, share(5));
    options.statements_memory_bytes = share(8);
    // Many statements at once: each merges little at a time.
    options.query.merged_bytes_max = std::min(8 * kMebibyte, options.statements_memory_bytes / 64);
    options.clients_memory_bytes = share(7);
    options.read_cache_bytes = std::min(256 * kMebibyte, share(5));
}

}  // namespace braid::app
