// SPDX-License-Identifier: Apache-2.0
// A run of 1 M groups, 40 bytes of key and 24 of state, on the real file system (in build/).
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "runs/run_file.h"

namespace braid::runs {
namespace {

constexpr uint64_t kRows = 1'000'000;

std::string key_of(uint64_t row) {
    return fmt::format("module {:06} client {:04} region {:09}", row / 100, row % 100, row);
}

FileSystem& files() {
    static const std::unique_ptr<FileSystem> kFiles = open_posix_file_system("build").value();
    return *kFiles;
}

manifest::Run write_run(const std::string& path) {
    RunFile file(files(), path);
    const auto writer = RunWriter::create(file);
    const std::string state(24, 's');
    for (uint64_t row = 0; row < kRows; ++row)
        CHECK(writer->add(0, {key_of(row), {}, state}).has_value());
    manifest::Run written = writer->finish().value();
    CHECK(file.put().has_value());
    return written;
}

const manifest::Run& run() {
    static const manifest::Run kRun =
        write_run(fmt::format("run_bench/{}", Random::from_system()->next()));
    return kRun;
}

void write(benchmark::State& bench) {
    for (auto _ : bench) {
        const std::string directory = fmt::format("run_bench/{}", Random::from_system()->next());
        const manifest::Run written = write_run(directory);
        bench.PauseTiming();
        bench.SetBytesProcessed(bench.iterations() * static_cast<int64_t>(written.parts[0].bytes));
        for (const manifest::Part& part : written.parts)
            CHECK(files().remove(part.file).has_value());
        CHECK(files().remove_directory(directory).has_value());
        bench.ResumeTiming();
    }
}
BENCHMARK(write)->Unit(benchmark::kMillisecond);

/// As after a restart: the manifest knows the run, nothing of it is in memory yet.
void open_and_find_one(benchmark::State& bench) {
    Random random(1);
    const manifest::Run& opened = run();
    for (auto _ : bench) {
        const auto reader = RunReader::open(files(), opened).value();
        std::string state;
        CHECK(reader->find(key_of(random.below(kRows)), state).value());
    }
}
BENCHMARK(open_and_find_one)->Unit(benchmark::kMicrosecond);

void find_warm(benchmark::State& bench) {
    const auto reader = RunReader::open(files(), run()).value();
    std::vector<std::string> keys;
    Random random(1);
    for (int index = 0; index < 100'000; ++index) keys.push_back(key_of(random.below(kRows)));
    std::string state;
    for (const std::string& key : keys) CHECK(reader->find(key, state).value());
    size_t next = 0;
    for (auto _ : bench) {
        auto found = reader->find(keys[next++ % keys.size()], state);
        benchmark::DoNotOptimize(found);
    }
}
BENCHMARK(find_warm);

void scan(benchmark::State& bench) {
    const bool is_first_time = bench.range(0) == 1;
    auto reader = RunReader::open(files(), run()).value();
    for (auto _ : bench) {
        if (is_first_time) reader = RunReader::open(files(), run()).value();
        const auto cursor = reader->scan(0, {}, {}).value();
        operators::StateRow row;
        uint64_t rows = 0;
        while (cursor->next(row).value()) ++rows;
        CHECK_EQ(rows, kRows);
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(scan)->ArgName("checking")->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braid::runs
