// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Hashing and comparing of short byte strings without a call: most of what a hash table of keys
/// does.
namespace braid::operators {

inline uint64_t load_8(const char* from) {
    uint64_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}
inline uint64_t load_4(const char* from) {
    uint32_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// Both halves of the product of two words: spreads each bit of either over all bits.
inline uint64_t fold_product(uint64_t left, uint64_t right) {
    const auto product = static_cast<unsigned __int128>(left) * right;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// 64 bits for tables that live in memory; never written anywhere.
inline uint64_t hash_bytes(std::string_view bytes) {
    // Odd words without structure (digits of the fractional parts of square roots).
    constexpr uint64_t kFirst = 0x6A09E667F3BCC909;
    constexpr uint64_t kSecond = 0xBB67AE8584CAA73B;
    constexpr uint64_t kThird = 0x3C6EF372FE94F82B;
    const char* at = bytes.data();
    size_t left = bytes.size();
    uint64_t state = kFirst ^ left;
    for (; left > 16; at += 16, left -= 16) {
        state = fold_product(load_8(at) ^ state, load_8(at + 8) ^ kSecond);
    }
    uint64_t head = 0;
    uint64_t tail = 0;
    if (left >= 8) {
        head = load_8(at);
        tail = load_8(at + left - 8);
    } else if (left >= 4) {
        head = load_4(at);
        tail = load_4(at + left - 4);
    } else if (left > 0) {
        head = static_cast<uint8_t>(at[0]);
        tail = static_cast<uint64_t>(static_cast<uint8_t>(at[left / 2])) << 8 |
               static_cast<uint8_t>(at[left - 1]);
    }
    return fold_product(fold_product(head ^ state, tail ^ kSecond), kThird);
}

inline bool equal_bytes(std::string_view left, std::string_view right) {
    const size_t size = left.size();
    if (size != right.size()) return false;
    const char* a = left.data();
    const char* b = right.data();
    if (size < 8) {
        if (size >= 4)
            return load_4(a) == load_4(b) && load_4(a + size - 4) == load_4(b + size - 4);
        for (size_t i = 0; i < size; ++i) {
            if (a[i] != b[i]) return false;
        }
        return true;
    }
    for (size_t i = 0; i + 8 < size; i += 8) {
        if (load_8(a + i) != load_8(b + i)) return false;
    }
    return load_8(a + size - 8) == load_8(b + size - 8);
}

}  // namespace braid::operators
