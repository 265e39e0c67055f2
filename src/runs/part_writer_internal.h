// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"
#include "operators/aggregate/state_row.h"
#include "runs/part_format_internal.h"
#include "runs/run_file.h"

namespace braid::runs {

/// Makes one part of a run, in memory. Rows come in order; the caller decides where a part ends.
class PartWriter {
  public:
    PartWriter(uint32_t section, PartColumns columns);

    /// Exhausted if the row is too large for any part.
    Result<void> add(const operators::StateRow& row);
    /// No less than the size of the part if this row were its last.
    uint64_t bytes_with(const operators::StateRow& row) const;
    /// Completes the part, which has rows, and puts it into the file.
    Result<manifest::Part> finish(RunFile& file);

  private:
    /// Only groups are looked up by key alone.
    bool has_filter() const { return part_.section == 0; }
    bool must_close_block(size_t row_bytes) const {
        return rows_.rows() == kBlockRows ||
               (rows_.rows() > 0 && rows_.bytes_with(row_bytes) > kBlockBytesMax);
    }
    void close_block();

    manifest::Part part_;
    PartIndex index_;
    uint64_t index_bytes_ = 0;  // of the blocks' entries, at most
    std::string bytes_;         // the header, and all blocks that are closed
    size_t block_start_ = 0;    // 0 for the first: it is summed with the header
    BlockBuilder rows_;
    std::vector<uint64_t> hashes_;
};

}  // namespace braid::runs
