// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "columnar/key_codec.h"
#include "columnar/text_io.h"
#include "operators/fold/view_folder.h"
#include "read/merge/row_source.h"
#include "runs/run_file.h"
#include "runs/snapshot.h"
#include "runs/test_support.h"

namespace braid::read::test {

inline const Type kInt8 = Type::of(TypeKind::kInt8);

/// SELECT k / 100 AS a, k % 100 AS b, count(*) AS c, sum(n) AS s, count(DISTINCT n) AS d … GROUP
/// BY a, b, as if (a, b, n) were the stream's columns.
inline operators::BoundView pieces_view() {
    const auto aggregate = [](plan::AggregateKind kind, Type result) {
        plan::Aggregate made;
        made.kind = kind;
        if (kind != plan::AggregateKind::kCountRows) made.arguments = {plan::column_ref(2, kInt8)};
        made.result_type = result;
        return made;
    };
    auto plan = std::make_shared<plan::ViewPlan>();
    plan->keys = {plan::column_ref(0, kInt8), plan::column_ref(1, kInt8)};
    plan->key_schema = {{{"a", kInt8}, {"b", kInt8}}};
    plan->aggregates = {aggregate(plan::AggregateKind::kCountRows, kInt8),
                        aggregate(plan::AggregateKind::kSum, Type::of(TypeKind::kNumeric)),
                        aggregate(plan::AggregateKind::kCountDistinct, kInt8)};
    plan->outputs = {{"a", plan::column_ref(0, kInt8)},
                     {"b", plan::column_ref(1, kInt8)},
                     {"c", plan::column_ref(2, kInt8)},
                     {"s", plan::column_ref(3, Type::of(TypeKind::kNumeric))},
                     {"d", plan::column_ref(4, kInt8)}};
    return {plan, {.format = utc_format()}};
}

/// A key of the view.
inline std::string pieces_key(int64_t key) {
    std::string bytes;
    encode_key(Datum::int8(key / 100), bytes);
    encode_key(Datum::int8(key % 100), bytes);
    return bytes;
}

/// Events: (k, n).
using Events = std::vector<std::pair<int64_t, int64_t>>;

inline Events random_events(Random& random, size_t count, uint64_t keys) {
    Events events;
    for (size_t event = 0; event < count; ++event) {
        events.emplace_back(random.below(keys), random.below(20));
    }
    return events;
}

inline operators::GroupTable folded(const Events& events) {
    std::vector<int64_t> first;
    std::vector<int64_t> second;
    std::vector<int64_t> numbers;
    for (const auto& [key, number] : events) {
        first.push_back(key / 100);
        second.push_back(key % 100);
        numbers.push_back(number);
    }
    std::vector<uint32_t> rows(events.size());
    std::iota(rows.begin(), rows.end(), 0U);
    const std::vector<Column> keys = {Column::flat<int64_t>(kInt8, std::move(first)),
                                      Column::flat<int64_t>(kInt8, std::move(second))};
    EncodedKeys encoded;
    encode_keys(keys, rows, encoded);
    const Column number = Column::flat<int64_t>(kInt8, std::move(numbers));
    const std::vector<operators::AggregateInput> inputs = {{}, {{number}, {}}, {{number}, {}}};
    operators::GroupTable table(pieces_view().plan->aggregates);
    table.fold(encoded, inputs);
    return table;
}

/// Runs and ticks of the view, one after the other. Parts are small unless told otherwise: a run of
/// some hundred rows has many blocks.
class PiecesTiling {
  public:
    static constexpr VersionId kVersion{7};

    explicit PiecesTiling(uint64_t part_bytes_max = 1'500) : part_bytes_max_(part_bytes_max) {
        base_->version = kVersion;
    }

    void add_run(const Events& events) {
        const auto number = base_->runs.size() + 1;
        auto run = runs::write_table(files_, fmt::format("runs/1/{}.run", number), folded(events),
                                     {}, {.part_bytes_max = part_bytes_max_});
        CHECK_EQ(run.has_value() ? "" : run.error().to_string(), "");
        run->id = RunId{number};
        auto reader = runs::RunReader::open(files_, *std::move(run));
        CHECK_EQ(reader.has_value() ? "" : reader.error().to_string(), "");
        base_->runs.push_back(*std::move(reader));
    }
    void add_tick(const Events& events, size_t shards = 4) {
        std::vector<Events> parts(shards);
        for (const auto& event : events) {
            parts[operators::GroupTable::shard_of(pieces_key(event.first), shards)].push_back(
                event);
        }
        auto tick = std::make_shared<runs::Tick>();
        for (const Events& part : parts) {
            tick->tables[kVersion].push_back(std::make_shared<operators::GroupTable>(folded(part)));
        }
        ticks_.push_back(std::move(tick));
    }
    MemoryFileSystem& files() { return files_; }

    runs::Tiling tiling() const { return {base_, ticks_, {}}; }

  private:
    const uint64_t part_bytes_max_;
    MemoryFileSystem files_;
    std::shared_ptr<runs::RunTiling> base_ = std::make_shared<runs::RunTiling>();
    std::vector<runs::TickPtr> ticks_;
};

inline void add_lines(const Batch& batch, std::vector<std::string>& lines) {
    for (uint32_t row = 0; row < batch.length; ++row) {
        std::string line;
        for (const Column& column : batch.columns) {
            if (!line.empty()) line += '|';
            format_text(column, row, utc_format(), line);
        }
        lines.push_back(std::move(line));
    }
}

/// All rows as lines, in the order in which they come.
inline Result<std::vector<std::string>> lines_of(RowSource& rows) {
    std::vector<std::string> lines;
    Batch batch;
    while (TRY(rows.next(batch))) add_lines(batch, lines);
    return lines;
}

inline std::vector<std::string> sorted(std::vector<std::string> lines) {
    std::ranges::sort(lines);
    return lines;
}

}  // namespace braid::read::test
