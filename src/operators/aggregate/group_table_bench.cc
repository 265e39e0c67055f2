// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "operators/aggregate/group_table.h"

namespace braid::operators {
namespace {

using plan::Aggregate;
using plan::AggregateKind;

constexpr size_t kSliceRows = 4096;
constexpr size_t kSlices = 512;

Aggregate aggregate(AggregateKind kind, TypeKind argument, TypeKind result) {
    Aggregate out;
    out.kind = kind;
    if (kind != AggregateKind::kCountRows) {
        out.arguments = {plan::column_ref(0, Type::of(argument))};
    }
    out.result_type = Type::of(result);
    return out;
}

std::vector<Aggregate> count_and(Aggregate second) {
    return {aggregate(AggregateKind::kCountRows, TypeKind::kInt8, TypeKind::kInt8),
            std::move(second)};
}

std::vector<Aggregate> count_and_sum() {
    return count_and(aggregate(AggregateKind::kSum, TypeKind::kInt8, TypeKind::kNumeric));
}

EncodedKeys encode_ints(std::vector<int64_t> values) {
    std::vector<uint32_t> rows(values.size());
    std::iota(rows.begin(), rows.end(), 0U);
    const Column column = Column::flat<int64_t>(Type::of(TypeKind::kInt8), std::move(values));
    EncodedKeys keys;
    encode_keys({&column, 1}, rows, keys);
    return keys;
}

std::vector<EncodedKeys> random_keys(uint64_t distinct) {
    Random random(1);
    std::vector<EncodedKeys> slices;
    for (size_t s = 0; s < kSlices; ++s) {
        std::vector<int64_t> values(kSliceRows);
        for (int64_t& value : values) value = static_cast<int64_t>(random.below(distinct));
        slices.push_back(encode_ints(std::move(values)));
    }
    return slices;
}

/// Every one of 0 … distinct - 1 once, in no order, so that the tables below have exactly that
/// size.
void fill(GroupTable& table, uint64_t distinct, const Column& argument) {
    std::vector<int64_t> order(distinct);
    std::iota(order.begin(), order.end(), int64_t{0});
    Random random(2);
    for (size_t i = distinct; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (size_t from = 0; from < distinct; from += kSliceRows) {
        const size_t rows = std::min(kSliceRows, distinct - from);
        const auto begin = order.begin() + static_cast<ptrdiff_t>(from);
        const std::vector<AggregateInput> inputs = {{}, {{argument.slice(0, rows)}, Column()}};
        table.fold(encode_ints({begin, begin + static_cast<ptrdiff_t>(rows)}), inputs);
    }
}

Column ints() {
    std::vector<int64_t> values(kSliceRows);
    std::iota(values.begin(), values.end(), int64_t{0});
    return Column::flat<int64_t>(Type::of(TypeKind::kInt8), std::move(values));
}

void fold_slices(benchmark::State& state, GroupTable& table, const Column& argument) {
    const std::vector<EncodedKeys> slices = random_keys(static_cast<uint64_t>(state.range(0)));
    const std::vector<AggregateInput> inputs = {{}, {{argument}, Column()}};
    size_t at = 0;
    for (auto _ : state) table.fold(slices[at++ % kSlices], inputs);
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSliceRows));
}

void BM_FoldCountSum(benchmark::State& state) {
    GroupTable table(count_and_sum());
    fill(table, static_cast<uint64_t>(state.range(0)), ints());
    fold_slices(state, table, ints());
    state.counters["bytes_per_key"] =
        static_cast<double>(table.bytes_used()) / static_cast<double>(table.size());
}
BENCHMARK(BM_FoldCountSum)->Arg(100)->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);

void BM_BuildCountSum(benchmark::State& state) {
    const Column argument = ints();
    for (auto _ : state) {
        GroupTable table(count_and_sum());
        fill(table, static_cast<uint64_t>(state.range(0)), argument);
        benchmark::DoNotOptimize(table.size());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_BuildCountSum)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void BM_FoldFloatSum(benchmark::State& state) {
    GroupTable table(
        count_and(aggregate(AggregateKind::kSum, TypeKind::kFloat8, TypeKind::kFloat8)));
    std::vector<double> values(kSliceRows);
    for (size_t i = 0; i < kSliceRows; ++i)
        values[i] = static_cast<double>(i * 7919 % 10'007) / 97 - 30;
    fold_slices(state, table, Column::flat<double>(Type::of(TypeKind::kFloat8), std::move(values)));
}
BENCHMARK(BM_FoldFloatSum)->Arg(100)->Arg(10'000);

void BM_FoldNumericSum(benchmark::State& state) {
    GroupTable table(
        count_and(aggregate(AggregateKind::kSum, TypeKind::kNumeric, TypeKind::kNumeric)));
    std::vector<Numeric> values(kSliceRows);
    for (size_t i = 0; i < kSliceRows; ++i)
        values[i] = {static_cast<int>(i), 2, Numeric::Kind::kFinite};
    fold_slices(state, table,
                Column::flat<Numeric>(Type::of(TypeKind::kNumeric), std::move(values)));
}
BENCHMARK(BM_FoldNumericSum)->Arg(100)->Arg(10'000);

Column texts(uint64_t distinct) {
    Random random(3);
    ColumnBuilder builder(Type::of(TypeKind::kText));
    for (size_t i = 0; i < kSliceRows; ++i) {
        const uint64_t n = random.below(distinct) * 2'654'435'761 % (1ULL << 32);
        builder.append_text(std::to_string(n >> 24) + "." + std::to_string((n >> 16) & 255) + "." +
                            std::to_string((n >> 8) & 255) + "." + std::to_string(n & 255));
    }
    return builder.finish();
}

void BM_FoldMaxText(benchmark::State& state) {
    GroupTable table(count_and(aggregate(AggregateKind::kMax, TypeKind::kText, TypeKind::kText)));
    fold_slices(state, table, texts(1000));
}
BENCHMARK(BM_FoldMaxText)->Arg(100)->Arg(10'000);

/// Groups × about a thousand addresses.
void BM_FoldCountDistinctText(benchmark::State& state) {
    GroupTable table(
        count_and(aggregate(AggregateKind::kCountDistinct, TypeKind::kText, TypeKind::kInt8)));
    fold_slices(state, table, texts(1000));
    size_t elements = 0;
    for (GroupTable::Group group = 0; group < table.size(); ++group)
        elements += table.subkey_count(1, group);
    state.counters["bytes_per_element"] =
        static_cast<double>(table.bytes_used()) / static_cast<double>(elements);
}
BENCHMARK(BM_FoldCountDistinctText)->Arg(1)->Arg(100)->Arg(10'000);

void BM_SortedGroups(benchmark::State& state) {
    GroupTable table(count_and_sum());
    fill(table, static_cast<uint64_t>(state.range(0)), ints());
    for (auto _ : state) benchmark::DoNotOptimize(table.sorted_groups());
}
BENCHMARK(BM_SortedGroups)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// Rows in key order of tables that have no key in common, as a seal writes them.
void BM_VisitRowsOfAll(benchmark::State& state) {
    GroupTable whole(count_and_sum());
    fill(whole, static_cast<uint64_t>(state.range(0)), ints());
    const auto count = static_cast<size_t>(state.range(1));
    std::vector<std::vector<GroupTable::Group>> groups(count);
    for (GroupTable::Group group = 0; group < whole.size(); ++group) {
        groups[GroupTable::shard_of(whole.key_of(group), count)].push_back(group);
    }
    std::vector<GroupTable> shards;
    for (const auto& each : groups) shards.emplace_back(count_and_sum()).merge(whole, each);
    std::vector<const GroupTable*> tables;
    for (const GroupTable& shard : shards) tables.push_back(&shard);
    for (auto _ : state) {
        uint64_t bytes = 0;
        const auto visited = GroupTable::visit_rows_of_all(
            tables, [&](uint32_t, const StateRow& row) -> Result<void> {
                bytes += row.state.size();
                return {};
            });
        benchmark::DoNotOptimize(visited);
        benchmark::DoNotOptimize(bytes);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_VisitRowsOfAll)
    ->Args({1'000'000, 1})
    ->Args({1'000'000, 2})
    ->Args({1'000'000, 8})
    ->Unit(benchmark::kMillisecond);

void BM_Merge(benchmark::State& state) {
    GroupTable source(count_and_sum());
    fill(source, static_cast<uint64_t>(state.range(0)), ints());
    GroupTable target(count_and_sum());
    for (auto _ : state) target.merge(source);
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Merge)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// Rows of a run in key order, as a reader sees them.
void BM_MergeStates(benchmark::State& state) {
    GroupTable source(count_and_sum());
    fill(source, static_cast<uint64_t>(state.range(0)), ints());
    std::string bytes;
    std::vector<size_t> ends;
    for (const GroupTable::Group group : source.sorted_groups()) {
        bytes += source.key_of(group);
        ends.push_back(bytes.size());
        source.encode_state(group, bytes);
        ends.push_back(bytes.size());
    }
    std::vector<std::string_view> keys;
    std::vector<std::string_view> states;
    for (size_t i = 0; i < ends.size(); ++i) {
        const size_t from = i == 0 ? 0 : ends[i - 1];
        (i % 2 == 0 ? keys : states)
            .push_back(std::string_view(bytes).substr(from, ends[i] - from));
    }
    for (auto _ : state) {
        GroupTable target(count_and_sum());
        benchmark::DoNotOptimize(target.merge_states(keys, states));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_MergeStates)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braid::operators
