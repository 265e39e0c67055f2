// SPDX-License-Identifier: Apache-2.0
// A recomputation of 3 M events on the real file system (in build/), from segments to a run: few
// keys, nearly as many as events, and one hot key among many; within the memory, and with spills.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "batch/fold_splits.h"
#include "operators/decode/declared_decoder.h"

namespace braid::batch {
namespace {

constexpr int64_t kRows = 3'000'000;
constexpr int64_t kSegmentRows = 1'000'000;
constexpr int64_t kSliceRows = 4096;

enum Keys : int64_t { kFew, kMany, kHot };

FileSystem& files() {
    static const std::unique_ptr<FileSystem> kFiles = open_posix_file_system("build").value();
    return *kFiles;
}

Schema columns() { return {{{"k", Type::of(TypeKind::kText)}, {"n", Type::of(TypeKind::kInt8)}}}; }

/// SELECT k, count(*), sum(n) FROM … GROUP BY k.
operators::BoundView view() {
    using plan::AggregateKind;
    const Type int8 = Type::of(TypeKind::kInt8);
    auto plan = std::make_shared<plan::ViewPlan>();
    plan->input = columns();
    for (const Field& each : plan::system_columns().fields) plan->input.fields.push_back(each);
    plan->keys = {plan::column_ref(0, Type::of(TypeKind::kText))};
    plan->key_schema = {{{"k", Type::of(TypeKind::kText)}}};
    plan->aggregates = {{AggregateKind::kCountRows, {}, nullptr, int8, -1},
                        {AggregateKind::kSum,
                         {plan::column_ref(1, int8)},
                         nullptr,
                         Type::of(TypeKind::kNumeric),
                         -1}};
    return {plan, {}};
}

struct Dataset {
    catalog::Table table;
    manifest::TableState state;
};

std::string record_of(Keys keys, Random& random) {
    const bool is_hot = keys == kHot && random.below(2) == 0;
    const uint64_t key = is_hot ? 0 : random.below(keys == kFew ? 1'000 : 100'000'000);
    return fmt::format(R"({{"k":"client {}","n":{}}})", key, random.below(4));
}

Dataset make(Keys keys) {
    Dataset made;
    made.table.columns = columns();
    made.table.format = "json";
    made.table.dataset_folder = fmt::format("batch_bench/{}", Random::from_system()->next());
    made.table.log = {"0123456789abcdef0123456789abcdef"};
    made.state.origin = Positions::zero(1);
    Random random(1);
    const auto spec = dataset::SegmentSpec::of(made.table);
    const auto decoder = operators::make_decoder_of(made.table).value();
    const std::vector<bool> wanted(made.table.columns.fields.size() + plan::kSystemColumnCount,
                                   true);
    operators::DecodedSlice decoded;
    for (int64_t from = 0; from < kRows; from += kSegmentRows) {
        const std::string path =
            dataset::segment_path(spec.folder, "2026-11-22", spec.log, Positions{{{from}}});
        const auto writer =
            dataset::SegmentWriter::create(files(), spec, path, {0}, {from}).value();
        for (int64_t at = from; at < from + kSegmentRows;) {
            const int64_t next = std::min(at + kSliceRows, from + kSegmentRows);
            std::vector<std::string> records;
            for (int64_t row = at; row < next; ++row) records.push_back(record_of(keys, random));
            const std::vector<std::string_view> raw(records.begin(), records.end());
            operators::RecordSlice slice;
            slice.offsets = Offsets(Offset{at});
            slice.records = raw;
            decoder->decode(slice, wanted, decoded);
            CHECK(writer->add(decoded, raw, 0, {next}).has_value());
            at = next;
        }
        made.state.segments.push_back(writer->move_in().value());
    }
    made.state.archive_end.at = {{kRows}};
    return made;
}

const Dataset& dataset_of(Keys keys) {
    static const Dataset kAll[] = {make(kFew), make(kMany), make(kHot)};
    return kAll[keys];
}

void recompute(benchmark::State& bench) {
    const Dataset& data = dataset_of(static_cast<Keys>(bench.range(0)));
    const auto threads = static_cast<size_t>(bench.range(1));
    const FoldLimits limits{{.threads = threads}, static_cast<uint64_t>(bench.range(2)) << 20};
    const auto splits =
        dataset::splits_between(data.state, data.state.origin, data.state.archive_end, 8 * threads)
            .value();
    for (auto _ : bench) {
        const std::string path = data.table.dataset_folder + "/run";
        runs::RunFile file(files(), path);
        const FoldJob job{.store = files(),
                          .local = files(),
                          .table = data.table,
                          .views = {view()},
                          .from = data.state.origin,
                          .end = data.state.archive_end,
                          .spill_directory = data.table.dataset_folder + "/spill"};
        CHECK(fold_splits(job, splits, limits, {}, file).has_value());
        CHECK(file.put().has_value());
        bench.PauseTiming();
        CHECK(files().remove(path).has_value());
        bench.ResumeTiming();
    }
    bench.SetItemsProcessed(bench.iterations() * kRows);
}
BENCHMARK(recompute)
    ->ArgNames({"keys", "threads", "mib"})
    ->ArgsProduct({{kFew, kMany, kHot}, {1, 2}, {4096}})
    ->ArgsProduct({{kMany}, {1, 2}, {128}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braid::batch
