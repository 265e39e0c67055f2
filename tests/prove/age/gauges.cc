// SPDX-License-Identifier: Apache-2.0
#include "tests/prove/age/gauges.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "base/error_makers.h"
#include "base/posix_file_system.h"

namespace braid::testing {

namespace {

constexpr double kNanosecond = 1e-9;
constexpr uint64_t kKibibyte = 1024;

double seconds_of(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * kNanosecond;
}

/// A file of /proc, whose size nobody knows beforehand.
Result<std::string> read_proc(FileSystem& machine, const std::string& path) {
    const auto file = TRY(machine.open(path));
    std::string text;
    while (true) {
        constexpr size_t kPiece = 1 << 16;
        const size_t before = text.size();
        text.resize(before + kPiece);
        const auto room = std::as_writable_bytes(std::span(text)).subspan(before);
        const size_t count = TRY(file->read_at(before, room));
        text.resize(before + count);
        if (count == 0) return text;
    }
}

}  // namespace

double cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
double thread_cpu_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

Result<ProcessGauges> process_gauges() {
    const auto machine = TRY(open_posix_file_system("/"));
    ProcessGauges gauges;
    const std::string status = TRY(read_proc(*machine, "proc/self/status"));
    constexpr std::string_view kResident = "VmRSS:";
    const size_t place = status.find(kResident);
    if (place == std::string::npos) return io_error("/proc/self/status tells no VmRSS");
    const size_t digits = status.find_first_of("0123456789", place + kResident.size());
    std::from_chars(status.data() + digits, status.data() + status.size(), gauges.resident_bytes);
    gauges.resident_bytes *= kKibibyte;
    const std::string maps = TRY(read_proc(*machine, "proc/self/maps"));
    gauges.mappings = static_cast<uint64_t>(std::ranges::count(maps, '\n'));
    std::error_code failure;
    for (std::filesystem::directory_iterator each("/proc/self/fd", failure);
         !failure && each != std::filesystem::end(each); each.increment(failure)) {
        ++gauges.open_files;
    }
    gauges.open_files -= 1;  // less the one that counts
    return gauges;
}

std::map<std::string_view, FolderGauges> folder_gauges(const std::string& data) {
    std::map<std::string_view, FolderGauges> gauges;
    std::error_code failure;
    for (std::filesystem::recursive_directory_iterator each(data, failure);
         !failure && each != std::filesystem::end(each); each.increment(failure)) {
        if (!each->is_regular_file(failure)) continue;
        const std::string top = each->path().lexically_relative(data).begin()->string();
        const auto* const folder = std::ranges::find(kFolders, top);
        FolderGauges& gauge = gauges[folder == kFolders.end() ? kFolders.back() : *folder];
        gauge.files += 1;
        gauge.bytes += each->file_size(failure);
    }
    return gauges;
}

}  // namespace braid::testing
