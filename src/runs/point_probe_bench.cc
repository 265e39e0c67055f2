// SPDX-License-Identifier: Apache-2.0
// What runs cost a point read: 400,000 random keys, half of a million, spread over 1, 40 or 1,000
// runs, so that each key lies in some of them.
#include <algorithm>
#include <map>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "runs/point_probes.h"
#include "runs/run_file.h"

namespace braid::runs {
namespace {

constexpr uint64_t kKeys = 1'000'000;
constexpr uint64_t kRows = 400'000;

std::string key_of(uint64_t number) { return fmt::format("subscriber {:08}", number); }

/// So many runs in memory, opened.
struct Spread {
    MemoryFileSystem files;
    RunCache cache{files};
    RunReaders runs;
    std::unique_ptr<PointProbes> probes;

    explicit Spread(uint64_t count) {
        Random random(count);
        for (uint64_t id = 1; id <= count; ++id) {
            std::map<std::string, std::string> rows;
            while (rows.size() < kRows / count) {
                rows.emplace(key_of(random.below(kKeys)), std::string(24, 's'));
            }
            RunFile file(files, fmt::format("runs/1/{}.run", id));
            const auto writer = RunWriter::create(file);
            for (const auto& [key, state] : rows) {
                CHECK(writer->add(0, {.key = key, .subkey = {}, .state = state}).has_value());
            }
            manifest::Run run = writer->finish().value();
            CHECK(file.put().has_value());
            run.id = {id};
            runs.push_back(cache.get(run).value());
        }
        probes = std::make_unique<PointProbes>(runs);
    }
};

const Spread& spread(uint64_t count) {
    static std::map<uint64_t, std::unique_ptr<Spread>> made;
    auto& place = made[count];
    if (!place) place = std::make_unique<Spread>(count);
    return *place;
}

void find_in_runs(benchmark::State& bench) {
    const Spread& of = spread(static_cast<uint64_t>(bench.range(0)));
    std::vector<std::string> keys;
    Random random(7);
    for (int index = 0; index < 50'000; ++index) keys.push_back(key_of(random.below(kKeys)));
    size_t next = 0;
    uint64_t touched = 0;
    uint64_t found = 0;
    std::string state;
    for (auto _ : bench) {
        const std::string& key = keys[next++ % keys.size()];
        CHECK(of.probes
                  ->visit(hash64(key),
                          [&](uint32_t run) -> Result<void> {
                              ++touched;
                              found += TRY(of.runs[run]->find(key, state)) ? 1 : 0;
                              return {};
                          })
                  .has_value());
    }
    const auto reads = static_cast<double>(bench.iterations());
    bench.counters["touched"] = static_cast<double>(touched) / reads;
    bench.counters["found"] = static_cast<double>(found) / reads;
}
BENCHMARK(find_in_runs)->ArgName("runs")->Arg(1)->Arg(40)->Arg(1'000);

}  // namespace
}  // namespace braid::runs
