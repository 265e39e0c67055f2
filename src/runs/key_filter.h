// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace braid::runs {

/// Says of a key that a part does not hold it, or that it may: one of some hundred absent keys
/// passes. A split block Bloom filter, as in Apache Parquet: eight bits in one block of 256 (Putze,
/// Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007). 10 bits a key.
/// Immutable.
class KeyFilter {
  public:
    static constexpr size_t kBlockWords = 8;
    using Block = std::array<uint32_t, kBlockWords>;

    /// hash64 of each key.
    explicit KeyFilter(std::span<const uint64_t> hashes);
    /// From what bytes() gave; with another size than a multiple of 32 nothing is held back.
    static KeyFilter from_bytes(std::string_view bytes);
    /// Little endian.
    std::string bytes() const;
    static uint64_t bytes_for(uint64_t keys) { return blocks_for(keys) * sizeof(Block); }

    bool may_hold(uint64_t hash) const {
        return blocks_.empty() || passes(blocks_[place_of(hash, blocks_.size())], mask_of(hash));
    }
    std::span<const Block> blocks() const { return blocks_; }
    uint64_t bytes_used() const { return sizeof(*this) + blocks_.size() * sizeof(Block); }

    static size_t place_of(uint64_t hash, size_t blocks) {
        return static_cast<size_t>((hash >> 32) * blocks >> 32);
    }
    /// The bits that a key sets in its block.
    static Block mask_of(uint64_t hash) {
        Block mask;
        for (size_t word = 0; word < kBlockWords; ++word) {
            mask[word] = uint32_t{1} << (static_cast<uint32_t>(hash) * kSalts[word] >> 27);
        }
        return mask;
    }
    static bool passes(const Block& block, const Block& mask) {
        for (size_t word = 0; word < kBlockWords; ++word) {
            if ((block[word] & mask[word]) == 0) return false;
        }
        return true;
    }

  private:
    static constexpr uint64_t kBitsPerKey = 10;
    static constexpr std::array<uint32_t, kBlockWords> kSalts = {0x47b6137b, 0x44974d91, 0x8824ad5b,
                                                                 0xa2b7289d, 0x705495c7, 0x2df1424b,
                                                                 0x9efc4947, 0x5c6bfb31};

    KeyFilter() = default;
    static uint64_t blocks_for(uint64_t keys) { return (keys * kBitsPerKey + 255) / 256; }

    std::vector<Block> blocks_;
};

}  // namespace braid::runs
