// SPDX-License-Identifier: Apache-2.0
#include "batch/event_finder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "operators/decode/declared_decoder.h"
#include "operators/expr/evaluator.h"

namespace braid::batch {

EventFinder::EventFinder(Store& store, const catalog::Table& table, const ErasePredicate& predicate,
                         Positions from, Cut ends)
    : store_(store),
      table_(table),
      predicate_(predicate),
      from_(std::move(from)),
      ends_(std::move(ends)) {}

Result<void> EventFinder::find(const manifest::Segment& segment,
                               const std::function<Result<void>(uint64_t events)>& go_on,
                               const std::function<void(PartitionId, Offset)>& found) const {
    const auto program = TRY(operators::Program::compile({predicate_.expr}, predicate_.context));
    const auto declared = static_cast<int>(table_.columns.fields.size());
    dataset::ScanSpec scan{.wanted = {}, .end = ends_, .from = from_};
    scan.wanted.assign(table_.columns.fields.size() + plan::kSystemColumnCount, false);
    for (const int column : program->columns()) scan.wanted[static_cast<size_t>(column)] = true;
    const bool reaches_bad =
        !program->columns().empty() &&
        std::ranges::all_of(program->columns(), [&](int column) { return column >= declared; });
    const auto rows = TRY(dataset::SegmentScan::open(store_, dataset::SegmentSpec::of(table_),
                                                     operators::decoder_spec_of(table_), segment,
                                                     std::move(scan)));
    operators::DecodedSlice slice;
    std::vector<uint32_t> asked;
    while (TRY(rows->next(slice))) {
        asked = slice.good;
        if (reaches_bad) {
            asked.resize(slice.batch.length);
            std::iota(asked.begin(), asked.end(), 0U);
        }
        const auto values = program->run(slice.batch, asked);
        const operators::Evaluated& value = values.front();
        if (!value.errors.empty()) return value.errors.front().error;
        for (size_t index = 0; index < asked.size(); ++index) {
            const auto row = static_cast<uint32_t>(index);
            if (value.column.is_null(row) || value.column.at<uint8_t>(row) == 0) continue;
            found(slice.partition, slice.offsets[asked[index]]);
        }
        TRY(go_on(slice.batch.length));
    }
    return {};
}

}  // namespace braid::batch
