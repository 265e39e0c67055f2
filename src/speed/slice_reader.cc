// SPDX-License-Identifier: Apache-2.0
#include "speed/slice_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace braid::speed {

SliceReader::SliceReader(const SpeedParts& parts, const SpeedOptions& options,
                         const catalog::Table& table, log::PartitionedLog& log)
    : parts_(parts), slice_records_max_(options.slice_records_max), table_(table), log_(log) {}

void SliceReader::start(const Positions& from) {
    end_ = from;
    position_ = from;
    is_closed_ = true;
    ahead_.clear();
    ahead_.resize(from.at.size());
}

void SliceReader::begin_epoch(const Positions& end) {
    CHECK(is_at_end());
    CHECK(end.dominates(end_));
    end_ = end;
}

void SliceReader::skip() { start(Positions(end_)); }

/// It may rest when all that is left has a higher sequence: what an older build wrote, or the
/// dataset gives back, has none and lets it rest anywhere.
Result<log::RecordBatch> SliceReader::next() {
    TRY(read_ahead());
    std::optional<log::RecordBatch>* const lowest = first();
    CHECK(lowest != nullptr);
    log::RecordBatch slice = *std::exchange(*lowest, std::nullopt);
    Offset& place = position_.at[slice.partition.value];
    place = slice.end();
    if (auto read = read_ahead(); !read) {
        place = slice.first;
        *lowest = std::move(slice);
        return std::move(read).error();
    }
    const std::optional<log::RecordBatch>* const following = first();
    is_closed_ =
        following == nullptr || slice.sequence == 0 || (*following)->sequence > slice.sequence;
    return slice;
}

Result<void> SliceReader::read_ahead() {
    for (uint32_t index = 0; index < end_.partition_count(); ++index) {
        if (ahead_[index] || position_.at[index] == end_.at[index]) continue;
        ahead_[index] = TRY(read(PartitionId{index}));
    }
    return {};
}

std::optional<log::RecordBatch>* SliceReader::first() {
    std::optional<log::RecordBatch>* lowest = nullptr;
    for (auto& each : ahead_) {
        if (!each) continue;
        if (lowest == nullptr || each->sequence < (*lowest)->sequence) lowest = &each;
    }
    return lowest;
}

Result<log::RecordBatch> SliceReader::read(PartitionId partition) {
    const Offset from = position_.of(partition);
    const size_t records_max =
        std::min(slice_records_max_, static_cast<size_t>(end_.of(partition).value - from.value));
    auto batch = log_.read(partition, from, records_max);
    if (!batch && batch.error().code() == ErrorCode::kNotFound && parts_.refill) {
        batch = parts_.refill(table_.id, partition, from, records_max);
    }
    if (!batch) {
        return std::move(batch).error().with_context(
            fmt::format("folding stream \"{}\" partition {} from offset {}", table_.name,
                        partition.value, from.value));
    }
    CHECK(batch->first == from);
    CHECK(!batch->records.empty());
    return batch;
}

}  // namespace braid::speed
