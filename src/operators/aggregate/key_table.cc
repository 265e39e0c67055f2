// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <sys/mman.h>

#include "base/check.h"
#include "operators/aggregate/key_table_internal.h"

namespace braid::operators {
namespace {

constexpr size_t kCacheLineBytes = 64;
constexpr size_t kPageBytes = UnitArena::kPageUnits * UnitArena::kUnitBytes;
/// Up to here a table takes its slots piece by piece, then by huge pages.
constexpr size_t kSegmentsWithoutSlab = 4;

constexpr size_t rounded_up(size_t value, size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

void FreeMemory::operator()(char* memory) const { std::free(memory); }

Memory allocate_memory(size_t bytes) {
    const bool is_huge = bytes % kHugePageBytes == 0;
    auto* memory =
        static_cast<char*>(std::aligned_alloc(is_huge ? kHugePageBytes : kCacheLineBytes, bytes));
    CHECK(memory != nullptr);
    if (is_huge) ::madvise(memory, bytes, MADV_HUGEPAGE);
    return Memory(memory);
}

uint32_t UnitArena::allocate(size_t bytes) {
    const uint64_t units = (bytes + kUnitBytes - 1) / kUnitBytes;
    if (next_ + units > end_) add_region(bytes);
    const uint64_t unit = next_;
    next_ += units;
    CHECK_LE(next_, uint64_t{UINT32_MAX});
    return static_cast<uint32_t>(unit);
}

/// Regions grow with the arena, an eighth of it at a time, or by a huge page when that is little:
/// little slack, few regions, few page faults.
void UnitArena::add_region(size_t bytes_at_least) {
    const bool is_first = regions_.empty();
    size_t bytes = std::clamp(rounded_up(bytes_ / 8, kPageBytes), kPageBytes, kRegionBytesMax);
    if (bytes_ >= kHugePageBytes) bytes = std::max(bytes, kHugePageBytes);
    if (is_first) bytes = kFirstRegionBytes;
    if (bytes < bytes_at_least + kUnitBytes)
        bytes = rounded_up(bytes_at_least + kUnitBytes, kPageBytes);
    if (bytes >= kHugePageBytes) bytes = rounded_up(bytes, kHugePageBytes);
    char* memory = regions_.emplace_back(allocate_memory(bytes)).get();
    next_ = pages_.size() * kPageUnits;
    end_ = next_ + bytes / kUnitBytes;
    for (size_t at = 0; at < bytes; at += kPageBytes) pages_.push_back(memory + at);
    bytes_ += bytes;
}

KeyTable::KeyTable(size_t payload_bytes) : payload_bytes_(payload_bytes) {
    Segment first;
    give_slots(first, kBucketsMin);
    segments_.push_back(std::move(first));
    directory_.resize(1);
    refresh_directory(0);
    // Entry 0 has no key: its length is one that no key has.
    static constexpr uint32_t kNoLength = UINT32_MAX;
    const size_t bytes = payload_bytes_ + sizeof kLongKey + sizeof kNoLength;
    char* none = arena_.at(arena_.allocate(bytes));
    std::memset(none, 0, bytes);
    std::memcpy(none + payload_bytes_, &kLongKey, sizeof kLongKey);
    std::memcpy(none + payload_bytes_ + sizeof kLongKey, &kNoLength, sizeof kNoLength);
}

KeyTable::Ref KeyTable::find(uint32_t tag, std::string_view key) const {
    return find_where(tag, [&](const char* entry) { return is_key(entry, key); });
}

/// Above thirteen sixteenths every fifth bucket would overflow into the next. Small tables can
/// afford half: there almost no bucket does.
bool KeyTable::Segment::is_full() const {
    const size_t slots = all().size();
    return used >= (mask + 1 < kBucketsMax ? slots / 2 : slots / 16 * 13);
}

KeyTable::Ref KeyTable::insert(uint32_t tag, std::string_view key) {
    uint32_t number = place_of(tag).segment;
    // At the greatest depth only equal tags are left together; then a segment may be larger.
    while (segments_[number].is_full()) {
        const Segment& full = segments_[number];
        if (full.mask + 1 < kBucketsMax || full.depth == kDepthMax) {
            grow(segments_[number]);
            refresh_directory(number);
        } else {
            split(number);
        }
        number = place_of(tag).segment;
    }
    const Ref ref = add_entry(key);
    put(segments_[number], tag | (static_cast<Slot>(ref) << 32));
    ++size_;
    return ref;
}

void KeyTable::put(Segment& segment, Slot slot) {
    uint32_t number = static_cast<uint32_t>(slot) & segment.mask;
    for (;; number = (number + 1) & segment.mask) {
        Slot* bucket = segment.slots + size_t{number} * kBucketSlots;
        const uint32_t empty = empty_slots(bucket);
        if (empty == 0) continue;
        bucket[std::countr_zero(empty)] = slot;
        ++segment.used;
        return;
    }
}

KeyTable::Ref KeyTable::add_entry(std::string_view key) {
    CHECK_LE(key.size(), size_t{UINT32_MAX});
    const bool is_long = key.size() >= kLongKey;
    const size_t head = payload_bytes_ + sizeof(uint16_t) + (is_long ? sizeof(uint32_t) : 0);
    const Ref ref = arena_.allocate(head + key.size());
    char* entry = arena_.at(ref);
    std::memset(entry, 0, payload_bytes_);
    const uint16_t short_size = is_long ? kLongKey : static_cast<uint16_t>(key.size());
    std::memcpy(entry + payload_bytes_, &short_size, sizeof short_size);
    if (is_long) {
        const auto size = static_cast<uint32_t>(key.size());
        std::memcpy(entry + payload_bytes_ + sizeof short_size, &size, sizeof size);
    }
    std::memcpy(entry + head, key.data(), key.size());
    return ref;
}

std::string_view KeyTable::long_key_at(const char* at) {
    uint32_t size = 0;
    std::memcpy(&size, at, sizeof size);
    return {at + sizeof size, size};
}

size_t KeyTable::bytes_used() const {
    return arena_.bytes_used() + slot_bytes_ + directory_.capacity() * sizeof(Place) +
           segments_.capacity() * sizeof(Segment);
}

void KeyTable::grow(Segment& segment) {
    Segment old = std::move(segment);
    segment = Segment();
    segment.depth = old.depth;
    give_slots(segment, (old.mask + 1) * 2);
    for (const Slot slot : old.all()) {
        if (slot != 0) put(segment, slot);
    }
    free_slots(old);
}

/// The keys whose next bit is 1 move to a new segment, the others to fresh slots of the old one.
void KeyTable::split(uint32_t number) {
    if (segments_[number].depth == depth_) {
        std::vector<Place> doubled(directory_.size() * 2);
        for (size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
        directory_ = std::move(doubled);
        ++depth_;
    }
    Segment old = std::move(segments_[number]);
    Segment low;
    Segment high;
    const int depth = old.depth + 1;
    low.depth = high.depth = depth;
    give_slots(low, old.mask + 1);
    give_slots(high, old.mask + 1);
    const uint32_t bit = uint32_t{1} << (32 - depth);
    for (const Slot slot : old.all()) {
        if (slot != 0) put((slot & bit) != 0 ? high : low, slot);
    }
    free_slots(old);
    const auto high_number = static_cast<uint32_t>(segments_.size());
    segments_[number] = std::move(low);
    segments_.push_back(std::move(high));
    for (size_t i = 0; i < directory_.size(); ++i) {
        const bool is_high = ((i >> (depth_ - depth)) & 1) != 0;
        if (directory_[i].segment == number && is_high) directory_[i].segment = high_number;
    }
    refresh_directory(number);
    refresh_directory(high_number);
}

void KeyTable::refresh_directory(uint32_t number) {
    const Segment& segment = segments_[number];
    for (Place& place : directory_) {
        if (place.segment == number) place = {segment.slots, segment.mask, number};
    }
}

/// Zeroed slots for an empty segment.
void KeyTable::give_slots(Segment& segment, uint32_t buckets) {
    segment.mask = buckets - 1;
    if (buckets == kBucketsMax && segments_.size() >= kSegmentsWithoutSlab) {
        segment.slots = slab_slots();
    } else {
        segment.owner = allocate_memory(segment.bytes());
        segment.slots = reinterpret_cast<Slot*>(segment.owner.get());
        slot_bytes_ += segment.bytes();
    }
    std::memset(segment.slots, 0, segment.bytes());
}

KeyTable::Slot* KeyTable::slab_slots() {
    constexpr size_t kSlots = kBucketsMax * kBucketSlots;
    constexpr size_t kPerSlab = kHugePageBytes / (kSlots * sizeof(Slot));
    if (free_slots_.empty()) {
        slabs_.push_back(allocate_memory(kHugePageBytes));
        auto* slots = reinterpret_cast<Slot*>(slabs_.back().get());
        for (size_t i = kPerSlab; i-- > 0;) free_slots_.push_back(slots + i * kSlots);
        slot_bytes_ += kHugePageBytes;
    }
    Slot* slots = free_slots_.back();
    free_slots_.pop_back();
    return slots;
}

void KeyTable::free_slots(Segment& segment) {
    if (segment.owner != nullptr) {
        slot_bytes_ -= segment.bytes();
        segment.owner.reset();
    } else {
        free_slots_.push_back(segment.slots);
    }
}

}  // namespace braid::operators
