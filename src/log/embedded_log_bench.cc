// SPDX-License-Identifier: Apache-2.0
// What a log costs: appends in memory (CPU alone) and on disk (with its syncs), reads from the page
// cache.
#include <filesystem>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory_file_system.h"
#include "base/metric.h"
#include "base/posix_file_system.h"
#include "log/embedded_log.h"

namespace braid::log {
namespace {

const LogId kLogId{"0123456789abcdef0123456789abcdef"};
constexpr PartitionId kFirst{0};
constexpr size_t kRecordBytes = 250;

/// A directory that goes away: on a real disk, or in memory to leave the syncs out.
struct Directory {
    explicit Directory(bool is_on_disk) : path(is_on_disk ? "/tmp" : "/dev/shm") {
        path += "/braid-bench-XXXXXX";
        CHECK(mkdtemp(path.data()) != nullptr);
        files = open_posix_file_system(path).value();
    }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    std::string path;
    std::unique_ptr<FileSystem> files;
};

std::unique_ptr<PartitionedLog> open(FileSystem& files, uint32_t partitions = 1,
                                     const std::string& directory = "log",
                                     Metrics* metrics = nullptr, CommitOrder* order = nullptr) {
    static const SystemClock clock;
    EmbeddedLogOptions options;
    options.keep_free_bytes = 0;
    return open_embedded_log(files, clock, directory, kLogId, partitions, options, metrics,
                             {.order = order})
        .value();
}

AppendRequest request_of(const std::string& text, size_t count) {
    AppendRequest request;
    for (size_t index = 0; index < count; ++index) {
        request.records.push_back(std::string_view(text).substr(index, kRecordBytes));
    }
    return request;
}

void append(benchmark::State& state, FileSystem& files) {
    const auto log = open(files);
    const auto count = static_cast<size_t>(state.range(0));
    const std::string text(kRecordBytes + count, 'x');
    const AppendRequest request = request_of(text, count);
    for (auto step : state) {
        const auto outcome = log->append(kFirst, request);
        CHECK(outcome.has_value());
        CHECK(log->trim(kFirst, outcome->end).has_value());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    state.SetBytesProcessed(state.iterations() * state.range(0) * int64_t{kRecordBytes});
}

void append_in_memory(benchmark::State& state) {
    MemoryFileSystem files;
    append(state, files);
}
BENCHMARK(append_in_memory)->Arg(1)->Arg(1000);

void append_to_files(benchmark::State& state) {
    const Directory directory(state.range(1) == 1);
    append(state, *directory.files);
}
BENCHMARK(append_to_files)
    ->ArgNames({"records", "disk"})
    ->ArgsProduct({{1, 1000}, {0, 1}})
    ->UseRealTime();

void append_by_threads(benchmark::State& state) {
    static std::unique_ptr<Directory> directory;
    static std::unique_ptr<PartitionedLog> log;
    if (state.thread_index() == 0) {
        directory = std::make_unique<Directory>(true);
        log = open(*directory->files);
    }
    const std::string text(kRecordBytes + 1, 'x');
    const AppendRequest request = request_of(text, 1);
    for (auto step : state) CHECK(log->append(kFirst, request).has_value());
    state.SetItemsProcessed(state.iterations());
    if (state.thread_index() == 0) {
        log.reset();
        directory.reset();
    }
}
BENCHMARK(append_by_threads)->Threads(1)->Threads(32)->UseRealTime();

/// Streams of one node with the same number of partitions, and a writer for each partition.
struct Streams {
    Streams(size_t streams, uint32_t partitions) {
        for (size_t index = 0; index < streams; ++index) {
            logs.push_back(
                open(*directory.files, partitions, fmt::format("log/{}", index), &metrics, &order));
        }
    }
    PartitionedLog& of(size_t writer) { return *logs[writer % logs.size()]; }
    PartitionId partition_of(size_t writer) {
        return {static_cast<uint32_t>(writer / logs.size())};
    }
    int64_t syncs() {
        return metrics
            .get("braid_log_group_commits_total", Metrics::Kind::kCounter, "",
                 "log=\"" + kLogId.hex + "\"")
            .get();
    }

    Directory directory{true};
    Metrics metrics;
    CommitOrder order;
    std::vector<std::unique_ptr<PartitionedLog>> logs;
};

/// A group commit is a sync of one partition; how many of them one flush of the disk serves is the
/// file system's matter (docs/decisions/0003-syncs-of-partitions.md).
void append_side_by_side(benchmark::State& state) {
    static std::unique_ptr<Streams> streams;
    if (state.thread_index() == 0) {
        const auto count = static_cast<size_t>(state.range(0));
        const auto partitions = static_cast<uint32_t>(state.threads()) / count;
        streams = std::make_unique<Streams>(count, static_cast<uint32_t>(partitions));
    }
    const std::string text(kRecordBytes + 1, 'x');
    const AppendRequest request = request_of(text, 1);
    const auto writer = static_cast<size_t>(state.thread_index());
    for (auto step : state) {
        PartitionedLog& log = streams->of(writer);
        CHECK(log.append(streams->partition_of(writer), request).has_value());
    }
    state.SetItemsProcessed(state.iterations());
    if (state.thread_index() == 0) {
        state.counters["syncs"] = static_cast<double>(streams->syncs());
        streams.reset();
    }
}
BENCHMARK(append_side_by_side)
    ->ArgName("streams")
    ->Arg(1)
    ->Threads(1)
    ->Threads(16)
    ->Threads(256)
    ->UseRealTime();
BENCHMARK(append_side_by_side)->ArgName("streams")->Arg(64)->Threads(64)->UseRealTime();

void read_files(benchmark::State& state) {
    const Directory directory(true);
    const auto log = open(*directory.files);
    const auto batch_size = static_cast<size_t>(state.range(0));
    const std::string text(kRecordBytes + batch_size, 'x');
    const AppendRequest request = request_of(text, batch_size);
    constexpr int64_t kRecords = 1'000'000;
    while (log->durable_end().at[0].value < kRecords)
        CHECK(log->append(kFirst, request).has_value());
    Offset from{0};
    int64_t records = 0;
    for (auto step : state) {
        const auto batch = log->read({kFirst, from, {kRecords}}, 4096);
        CHECK(batch.has_value());
        records += std::ssize(batch->records);
        from = batch->records.empty() ? Offset{0} : batch->next;
    }
    state.SetItemsProcessed(records);
    state.SetBytesProcessed(records * int64_t{kRecordBytes});
}
BENCHMARK(read_files)->Arg(100)->Arg(1000)->Arg(4096);

void checksum(benchmark::State& state) {
    const std::string bytes(1 << 20, 'x');
    for (auto step : state) benchmark::DoNotOptimize(crc32c(bytes));
    state.SetBytesProcessed(state.iterations() * std::ssize(bytes));
}
BENCHMARK(checksum);

}  // namespace
}  // namespace braid::log
