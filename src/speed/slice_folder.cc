// SPDX-License-Identifier: Apache-2.0
#include "speed/slice_folder.h"

#include "operators/decode/declared_decoder.h"

namespace braid::speed {

Result<std::unique_ptr<SliceFolder>> SliceFolder::create(const catalog::Table& table,
                                                         const ViewSet& views) {
    std::unique_ptr<SliceFolder> made(new SliceFolder());
    made->decoder_ = TRY(operators::make_decoder_of(table));
    made->folder_ = TRY(operators::ViewFolder::create(views.bound()));
    made->wanted_ = made->folder_->wanted(table.columns.fields.size() + plan::kSystemColumnCount);
    return made;
}

size_t SliceFolder::fold(const log::RecordBatch& slice, Layer& into) {
    decoder_->decode({slice.partition, slice.offsets, slice.ingested_at_us, slice.records,
                      Keepalive(slice.bytes), slice.preamble},
                     wanted_, decoded_);
    folder_->fold(decoded_, into.targets());
    return decoded_.bad.size();
}

}  // namespace braid::speed
