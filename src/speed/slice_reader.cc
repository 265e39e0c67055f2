// SPDX-License-Identifier: Apache-2.0
#include "speed/slice_reader.h"

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
    last_sequence_ = 0;
    ahead_.clear();
    ahead_.resize(from.at.size());
}

void SliceReader::begin_epoch(const Positions& end) {
    CHECK(is_at_end());
    CHECK(end.dominates(end_));
    end_ = end;
}

uint64_t SliceReader::left() const {
    uint64_t left = 0;
    for (size_t index = 0; index < end_.at.size(); ++index) {
        left += static_cast<uint64_t>(end_.at[index].value - position_.at[index].value);
    }
    return left;
}

void SliceReader::skip() { start(Positions(end_)); }

void SliceReader::grow(const Positions& origin) {
    end_.grow(origin);
    position_.grow(origin);
    ahead_.resize(position_.at.size());
}

/// It may rest when all that is left has a higher sequence: what an older build wrote, or the
/// dataset gives back, has none and lets it rest anywhere.
Result<log::RecordBatch> SliceReader::next() {
    TRY(read_ahead());
    std::optional<log::RecordBatch>* const lowest = first();
    CHECK(lowest != nullptr);
    log::RecordBatch slice = *std::exchange(*lowest, std::nullopt);
    Offset& place = position_.at[slice.partition.value];
    const Offset before = std::exchange(place, slice.next);
    if (auto read = read_ahead(); !read) {
        place = before;
        *lowest = std::move(slice);
        return std::move(read).error();
    }
    const std::optional<log::RecordBatch>* const following = first();
    if (!slice.records.empty()) last_sequence_ = slice.sequence;
    is_closed_ =
        following == nullptr || last_sequence_ == 0 || (*following)->sequence > last_sequence_;
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
    const Interval range{partition, position_.of(partition), end_.of(partition)};
    auto batch = log_.read(range, slice_records_max_);
    if (!batch && batch.error().code() == ErrorCode::kNotFound && parts_.refill) {
        batch = parts_.refill(table_.id, range, slice_records_max_);
    }
    if (!batch) {
        return std::move(batch).error().with_context(
            fmt::format("folding stream \"{}\" partition {} from offset {}", table_.name,
                        partition.value, range.from.value));
    }
    CHECK(range.from < batch->next && batch->next <= range.to);
    return batch;
}

}  // namespace braid::speed
