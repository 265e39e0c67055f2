// SPDX-License-Identifier: Apache-2.0
#include "speed/slice_folder.h"

#include <algorithm>

#include "operators/decode/declared_decoder.h"

namespace braid::speed {

Result<std::unique_ptr<SliceFolder>> SliceFolder::create(const catalog::Table& table,
                                                         const ViewSet& views) {
    std::unique_ptr<SliceFolder> made(new SliceFolder());
    made->decoder_ = TRY(operators::make_decoder_of(table));
    made->folder_ = TRY(operators::ViewFolder::create(views.bound()));
    made->wanted_ = made->folder_->wanted(table.columns.fields.size() + plan::kSystemColumnCount);
    if (views.has_clock()) {
        made->clock_.emplace(table.columns, table.option("event_time", ""));
        made->clock_->add_wanted(made->wanted_);
    }
    made->splitter_ = std::make_unique<operators::SliceSplitter>(*made->folder_);
    return made;
}

std::optional<int64_t> SliceFolder::decode(const log::RecordBatch& batch) {
    constexpr uint64_t kValueBytes = 2 * sizeof(std::string_view);  // in the decoder and decoded
    const auto columns = static_cast<uint64_t>(std::ranges::count(wanted_, true));
    const uint64_t record_bytes = batch.bytes == nullptr ? 0 : batch.bytes->size();
    bytes_used_ = record_bytes + batch.records.size() * columns * kValueBytes;
    decoder_->decode({batch.partition, batch.offsets, batch.ingested_at_us, batch.records,
                      Keepalive(batch.bytes), batch.preamble},
                     wanted_, decoded_);
    if (!clock_) return std::nullopt;
    clock_->note(decoded_);
    return clock_->time_us();
}

size_t SliceFolder::fold(const log::RecordBatch& slice, Layer& into) {
    into.raise_clock(decode(slice));
    folder_->fold(decoded_, into.targets());
    return decoded_.bad.size();
}

std::vector<operators::SplitSlicePtr> SliceFolder::split(const FoldedSlicePtr& slice) {
    splitter_->begin(slice, slice->layer->shards());
    for (const log::RecordBatch& batch : slice->batches) {
        if (batch.records.empty()) continue;  // a hole that was passed
        slice->clock_us = std::max(slice->clock_us, decode(batch));
        splitter_->fold(decoded_, slice->layer->floors());
        slice->records += batch.records.size();
        slice->bad += decoded_.bad.size();
    }
    slice->batches.clear();
    return splitter_->finish();
}

}  // namespace braid::speed
