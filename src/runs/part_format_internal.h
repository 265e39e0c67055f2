// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "operators/aggregate/state_row.h"
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

/// What the rows of a section have beside a key; those of a section all have the same.
struct PartColumns {
    bool has_subkey = false;  // sections of aggregates with subkeys
    bool has_state = false;

    size_t count() const { return 1 + size_t{has_subkey} + size_t{has_state}; }
};

/// What a part says about itself; docs/formats/run.md has the layout.
struct PartIndex final : Cached {
    struct Block {
        uint64_t end = 0;  // of its bytes in the file; it starts where the one before ends
        uint32_t rows = 0;
        uint32_t crc = 0;  // CRC-32C of these bytes; the first block's include the header
        std::string first_key;
    };

    uint32_t section = 0;
    PartColumns columns;
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

/// One column of a block. Row i is [ends[i], ends[i + 1]).
struct BlockColumn {
    const uint32_t* ends = nullptr;  // null: every row is empty
    const char* bytes = nullptr;

    std::string_view at(size_t row) const {
        if (ends == nullptr) return {};
        return {bytes + ends[row], ends[row + 1] - ends[row]};
    }
};

/// Rows of one block.
struct Block {
    BlockColumn keys;
    BlockColumn subkeys;
    BlockColumn states;
    size_t rows = 0;

    std::string_view key(size_t row) const { return keys.at(row); }
    operators::StateRow row(size_t row) const {
        return {.key = keys.at(row), .subkey = subkeys.at(row), .state = states.at(row)};
    }
    /// The first row whose key is not below; `rows` if there is none.
    size_t lower_bound(std::string_view key) const;
};

/// A block and its bytes.
class LoadedBlock final : public Cached {
  public:
    /// `bytes` are the block's in the file, aligned for uint32_t; the rows begin at `from`. Null if
    /// they do not hold `rows` rows of these columns.
    static std::shared_ptr<const LoadedBlock> parse(std::unique_ptr<char[]> bytes, size_t size,
                                                    size_t from, uint32_t rows,
                                                    PartColumns columns);
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
    explicit BlockBuilder(PartColumns columns) : columns_(columns) {}
    /// What the columns have no place for must be empty; CHECKed.
    void add(const operators::StateRow& row);
    size_t rows() const { return keys_.ends.size() - 1; }
    /// Of the block if a row of this size were its last.
    uint64_t bytes_with(size_t row_bytes) const {
        return bytes_of(rows() + 1) + keys_.bytes.size() + subkeys_.bytes.size() +
               states_.bytes.size() + row_bytes;
    }
    uint64_t bytes_alone(size_t row_bytes) const { return bytes_of(1) + row_bytes; }
    std::string_view last_key() const {
        return std::string_view(keys_.bytes).substr(keys_.ends[rows() - 1]);
    }
    /// Appends the block, and begins the next.
    void finish(std::string& out);

  private:
    struct Column {
        std::vector<uint32_t> ends = {0};
        std::string bytes;

        void add(std::string_view value) {
            bytes.append(value);
            ends.push_back(static_cast<uint32_t>(bytes.size()));
        }
    };

    /// The number of rows; the list of ends of each column.
    uint64_t bytes_of(uint64_t rows) const {
        return 4 + columns_.count() * (rows + 1) * sizeof(uint32_t);
    }

    const PartColumns columns_;
    Column keys_;
    Column subkeys_;
    Column states_;
};

}  // namespace braid::runs
