// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/partitioned_log.h"
#include "model/ids.h"

namespace braid::log {

// The bytes of an extent, as docs/formats/log.md describes them.

/// Version 1 is still read; its blocks know no sequence and no open time.
inline constexpr uint32_t kExtentVersion = 2;
inline constexpr size_t kExtentHeaderBytes = 112;

/// The fixed beginning of an extent's file.
struct ExtentHeader {
    LogId id;
    PartitionId partition;
    Offset base;
    /// Base of the extent before it, -1 for the first of a log.
    int64_t predecessor_base = -1;
    /// How much of the predecessor's file counts; what lies behind was never acknowledged.
    uint64_t predecessor_bytes = 0;
    /// Repeated in each block, unknown to clients: bytes inside a record never pass for a block.
    uint64_t mark = 0;
    /// Where the blocks with records begin, behind the snapshot.
    uint64_t records_position = 0;
    int64_t created_at_us = 0;
    /// Of the process that wrote it (base/directory_owner.h); 0 where nobody counts them.
    uint64_t epoch = 0;
};

std::string encode_extent_header(const ExtentHeader& header);
/// Corrupt if the bytes are not a whole header, Unsupported if it is of another version.
Result<ExtentHeader> decode_extent_header(std::string_view bytes);

enum class BlockKind : uint8_t {
    kSnapshot = 1,  // live positions and keys at the start of the extent
    kRecords = 2,
    kClosed = 3,  // the writer ended in peace: everything before was synced
};

/// When a group was written, in three senses; each of its blocks repeats it.
struct GroupStamp {
    /// Its place in the order of all groups of a node (log/commit_order.h); 0 if an older build
    /// wrote it.
    uint64_t sequence = 0;
    /// By the wall clock: may step back and orders nothing.
    int64_t ingested_at_us = 0;
    /// How long the log had been open until then: by the monotonic clock, over all processes.
    int64_t open_us = 0;
    friend bool operator==(const GroupStamp&, const GroupStamp&) = default;
};

/// The fixed beginning of a block, in the byte order of the file. In version 1 it ends before the
/// sequence.
struct BlockHeader {
    uint32_t magic = 0;
    uint32_t header_crc = 0;  // of the rest of this header
    uint64_t mark = 0;
    uint64_t position = 0;  // of this block in its file
    uint64_t group = 0;     // position of the first block of its group
    int64_t first = 0;      // offset of its first record
    int64_t ingested_at_us = 0;
    uint32_t length = 0;    // of the whole block
    uint32_t body_crc = 0;  // of everything behind this header
    uint32_t record_count = 0;
    uint32_t attribute_bytes = 0;
    uint32_t lengths_bytes = 0;
    BlockKind kind = BlockKind::kRecords;
    uint8_t is_last_in_group = 0;
    uint16_t reserved = 0;
    uint64_t sequence = 0;
    int64_t open_us = 0;

    GroupStamp stamp() const { return {sequence, ingested_at_us, open_us}; }
    /// Of this header in the file.
    size_t header_bytes() const;
};
static_assert(sizeof(BlockHeader) == 88);

/// A verified block; the views point into the bytes it was parsed from.
struct BlockView {
    BlockHeader header;
    std::string_view whole;
    std::string_view attributes;
    std::string_view lengths;
    std::string_view payload;

    Offset first() const { return {header.first}; }
    Offset end() const { return {header.first + int64_t{header.record_count}}; }
    uint64_t end_position() const { return header.position + header.length; }
};

/// The header at the start of `bytes` if it is one of this extent at this position. Nothing is said
/// of the body. Without a mark, one of any extent.
std::optional<BlockHeader> peek_block(std::string_view bytes, std::optional<uint64_t> mark,
                                      uint64_t position);
/// The block at the start of `bytes` if it is whole and undamaged.
std::optional<BlockView> parse_block(std::string_view bytes, std::optional<uint64_t> mark,
                                     uint64_t position);
/// The block at the start of `bytes`, which this process has written: nothing is checked.
BlockView view_block(std::string_view bytes);
/// The first whole block in `bytes`, which begin at `position` of the file, for which `accept`
/// holds; looks at every byte.
std::optional<BlockView> find_block(std::string_view bytes, std::optional<uint64_t> mark,
                                    uint64_t position, bool (*accept)(const BlockHeader&, uint64_t),
                                    uint64_t argument);

/// An idempotency key and what was stored under it.
struct StoredKey {
    IdempotencyKey key;
    PartitionId partition;
    Offset first;
    int64_t record_count = 0;
    int64_t ingested_at_us = 0;
    int64_t open_us = 0;  // what a key's age is counted from
};

/// What a block tells beside its records.
struct BlockAttributes {
    std::vector<SourcePosition> positions;
    std::vector<StoredKey> keys;
    std::string preamble;
};

Result<BlockAttributes> decode_attributes(const BlockView& block, PartitionId partition);
/// Only the preamble of a block of records; cheaper.
Result<std::string_view> decode_preamble(const BlockView& block);

/// Appends records [skip, skip + count) of a block to `records`; Corrupt if its lengths do not add
/// up.
Result<void> decode_records(const BlockView& block, size_t skip, size_t count,
                            std::vector<std::string_view>& records);

/// Blocks that are not yet placed: headers lack mark, position, group, offset, stamp and CRC.
struct UnplacedBlocks {
    std::string bytes;
    std::vector<size_t> starts;
    int64_t record_count = 0;
};

/// What is the same for all blocks of a group.
struct GroupPlace {
    uint64_t mark = 0;
    uint64_t group = 0;
    GroupStamp stamp;
};

/// A request as blocks of about 256 KiB each; the first carries positions and key, each the
/// preamble.
UnplacedBlocks encode_request(const AppendRequest& request);
UnplacedBlocks encode_snapshot(const std::vector<SourcePosition>& positions,
                               const std::vector<StoredKey>& keys);
UnplacedBlocks encode_closed();
/// Adds a block that was read from a file, of any version, as if it had never been placed.
void lift_block(const BlockView& block, UnplacedBlocks& blocks);
/// Completes the headers: the blocks will lie at `position`, the first record gets `first`. The
/// group's last block must be told so.
void place_blocks(UnplacedBlocks& blocks, const GroupPlace& place, uint64_t position, Offset first,
                  bool ends_group);

}  // namespace braid::log
