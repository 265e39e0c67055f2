// SPDX-License-Identifier: Apache-2.0
// What a commit costs when the manifest is large: 10,000 segments, 10 views with 1,000 runs each.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/memory_file_system.h"
#include "base/posix_file_system.h"
#include "manifest/manifest.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {
namespace {

constexpr int64_t kSegments = 10'000;
constexpr int64_t kSeals = 1'000;
constexpr uint64_t kViews = 10;
constexpr TableId kTable = {1};

Box one_partition(int64_t from, int64_t to) { return {{{{0}, {from}, {to}}}}; }

Archive archive_of(int64_t from, int64_t count) {
    Archive archive{.table = kTable};
    for (int64_t each = from; each < from + count; ++each) {
        archive.segments.push_back(
            {.file =
                 fmt::format("dataset/1/ingest_day=2026-11-22/0123456789abcdef-0-{}.parquet", each),
             .box = one_partition(each, each + 1),
             .rows = 1,
             .ingest_day = "2026-11-22"});
    }
    return archive;
}

/// The next ten offsets, for all views, one part each.
Seal next_seal(const State& state) {
    const int64_t from = state.table(kTable)->sealed_frontier.at[0].value;
    Seal seal{.table = kTable, .box = one_partition(from, from + 10)};
    for (uint64_t view = 0; view < kViews; ++view) {
        const uint64_t version = 3 + 2 * view;
        const uint64_t id = state.next_run + view;
        seal.runs.push_back(
            {.id = {id},
             .version = {version},
             .box = seal.box,
             .rows = 5,
             .parts = {{.file = fmt::format("views/{}/{}/{}/0-0.arrow", version - 1, version, id),
                        .rows = 5,
                        .bytes = 5'000,
                        .first_key = std::string(40, 'a'),
                        .last_key = std::string(40, 'z')}}});
    }
    return seal;
}

State large() {
    std::vector<Change> changes = {
        CreateTable{{.id = kTable, .log = {"00"}, .name = "t", .connector = "http"}}};
    for (uint64_t view = 0; view < kViews; ++view) {
        const uint64_t id = 2 + 2 * view;
        changes.push_back(CreateView{{.id = {id},
                                      .name = fmt::format("view {}", id),
                                      .table = kTable,
                                      .versions = {{.id = {id + 1}}},
                                      .current = {id + 1}}});
    }
    changes.push_back(archive_of(0, kSegments));
    State state = apply({}, changes, 1).value();
    for (int64_t seal = 0; seal < kSeals; ++seal) {
        state = apply(state, {next_seal(state)}, 1).value();
    }
    return state;
}

const State& state() {
    static const State kState = large();
    return kState;
}

void apply_seal(benchmark::State& bench) {
    const std::vector<Change> changes = {next_seal(state())};
    for (auto _ : bench) {
        auto next = apply(state(), changes, 1);
        CHECK(next.has_value());
        benchmark::DoNotOptimize(next);
    }
}
BENCHMARK(apply_seal)->Unit(benchmark::kMicrosecond);

void apply_archive(benchmark::State& bench) {
    const std::vector<Change> changes = {archive_of(kSegments, 1)};
    for (auto _ : bench) {
        auto next = apply(state(), changes, 1);
        CHECK(next.has_value());
        benchmark::DoNotOptimize(next);
    }
}
BENCHMARK(apply_archive)->Unit(benchmark::kMicrosecond);

void write_whole(benchmark::State& bench) {
    for (auto _ : bench) {
        auto text = write_version({1}, "w", 1, {}, &state());
        bench.SetBytesProcessed(bench.iterations() * static_cast<int64_t>(text->size()));
    }
}
BENCHMARK(write_whole)->Unit(benchmark::kMillisecond);

void read_whole(benchmark::State& bench) {
    const std::string text = *write_version({1}, "w", 1, {}, &state());
    for (auto _ : bench) {
        auto file = read_version(text, "f");
        CHECK(file.has_value());
        benchmark::DoNotOptimize(file);
    }
    bench.SetBytesProcessed(bench.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(read_whole)->Unit(benchmark::kMillisecond);

/// Everything but the disk: a seal of ten views on top of it, whole versions included.
void commit_seal(benchmark::State& bench) {
    MemoryFileSystem files;
    const SteppedClock clock;
    CHECK(files.create_directories("m/_tmp").has_value());
    State first = state();
    first.number = {1};
    const std::string text = *write_version(first.number, "w", 1, {}, &first);
    CHECK(put_new(files, "m/00000001", as_bytes(text)).has_value());
    const auto manifest = Manifest::open(files, clock, "m").value();
    for (auto _ : bench) {
        bench.PauseTiming();
        Seal seal = next_seal(*manifest->head());
        bench.ResumeTiming();
        CHECK(manifest->commit({std::move(seal)}).has_value());
    }
}
BENCHMARK(commit_seal)->Unit(benchmark::kMicrosecond)->Iterations(512);

/// One event archived, on the real file system (in build/): two syncs.
void commit_on_disk(benchmark::State& bench) {
    const auto files = open_posix_file_system("build").value();
    const SystemClock clock;
    const std::string directory = fmt::format("manifest_bench/{}", clock.wall_us());
    const auto manifest = Manifest::open(*files, clock, directory).value();
    CHECK(
        manifest
            ->commit({CreateTable{{.id = kTable, .log = {"00"}, .name = "t", .connector = "http"}}})
            .has_value());
    int64_t from = 0;
    for (auto _ : bench) CHECK(manifest->commit({archive_of(from++, 1)}).has_value());
}
BENCHMARK(commit_on_disk)->Unit(benchmark::kMicrosecond)->Iterations(200);

}  // namespace
}  // namespace braid::manifest
