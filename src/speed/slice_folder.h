// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "operators/decode/decoder.h"
#include "operators/fold/view_folder.h"
#include "speed/layer.h"
#include "speed/view_set.h"

namespace braid::speed {

/// Decodes slices of one stream once and folds them for all versions of a view set. Holds scratch
/// memory: one thread at a time.
class SliceFolder {
  public:
    static Result<std::unique_ptr<SliceFolder>> create(const catalog::Table& table,
                                                       const ViewSet& views);

    /// How many records did not decode.
    size_t fold(const log::RecordBatch& slice, Layer& into);

  private:
    SliceFolder() = default;

    std::unique_ptr<operators::Decoder> decoder_;
    std::unique_ptr<operators::ViewFolder> folder_;
    std::vector<bool> wanted_;
    operators::DecodedSlice decoded_;
};

}  // namespace braid::speed
