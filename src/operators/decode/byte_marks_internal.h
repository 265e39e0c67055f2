// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <string_view>
#include <vector>

namespace braid::operators {

/// One bit per byte of a record, where a given character stands.
class ByteMarks {
  public:
    static constexpr size_t kNone = SIZE_MAX;

    /// Position of the first mark at or after `from`.
    size_t next(size_t from) const {
        size_t word = from / 64;
        if (word >= words_.size()) return kNone;
        uint64_t bits = words_[word] >> (from % 64);
        if (bits != 0) return from + static_cast<size_t>(std::countr_zero(bits));
        while (++word < words_.size()) {
            bits = words_[word];
            if (bits != 0) return word * 64 + static_cast<size_t>(std::countr_zero(bits));
        }
        return kNone;
    }
    void resize(size_t bytes) { words_.resize((bytes + 63) / 64); }
    void set_half(size_t half, uint32_t bits) {
        uint64_t& word = words_[half / 2];
        word = half % 2 == 0 ? bits : word | static_cast<uint64_t>(bits) << 32;
    }

  private:
    std::vector<uint64_t> words_;
};

/// Calls visit(number, bytes, kept) for each 32 bytes of the record; `kept(mask)` aligns a mask
/// made of them so that its bit 0 is byte number × 32, without what was already seen or lies beyond
/// the record. Never reads outside the record.
template <typename Visit>
inline void for_each_32_bytes(std::string_view record, Visit visit) {
    constexpr size_t kStep = sizeof(__m256i);
    const char* at = record.data();
    const size_t whole = record.size() / kStep;
    for (size_t i = 0; i < whole; ++i) {
        const auto bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + i * kStep));
        visit(i, bytes, [](uint32_t mask) { return mask; });
    }
    const size_t rest = record.size() % kStep;
    if (rest == 0) return;
    if (whole != 0) {
        const char* last = at + record.size() - kStep;
        const auto bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(last));
        visit(whole, bytes, [rest](uint32_t mask) { return mask >> (kStep - rest); });
        return;
    }
    alignas(kStep) char padded[kStep];
    std::memset(padded, 'x', kStep);
    std::memcpy(padded, at, rest);
    const auto bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(padded));
    visit(0, bytes, [](uint32_t mask) { return mask; });
}

inline uint32_t marks_of(__m256i bytes, char wanted) {
    return static_cast<uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(wanted))));
}

}  // namespace braid::operators
