// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/result.h"
#include "manifest/manifest.h"
#include "runs/part_format_internal.h"

namespace arrow::ipc {
class RecordBatchFileReader;
}

namespace braid::runs {

/// Rows of one block, where they lie in the mapped file.
struct Block {
    const int32_t* key_ends = nullptr;  // row i is [ends[i], ends[i + 1])
    const char* key_bytes = nullptr;
    const int32_t* value_ends = nullptr;
    const char* value_bytes = nullptr;
    size_t rows = 0;

    std::string_view key(size_t row) const { return slice(key_ends, key_bytes, row); }
    std::string_view value(size_t row) const { return slice(value_ends, value_bytes, row); }
    /// The first row whose key is not below; `rows` if there is none.
    size_t lower_bound(std::string_view key) const;

  private:
    static std::string_view slice(const int32_t* ends, const char* bytes, size_t row) {
        return {bytes + ends[row], static_cast<size_t>(ends[row + 1] - ends[row])};
    }
};

/// An open file of a run. Opening checks the footer; a block is checked when it is first needed, so
/// a restart reads no data. Thread-safe.
class PartReader {
  public:
    /// Corrupt, naming the file, when it is missing or not the one that the manifest describes.
    static Result<std::unique_ptr<const PartReader>> open(FileSystem& files,
                                                          const manifest::Part& part);
    ~PartReader();

    size_t block_count() const { return loaded_.size(); }
    /// Corrupt if the block's bytes are not those that were written. Lives as long as the part.
    Result<const Block*> block(size_t index) const;
    /// The block that holds the key if any does, among keys that are there once.
    size_t block_of(std::string_view key) const;
    /// A block that the first row with this key or a later one cannot precede.
    size_t block_before(std::string_view key) const;

  private:
    PartReader(std::string path, std::shared_ptr<const MappedFile> mapped);
    Result<void> check_tail(const manifest::Part& part) const;
    Result<void> open_arrow(const manifest::Part& part);
    Result<void> check_index(const manifest::Part& part, uint64_t tail_start) const;
    Result<uint64_t> tail_start() const;
    Result<void> load(size_t index) const;

    const std::string path_;
    const std::shared_ptr<const MappedFile> mapped_;
    PartIndex index_;
    mutable Mutex mutex_;  // one block is loaded at a time
    std::shared_ptr<arrow::ipc::RecordBatchFileReader> arrow_;
    mutable std::vector<Block> blocks_;  // each written once, before its flag is set
    mutable std::vector<std::atomic<bool>> loaded_;
};

}  // namespace braid::runs
