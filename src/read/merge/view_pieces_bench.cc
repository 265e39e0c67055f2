// SPDX-License-Identifier: Apache-2.0
// What a second thread gains an aggregate over a large view: against `copies`, one-thread reads
// beside one another, which is the best that the machine can do.
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "read/adhoc/duck_engine.h"
#include "read/merge/pieces_test_support.h"
#include "read/merge/view_aggregate.h"
#include "read/merge/view_scan.h"

namespace braid::read::test {
namespace {

using plan::Node;

constexpr int64_t kKeys = 2'000'000;

/// One large run, a small one and a tick.
const PiecesTiling& large() {
    static const auto made = [] {
        auto tiling = std::make_unique<PiecesTiling>(32ULL << 20);
        Events all;
        Events some;
        for (int64_t key = 0; key < kKeys; ++key) {
            all.emplace_back(key, key % 7);
            if (key % 20 == 0) some.emplace_back(key, key % 11);
        }
        tiling->add_run(all);
        tiling->add_run(some);
        tiling->add_tick(some);
        return tiling;
    }();
    return *made;
}

/// `name`(a or the count) … FROM the view GROUP BY a, or all of it.
Node aggregate(std::vector<plan::AggregateCall> calls, bool is_grouped) {
    auto scan = std::make_shared<Node>();
    scan->kind = Node::Kind::kScan;
    scan->scan_columns = {0, 2};
    scan->output.fields = {{"a", kInt8}, {"c", kInt8}};
    Node node;
    node.kind = Node::Kind::kAggregate;
    if (is_grouped) {
        node.exprs = {plan::column_ref(0, kInt8)};
        node.output.fields.push_back({"a", kInt8});
    }
    for (const auto& call : calls) node.output.fields.push_back({call.name, call.result});
    node.aggregates = std::move(calls);
    node.inputs = {std::move(scan)};
    return node;
}

plan::AggregateCall call(const char* name) {
    return {.name = name, .arguments = {plan::column_ref(1, kInt8)}, .result = kInt8};
}

void drain(RowSource& rows) {
    Batch batch;
    while (true) {
        auto more = rows.next(batch);
        CHECK_EQ(more.has_value() ? "" : more.error().to_string(), "");
        if (!*more) return;
        benchmark::DoNotOptimize(batch.length);
    }
}

/// max(c), or that by a: in DuckDB, with as many threads as the argument says.
void in_duck(benchmark::State& bench, bool is_grouped) {
    const auto threads = static_cast<size_t>(bench.range(0));
    const Node root = aggregate({call("max"), call("count")}, is_grouped);
    const auto engine = DuckEngine::open({.threads = static_cast<int>(threads)}).value();
    const runs::Tiling tiling = large().tiling();
    for (auto _ : bench) {
        DuckStatement asked;
        asked.root = &root;
        asked.is_kernel_leaf = [](const Node& node) { return node.kind == Node::Kind::kScan; };
        asked.open_leaf = [&](const Node& leaf) {
            return open_view_pieces(pieces_view(), tiling, {}, {leaf.scan_columns, nullptr, {}},
                                    {.threads = threads});
        };
        drain(**engine->run(std::move(asked)));
    }
}
void max_of_all(benchmark::State& bench) { in_duck(bench, false); }
void max_by_key(benchmark::State& bench) { in_duck(bench, true); }

void combine_by_key(benchmark::State& bench) {
    const Node root = aggregate({call("combine")}, true);
    PieceThreads threads({.threads = static_cast<size_t>(bench.range(0))});
    const operators::BoundView view = pieces_view();
    const StatementLimits limits;
    for (auto _ : bench) {
        drain(**open_view_aggregate(root, {view, large().tiling(), view.context, limits}, threads));
    }
}

/// What a narrow read pays for not being cut.
void cut_a_narrow_range(benchmark::State& bench) {
    const KeyRange range = {{pieces_key(kKeys / 2), pieces_key(kKeys / 2 + 100)}};
    const runs::Tiling tiling = large().tiling();
    for (auto _ : bench) {
        benchmark::DoNotOptimize(cut_view(tiling, range, 1, {.threads = 2}));
    }
}

#define BRAID_BY_THREADS(name)                                                                   \
    BENCHMARK(name)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime(); \
    BENCHMARK(name)->Name(#name "/copies")->Arg(1)->Threads(2)->UseRealTime()
BRAID_BY_THREADS(max_of_all);
BRAID_BY_THREADS(max_by_key);
BRAID_BY_THREADS(combine_by_key);
BENCHMARK(cut_a_narrow_range);

}  // namespace
}  // namespace braid::read::test
