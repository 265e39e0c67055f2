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

// The instruction gives its result after three cycles but takes a word in each: three stretches of
// this length are summed side by side and then joined.
constexpr size_t kLaneBytes = 1024;

uint64_t word_at(const char* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// What kLaneBytes of zeros make of a CRC. It is linear, so a table per byte of it will do.
class LaneShift {
  public:
    LaneShift() {
        for (uint32_t bit = 0; bit < 32; ++bit) {
            uint64_t crc = uint64_t{1} << bit;
            for (size_t done = 0; done < kLaneBytes; done += 8) crc = _mm_crc32_u64(crc, 0);
            for (uint32_t byte = 0; byte < 256; ++byte) {
                if ((byte >> bit % 8 & 1) != 0) {
                    table_[bit / 8][byte] ^= static_cast<uint32_t>(crc);
                }
            }
        }
    }
    uint32_t operator()(uint64_t crc) const {
        return table_[0][crc & 0xFF] ^ table_[1][crc >> 8 & 0xFF] ^ table_[2][crc >> 16 & 0xFF] ^
               table_[3][crc >> 24 & 0xFF];
    }

  private:
    std::array<std::array<uint32_t, 256>, 4> table_{};
};

uint32_t crc32c_raw(const char* at, size_t size, uint32_t crc) {
    uint64_t wide = crc;
    if (size >= 3 * kLaneBytes) {
        static const LaneShift shift;
        for (; size >= 3 * kLaneBytes; at += 3 * kLaneBytes, size -= 3 * kLaneBytes) {
            uint64_t second = 0;
            uint64_t third = 0;
            for (size_t index = 0; index < kLaneBytes; index += 8) {
                wide = _mm_crc32_u64(wide, word_at(at + index));
                second = _mm_crc32_u64(second, word_at(at + kLaneBytes + index));
                third = _mm_crc32_u64(third, word_at(at + 2 * kLaneBytes + index));
            }
            wide = shift(shift(wide) ^ second) ^ third;
        }
    }
    for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, word_at(at));
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

void Digest::add_row(uint32_t section, std::string_view key, std::string_view subkey,
                     std::string_view state) {
    const std::array<XXH128_hash_t, 3> parts = {XXH3_128bits(key.data(), key.size()),
                                                XXH3_128bits(subkey.data(), subkey.size()),
                                                XXH3_128bits(state.data(), state.size())};
    const XXH128_hash_t row = XXH3_128bits_withSeed(parts.data(), sizeof parts, section);
    add({.low = row.low64, .high = row.high64});
}

void Digest::add(const Digest& other) {
    const uint64_t sum = low + other.low;
    high += other.high + (sum < low ? 1 : 0);
    low = sum;
}

std::string Digest::to_hex() const { return fmt::format("{:016x}{:016x}", high, low); }

}  // namespace braid
