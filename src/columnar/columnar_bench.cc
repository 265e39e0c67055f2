// SPDX-License-Identifier: Apache-2.0
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "columnar/text_io.h"

/// The hot loops of the floor. Each reports nanoseconds a value (items_per_second is values).

namespace braid {
namespace {

constexpr size_t kRows = 4096;  // a slice

void parse_values(benchmark::State& state, const Type& type,
                  const std::vector<std::string>& texts) {
    for (auto _ : state) {
        ColumnBuilder builder(type, texts.size());
        for (const std::string& text : texts) {
            if (!parse_text_into(builder, text, utc_format())) state.SkipWithError("not read");
        }
        benchmark::DoNotOptimize(builder.finish());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(texts.size()));
}

void format_values(benchmark::State& state, const Column& column) {
    std::string out;
    for (auto _ : state) {
        out.clear();
        for (size_t row = 0; row < column.length(); row++)
            format_text(column, row, utc_format(), out);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(column.length()));
}

std::vector<std::string> random_texts(const Type& type) {
    Random random(1);
    std::vector<std::string> texts;
    for (size_t i = 0; i < kRows; i++) {
        switch (type.kind) {
            case TypeKind::kInt4:
                texts.push_back(std::to_string(random.below(100'000)));
                break;
            case TypeKind::kInt8:
                texts.push_back(std::to_string(random.below(10'000'000'000)));
                break;
            case TypeKind::kFloat8:
            case TypeKind::kNumeric:
                texts.push_back(fmt::format("{}.{:02}", random.below(100'000), random.below(100)));
                break;
            case TypeKind::kTimestamp:
            case TypeKind::kTimestampTz:
                texts.push_back(fmt::format("2015-{:02}-{:02}T{:02}:{:02}:{:02}.123Z",
                                            1 + random.below(12), 1 + random.below(28),
                                            random.below(24), random.below(60), random.below(60)));
                break;
            default:
                texts.push_back(fmt::format("/presentations/logstash/{}.html", random.below(500)));
        }
    }
    return texts;
}

Column random_column(const Type& type) {
    ColumnBuilder builder(type, kRows);
    for (const std::string& text : random_texts(type)) {
        if (!parse_text_into(builder, text, utc_format())) builder.append_null();
    }
    return builder.finish();
}

Type type_of(const benchmark::State& state) {
    return Type::of(static_cast<TypeKind>(state.range(0)));
}

void BM_ParseText(benchmark::State& state) {
    parse_values(state, type_of(state), random_texts(type_of(state)));
    state.SetLabel(type_of(state).name());
}
void BM_FormatText(benchmark::State& state) {
    format_values(state, random_column(type_of(state)));
    state.SetLabel(type_of(state).name());
}
void BM_EncodeKeys(benchmark::State& state) {
    const Column column = random_column(type_of(state));
    std::vector<uint32_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0U);
    EncodedKeys keys;
    for (auto _ : state) {
        encode_keys({&column, 1}, rows, keys);
        benchmark::DoNotOptimize(keys.bytes.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
    state.SetLabel(type_of(state).name());
}
void BM_Gather(benchmark::State& state) {
    const Column column = random_column(type_of(state));
    Random random(2);
    std::vector<uint32_t> rows;
    for (size_t i = 0; i < kRows; i++) rows.push_back(static_cast<uint32_t>(random.below(kRows)));
    for (auto _ : state) benchmark::DoNotOptimize(column.gather(rows));
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
    state.SetLabel(type_of(state).name());
}

void hot_types(benchmark::internal::Benchmark* bench) {
    for (const TypeKind kind :
         {TypeKind::kInt4, TypeKind::kInt8, TypeKind::kFloat8, TypeKind::kNumeric, TypeKind::kText,
          TypeKind::kTimestamp, TypeKind::kTimestampTz}) {
        bench->Arg(static_cast<int64_t>(kind));
    }
}
BENCHMARK(BM_ParseText)->Apply(hot_types);
BENCHMARK(BM_FormatText)->Apply(hot_types);
BENCHMARK(BM_EncodeKeys)->Apply(hot_types);
BENCHMARK(BM_Gather)->Apply(hot_types);

void BM_EncodeKeysOfDictionary(benchmark::State& state) {
    ColumnBuilder entries(Type::of(TypeKind::kText));
    for (int i = 0; i < 500; i++)
        entries.append_text(fmt::format("/presentations/logstash/{}.html", i));
    Random random(3);
    std::vector<int32_t> codes;
    for (size_t i = 0; i < kRows; i++) codes.push_back(static_cast<int32_t>(random.below(500)));
    const Column column = Column::dictionary(entries.finish(), codes);
    std::vector<uint32_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0U);
    EncodedKeys keys;
    for (auto _ : state) {
        encode_keys({&column, 1}, rows, keys);
        benchmark::DoNotOptimize(keys.bytes.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_EncodeKeysOfDictionary);

void BM_ValidateUtf8(benchmark::State& state) {
    const std::string ascii(static_cast<size_t>(state.range(0)), 'a');
    for (auto _ : state) benchmark::DoNotOptimize(is_valid_utf8(ascii));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ValidateUtf8)->Arg(30)->Arg(4096);

void BM_FormatTimestampTzInZone(benchmark::State& state) {
    const Column column = random_column(Type::of(TypeKind::kTimestampTz));
    const Result<std::shared_ptr<const TimeZone>> zone = find_time_zone("Europe/Berlin");
    std::string out;
    for (auto _ : state) {
        out.clear();
        for (size_t row = 0; row < kRows; row++) format_text(column, row, TextFormat{*zone}, out);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_FormatTimestampTzInZone);

}  // namespace
}  // namespace braid
