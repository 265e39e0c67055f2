// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace braid {

/// CRC-32C (Castagnoli), hardware instruction where there is one. `seed` chains calls.
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

/// Fast 64-bit hash (XXH3) with a fixed seed: the same on every machine, for tables and
/// partitioning.
uint64_t hash64(std::string_view bytes);

/// A 128-bit sum of row hashes modulo 2^128: equal for equal sets of rows in whatever order, and it
/// can be split by key range and added again.
struct Digest {
    uint64_t low = 0;
    uint64_t high = 0;

    void add_row(std::string_view key, std::string_view state);
    /// A row of states (operators/aggregate/state_row.h): its section counts as well.
    void add_row(uint32_t section, std::string_view key, std::string_view subkey,
                 std::string_view state);
    void add(const Digest& other);
    std::string to_hex() const;
    friend bool operator==(const Digest&, const Digest&) = default;
};

}  // namespace braid
