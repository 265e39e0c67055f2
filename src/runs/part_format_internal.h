// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace arrow {
class KeyValueMetadata;
class Schema;
}  // namespace arrow

namespace braid::runs {

/// A block is the unit of checking and of searching: one record batch. Small enough that checking
/// one for a point read takes some ten microseconds, large enough that a first key for each costs
/// nothing.
inline constexpr size_t kBlockRows = 4096;
inline constexpr size_t kBlockBytesMax = 4U << 20;

/// What the footer of a part says about it; docs/formats/run.md has the layout.
struct PartIndex {
    struct Block {
        uint64_t end = 0;  // of its bytes in the file; it starts where the one before ends
        uint32_t rows = 0;
        uint32_t crc = 0;  // CRC-32C of these bytes; the first block's include the head of the file
        std::string first_key;
    };

    uint32_t section = 0;
    uint64_t rows = 0;
    Digest digest;
    std::string first_key;
    std::string last_key;
    std::vector<Block> blocks;
};

/// Two columns, key and value, binary, never null.
std::shared_ptr<arrow::Schema> part_schema();

void write_index(const PartIndex& index, arrow::KeyValueMetadata& metadata);
/// Corrupt, naming `path`, if the metadata does not hold an index; Unsupported if a newer Braid
/// wrote it.
Result<PartIndex> read_index(const arrow::KeyValueMetadata* metadata, const std::string& path);

/// At the end of an Arrow file: the length of the footer, then "ARROW1".
inline constexpr size_t kTailFixedBytes = sizeof(int32_t) + 6;
/// Before the footer: the mark that no record batch follows.
inline constexpr size_t kEndMarkBytes = 8;

}  // namespace braid::runs
