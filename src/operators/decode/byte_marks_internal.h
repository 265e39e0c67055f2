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
    /// Marks of the bytes 64 × word and on.
    uint64_t word(size_t word) const { return words_[word]; }
    void resize(size_t bytes) { words_.resize((bytes + 63) / 64); }
    void set_word(size_t word, uint64_t bits) { words_[word] = bits; }

  private:
    std::vector<uint64_t> words_;
};

/// 64 bytes of a record.
struct ByteBlock {
    __m256i low;
    __m256i high;
    int seen;  // so many of the first bytes belong to the block before

    static ByteBlock load(const char* from, int seen) {
        const auto* at = reinterpret_cast<const __m256i*>(from);
        return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1), seen};
    }
    uint64_t marks_of(char wanted) const {
        const __m256i all = _mm256_set1_epi8(wanted);
        const auto bits = [&all](__m256i bytes) {
            const __m256i equal = _mm256_cmpeq_epi8(bytes, all);
            return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(equal)));
        };
        return (bits(low) | bits(high) << 32) >> seen;
    }
};

/// Calls visit(word, block) for each 64 bytes of the record. The last block overlaps the one
/// before, so nothing outside the record is read; a short record is filled up with 'x'.
template <typename Visit>
inline void for_each_block(std::string_view record, Visit visit) {
    constexpr size_t kStep = 64;
    const char* at = record.data();
    const size_t whole = record.size() / kStep;
    for (size_t i = 0; i < whole; ++i) visit(i, ByteBlock::load(at + i * kStep, 0));
    const size_t rest = record.size() % kStep;
    if (rest == 0) return;
    if (whole != 0) {
        const char* last = at + record.size() - kStep;
        visit(whole, ByteBlock::load(last, static_cast<int>(kStep - rest)));
        return;
    }
    char padded[kStep];
    std::memset(padded, 'x', kStep);
    std::memcpy(padded, at, rest);
    visit(0, ByteBlock::load(padded, 0));
}

}  // namespace braid::operators
