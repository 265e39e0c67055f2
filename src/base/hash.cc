// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <xxhash.h>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace braid {

namespace {

#ifdef __SSE4_2__

uint32_t crc32c_raw(const char* at, size_t size, uint32_t crc) {
    uint64_t wide = crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        std::memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    auto narrow = static_cast<uint32_t>(wide);
    for (; size > 0; ++at, --size) narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*at));
    return narrow;
}

#else

constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
        table[byte] = crc;
    }
    return table;
}

uint32_t crc32c_raw(const char* at, size_t size, uint32_t crc) {
    static constexpr std::array<uint32_t, 256> kTable = make_table();
    for (; size > 0; ++at, --size)
        crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(*at)) & 0xFF];
    return crc;
}

#endif

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t seed) {
    return ~crc32c_raw(bytes.data(), bytes.size(), ~seed);
}

uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

void Digest::add_row(std::string_view key, std::string_view state) {
    // Both hashes have a fixed width, so no other split of the same bytes gives the same pair.
    const std::array<XXH128_hash_t, 2> parts = {XXH3_128bits(key.data(), key.size()),
                                                XXH3_128bits(state.data(), state.size())};
    const XXH128_hash_t row = XXH3_128bits(parts.data(), sizeof parts);
    add({.low = row.low64, .high = row.high64});
}

void Digest::add(const Digest& other) {
    const uint64_t sum = low + other.low;
    high += other.high + (sum < low ? 1 : 0);
    low = sum;
}

std::string Digest::to_hex() const { return fmt::format("{:016x}{:016x}", high, low); }

}  // namespace braid
