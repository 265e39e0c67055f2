// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "runs/block_cache.h"

namespace braid::runs {

/// A block is the unit of reading, checking and searching. Small enough that a point read loads one
/// in some ten microseconds, large enough that a first key for each costs nothing.
inline constexpr size_t kBlockRows = 4096;
inline constexpr size_t kBlockBytesMax = 64U << 10;  // unless one row is larger

inline constexpr std::string_view kPartMagic = "braidrun";
inline constexpr uint32_t kPartVersion = 2;
/// Magic, version, zero.
inline constexpr size_t kHeaderBytes = 16;
/// Where the index begins, version, zero, magic.
inline constexpr size_t kFooterBytes = 24;

/// What a part says about itself; docs/formats/run.md has the layout.
struct PartIndex final : Cached {
    struct Block {
        uint64_t end = 0;  // of its bytes in the file; it starts where the one before ends
        uint32_t rows = 0;
        uint32_t crc = 0;  // CRC-32C of these bytes; the first block's include the header
        std::string first_key;
    };

    uint32_t section = 0;
    uint64_t rows = 0;
    Digest digest;
    std::string first_key;
    std::string last_key;
    uint64_t filter_bytes = 0;  // behind the last block
    uint32_t filter_crc = 0;
    std::vector<Block> blocks;

    uint64_t start_of(size_t block) const { return block == 0 ? 0 : blocks[block - 1].end; }
    /// The block that holds the key if any does, among keys that are there once.
    size_t block_of(std::string_view key) const;
    /// A block that the first row with this key or a later one cannot precede.
    size_t block_before(std::string_view key) const;
    uint64_t bytes_used() const override;
};

std::string encode_index(const PartIndex& index);
/// Corrupt if the bytes are no index.
Result<std::shared_ptr<const PartIndex>> decode_index(std::string_view bytes);

/// Rows of one block: keys, values, and where each ends. Row i is [ends[i], ends[i + 1]).
struct Block {
    const uint32_t* key_ends = nullptr;
    const char* key_bytes = nullptr;
    const uint32_t* value_ends = nullptr;
    const char* value_bytes = nullptr;
    size_t rows = 0;

    std::string_view key(size_t row) const { return slice(key_ends, key_bytes, row); }
    std::string_view value(size_t row) const { return slice(value_ends, value_bytes, row); }
    /// The first row whose key is not below; `rows` if there is none.
    size_t lower_bound(std::string_view key) const;

  private:
    static std::string_view slice(const uint32_t* ends, const char* bytes, size_t row) {
        return {bytes + ends[row], ends[row + 1] - ends[row]};
    }
};

/// A block and its bytes.
class LoadedBlock final : public Cached {
  public:
    /// `bytes` are the block's in the file, aligned for uint32_t; the rows begin at `from`. Null if
    /// they do not hold `rows` rows.
    static std::shared_ptr<const LoadedBlock> parse(std::unique_ptr<char[]> bytes, size_t size,
                                                    size_t from, uint32_t rows);
    const Block& rows() const { return block_; }
    uint64_t bytes_used() const override { return sizeof(*this) + size_; }

  private:
    LoadedBlock(std::unique_ptr<char[]> bytes, size_t size)
        : bytes_(std::move(bytes)), size_(size) {}
    const std::unique_ptr<char[]> bytes_;
    const size_t size_;
    Block block_;
};

/// Rows that wait for their block to be full.
class BlockBuilder {
  public:
    void add(std::string_view key, std::string_view value);
    size_t rows() const { return key_ends_.size() - 1; }
    /// Of the block if a row of this size were its last.
    uint64_t bytes_with(size_t row_bytes) const {
        return bytes_of(rows() + 1) + keys_.size() + values_.size() + row_bytes;
    }
    static uint64_t bytes_alone(size_t row_bytes) { return bytes_of(1) + row_bytes; }
    std::string_view last_key() const {
        return std::string_view(keys_).substr(key_ends_[rows() - 1]);
    }
    /// Appends the block, and begins the next.
    void finish(std::string& out);

  private:
    /// The number of rows; both lists of ends.
    static uint64_t bytes_of(uint64_t rows) { return 4 + 2 * (rows + 1) * sizeof(uint32_t); }

    std::vector<uint32_t> key_ends_ = {0};
    std::vector<uint32_t> value_ends_ = {0};
    std::string keys_;
    std::string values_;
};

}  // namespace braid::runs
