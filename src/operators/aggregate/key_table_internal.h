// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "operators/aggregate/key_bytes_internal.h"

namespace braid::operators {

/// Memory from the C library; large pieces ask the kernel for huge pages, since random probes would
/// otherwise spend their time in page walks.
struct FreeMemory {
    void operator()(char* memory) const;
};
using Memory = std::unique_ptr<char, FreeMemory>;
inline constexpr size_t kHugePageBytes = 2ULL << 20;
Memory allocate_memory(size_t bytes);

/// Memory in regions that never move. Addresses are 32-bit numbers of 8-byte units, so one arena
/// holds at most 32 GiB; whoever fills it seals or spills long before.
class UnitArena {
  public:
    static constexpr size_t kUnitBytes = 8;
    static constexpr size_t kPageUnits = 8192;  // 64 KiB: the grain of the address table
    static constexpr size_t kFirstRegionBytes = 4096;
    static constexpr size_t kRegionBytesMax = 8ULL << 20;

    /// Number of the first unit of `bytes` contiguous bytes. Not zeroed.
    uint32_t allocate(size_t bytes);
    char* at(uint32_t unit) const {
        return pages_[unit / kPageUnits] + (unit % kPageUnits) * kUnitBytes;
    }
    size_t bytes_used() const { return bytes_; }

  private:
    void add_region(size_t bytes_at_least);

    std::vector<char*> pages_;
    std::vector<Memory> regions_;
    uint64_t next_ = 0;  // unit
    uint64_t end_ = 0;   // unit after the last of the current region
    size_t bytes_ = 0;
};

/// A hash table from byte strings to payloads of one fixed width, payload and key side by side in
/// an arena. Entries never move and are never removed, so a Ref and the pointers got from it stay
/// valid.
///
/// Slots are 8 bytes (hash tag, ref), eight to a bucket of one cache line; a key whose bucket is
/// full goes to the next. Buckets lie in segments of at most 16,384 slots. A full segment splits in
/// two, as in extendible hashing, so that no insertion ever rehashes more than one segment: no
/// pause grows with the table.
class KeyTable {
  public:
    using Ref = uint32_t;
    static constexpr Ref kNone = 0;  // an entry without a key

    explicit KeyTable(size_t payload_bytes);

    /// What positions a key: 32 bits of its hash, and nothing else of it.
    static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
    static uint32_t tag_of(std::string_view key) { return tag_of(hash_bytes(key)); }

    Ref find(uint32_t tag, std::string_view key) const;
    /// Where the payload is part of what tells entries apart: the entry for which is_it(entry)
    /// holds.
    template <typename IsIt>
    Ref find_where(uint32_t tag, IsIt is_it) const {
        const Place& place = place_of(tag);
        for (uint32_t number = tag & place.mask;; number = (number + 1) & place.mask) {
            const Slot* bucket = place.slots + size_t{number} * kBucketSlots;
            for (uint32_t match = matches(bucket, tag); match != 0; match &= match - 1) {
                const auto ref = static_cast<Ref>(bucket[std::countr_zero(match) / 2] >> 32);
                if (ref != kNone && is_it(arena_.at(ref))) return ref;
            }
            // Buckets fill from the front: an empty last slot ends the search.
            if (bucket[kBucketSlots - 1] == 0) return kNone;
        }
    }
    /// Only for a key that find did not find. Its payload is all zero.
    Ref insert(uint32_t tag, std::string_view key);

    /// Lookups in bulk: first prefetch_bucket for all tags, if the table is large enough for it to
    /// pay; then likely_entry for all; then is_key for all, and find where that says no.
    bool is_worth_prefetching() const { return arena_.bytes_used() > kCacheBytes; }
    void prefetch_bucket(uint32_t tag) const { __builtin_prefetch(bucket_of(tag)); }
    void prefetch_entry(const char* entry) const {
        __builtin_prefetch(entry);
        __builtin_prefetch(entry + payload_bytes_);
    }
    /// The entry in the tag's bucket with the same tag; without one, an entry that has no key.
    /// Branch-free.
    char* likely_entry(uint32_t tag) const {
        const Slot* bucket = bucket_of(tag);
        const uint32_t match = matches(bucket, tag);
        const uint32_t at = static_cast<uint32_t>(std::countr_zero(match)) / 2 % kBucketSlots;
        const auto ref = static_cast<Ref>(bucket[at] >> 32);
        return arena_.at(match != 0 ? ref : kNone);
    }
    bool is_key(const char* entry, std::string_view key) const {
        return equal_bytes(key_at(entry), key);
    }

    /// 8-byte aligned.
    char* payload(Ref ref) const { return arena_.at(ref); }
    std::string_view key(Ref ref) const { return key_at(arena_.at(ref)); }
    size_t size() const { return size_; }
    size_t bytes_used() const;

  private:
    static constexpr size_t kCacheBytes = 512 << 10;
    static constexpr uint32_t kBucketSlots = 8;
    static constexpr uint32_t kBucketsMin = 8;
    static constexpr uint32_t kBucketsMax = 2048;  // 128 KiB of slots
    static constexpr int kDepthMax = 21;  // with 11 bits for the bucket: all 32 bits of the tag
    static constexpr uint16_t kLongKey = UINT16_MAX;

    /// The low half of a slot is the tag, the high half the ref; 0 is empty.
    using Slot = uint64_t;
    /// Where the bucket of a tag lies.
    struct Place {
        Slot* slots;
        uint32_t mask;  // buckets - 1
        uint32_t segment;
    };
    struct Segment {
        Slot* slots = nullptr;
        uint32_t mask = 0;
        uint32_t used = 0;
        int depth = 0;  // how many leading bits of the tag all its keys share
        Memory owner;   // null: the slots lie in a slab

        size_t bytes() const { return (mask + size_t{1}) * kBucketSlots * sizeof(Slot); }
        bool is_full() const;
        std::span<Slot> all() const { return {slots, (mask + size_t{1}) * kBucketSlots}; }
    };

    const Place& place_of(uint32_t tag) const {
        return directory_[(static_cast<uint64_t>(tag) << depth_) >> 32];
    }
    const Slot* bucket_of(uint32_t tag) const {
        const Place& place = place_of(tag);
        return place.slots + (tag & place.mask) * kBucketSlots;
    }
    /// Bit 2i is set if slot i has the tag.
    static uint32_t matches(const Slot* bucket, uint32_t tag) {
        const auto* halves = reinterpret_cast<const __m256i*>(bucket);
        const __m256i wanted = _mm256_set1_epi32(static_cast<int>(tag));
        const auto bits = [&](const __m256i* half) {
            const __m256i equal = _mm256_cmpeq_epi32(_mm256_load_si256(half), wanted);
            return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
        };
        return (bits(halves) | (bits(halves + 1) << 8)) & 0x5555;
    }
    /// Bit i is set if slot i is empty.
    static uint32_t empty_slots(const Slot* bucket) {
        const auto* halves = reinterpret_cast<const __m256i*>(bucket);
        const auto bits = [](const __m256i* half) {
            const __m256i equal =
                _mm256_cmpeq_epi64(_mm256_load_si256(half), _mm256_setzero_si256());
            return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(equal)));
        };
        return bits(halves) | bits(halves + 1) << 4;
    }
    std::string_view key_at(const char* entry) const {
        const char* at = entry + payload_bytes_;
        uint16_t size = 0;
        std::memcpy(&size, at, sizeof size);
        if (size != kLongKey) [[likely]]
            return {at + sizeof size, size};
        return long_key_at(at + sizeof size);
    }
    static std::string_view long_key_at(const char* at);
    Ref add_entry(std::string_view key);
    void grow(Segment& segment);
    void split(uint32_t number);
    static void put(Segment& segment, Slot slot);
    void give_slots(Segment& segment, uint32_t buckets);
    void free_slots(Segment& segment);
    Slot* slab_slots();
    void refresh_directory(uint32_t number);

    size_t payload_bytes_;
    size_t size_ = 0;
    size_t slot_bytes_ = 0;
    int depth_ = 0;
    UnitArena arena_;
    std::vector<Place> directory_;  // 2^depth_ places
    std::vector<Segment> segments_;
    // Slots of full-size segments, sixteen to a huge page.
    std::vector<Memory> slabs_;
    std::vector<Slot*> free_slots_;
};

}  // namespace braid::operators
