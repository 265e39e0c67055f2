// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/result.h"
#include "log/block.h"
#include "log/partitioned_log.h"

namespace braid::log {

/// What the file of an extent is called: "00000000000000000042-7-0.extent" is the first of base 42
/// that the process of epoch 7 has begun. So no process ever gives a name that another one gave,
/// and whoever does not know yet that it has lost the directory removes nothing of its successor.
/// Of several of one base the last counts that has a whole group.
struct ExtentName {
    Offset base;
    uint64_t epoch = 0;
    uint32_t number = 0;
    friend auto operator<=>(const ExtentName&, const ExtentName&) = default;

    /// Without epoch and number if both are 0, as all names were once.
    std::string text() const;
};
/// Nothing if it is no such name.
std::optional<ExtentName> parse_extent_name(std::string_view text);

/// Up to `size` bytes; fewer only at the end of the file.
Result<std::string> read_bytes(const ReadableFile& file, uint64_t position, size_t size);

/// Corrupt, with the exact range that is lost.
Error damage_error(const std::string& path, PartitionId partition, Offset from, Offset to,
                   uint64_t position, uint64_t end_position);

/// Some neighbouring blocks of an extent, read and verified together.
struct Chunk {
    uint64_t position = 0;  // of the first block in the file
    Offset first;
    std::shared_ptr<const std::string> bytes;
    std::vector<BlockView> blocks;

    uint64_t end_position() const {
        return blocks.empty() ? position : blocks.back().end_position();
    }
    Offset end() const { return blocks.empty() ? first : blocks.back().end(); }
};

/// Reads the blocks from `position` on, about 1 MiB of them and none beyond `limit`; stops before
/// the first that is not whole or does not continue the offsets. No blocks: there is none at
/// `position`.
Result<Chunk> load_chunk(const ReadableFile& file, uint64_t mark, uint64_t position,
                         uint64_t limit);

/// Records of a chunk from `from` on, chunk.first <= from < chunk.end(); at least one.
Result<RecordBatch> batch_of(const Chunk& chunk, PartitionId partition, Offset from,
                             size_t records_max);

/// A log's file, for reading: finds the block of an offset through a sparse index that grows as the
/// file is written and read. Thread-safe. What is readable only grows, by publish(). The file is
/// opened when it is first read.
class Extent {
  public:
    Extent(FileSystem& files, std::string path, const ExtentHeader& header);

    const ExtentHeader& header() const { return header_; }
    Offset base() const { return header_.base; }
    const std::string& path() const { return path_; }

    /// From now on records below `end` can be read; they lie in the first `bytes` bytes.
    void publish(Offset end, uint64_t bytes);
    Offset end() const;
    uint64_t readable_bytes() const;
    /// A block with records begins here.
    void add_place(Offset offset, uint64_t position);

    /// At least one record from `from` on, base <= from < end.
    Result<RecordBatch> read(Offset from, size_t records_max);
    /// Closes the file and drops what is cached; a later read opens it again.
    void forget();

  private:
    struct Place {
        Offset offset;
        uint64_t position;
    };

    Result<std::shared_ptr<const ReadableFile>> file();
    Result<std::shared_ptr<const Chunk>> chunk_with(Offset from);
    std::shared_ptr<const Chunk> cached(Offset from, Place& nearest) const;
    void remember(const std::shared_ptr<const Chunk>& chunk);
    /// A reader has come to the end of the chunk.
    void release(const std::shared_ptr<const Chunk>& chunk);
    Error damaged(const ReadableFile& file, Place at) const;

    FileSystem& files_;
    const std::string path_;
    const ExtentHeader header_;

    mutable Mutex mutex_;
    Offset end_;
    uint64_t readable_bytes_;
    std::vector<Place> places_;  // rising in both
    std::shared_ptr<const ReadableFile> file_;
    // The newest reads, so that small batches do not read their neighbours again. Several, as the
    // head and the tail of a log have readers of their own.
    std::array<std::shared_ptr<const Chunk>, 4> cache_;
    std::array<Place, 4> read_ends_{};  // where they ended; what is behind is often asked for next
    size_t next_slot_ = 0;
};

}  // namespace braid::log
