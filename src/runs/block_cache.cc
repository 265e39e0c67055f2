// SPDX-License-Identifier: Apache-2.0
#include "runs/block_cache.h"

#include <algorithm>

namespace braid::runs {

namespace {

constexpr size_t kShardsMax = 16;
/// Below it a shard would hold too few blocks to choose among.
constexpr uint64_t kShardBytesMin = 4ULL << 20;

size_t shards_for(uint64_t bytes_max) {
    return std::clamp<size_t>(bytes_max / kShardBytesMin, 1, kShardsMax);
}

}  // namespace

ReadMetrics::ReadMetrics(Metrics& metrics)
    : hits(metrics.get("braid_read_cache_hits_total", Metrics::Kind::kCounter,
                       "Blocks of runs that were in memory when they were needed.")),
      misses(metrics.get("braid_read_cache_misses_total", Metrics::Kind::kCounter,
                         "Blocks of runs that were read from a file and checked.")),
      bytes(metrics.get("braid_read_cache_bytes", Metrics::Kind::kGauge,
                        "Memory of the blocks of runs that are kept.")),
      damaged(metrics.get("braid_read_damaged_total", Metrics::Kind::kCounter,
                          "Reads of run files that were refused: damaged or missing.")) {}

size_t BlockCache::Hash::operator()(const Key& key) const {
    const uint64_t mixed = (key.part << 32 ^ key.number) * 0x9E37'79B9'7F4A'7C15;
    return mixed ^ mixed >> 32;
}

BlockCache::BlockCache(uint64_t bytes_max, ReadMetrics& metrics)
    : metrics_(metrics),
      shard_count_(shards_for(bytes_max)),
      shard_bytes_max_(bytes_max / shard_count_),
      shards_(std::make_unique<Shard[]>(shard_count_)) {}

BlockCache::~BlockCache() { metrics_.bytes.add(-static_cast<int64_t>(bytes_used())); }

BlockCache::Shard& BlockCache::shard_of(const Key& key) const {
    return shards_[(Hash()(key) >> 7) % shard_count_];
}

CachedPtr BlockCache::find(const Key& key, Use use) {
    Shard& shard = shard_of(key);
    {
        const ScopedLock lock(shard.mutex);
        const auto place = shard.places.find(key);
        if (place != shard.places.end()) {
            Slot& slot = shard.slots[place->second];
            slot.is_asked_for = slot.is_asked_for || use == Use::kPoint;
            metrics_.hits.add(1);
            return slot.value;
        }
    }
    metrics_.misses.add(1);
    return nullptr;
}

CachedPtr BlockCache::add(const Key& key, CachedPtr value, Use use) {
    Shard& shard = shard_of(key);
    const uint64_t bytes = value->bytes_used();
    const ScopedLock lock(shard.mutex);
    const auto place = shard.places.find(key);
    if (place != shard.places.end()) return shard.slots[place->second].value;
    if (!make_room(shard, bytes, use)) return value;
    shard.places.emplace(key, shard.slots.size());
    shard.slots.push_back({key, value, use == Use::kPoint});
    shard.bytes += bytes;
    metrics_.bytes.add(static_cast<int64_t>(bytes));
    return value;
}

/// Whether so many bytes have room now.
bool BlockCache::make_room(Shard& shard, uint64_t bytes, Use use) {
    // Twice round: once to take the marks away, once to find them gone.
    size_t steps = use == Use::kScan ? 1 : 2 * shard.slots.size();
    while (shard.bytes + bytes > shard_bytes_max_) {
        if (steps-- == 0 || shard.slots.empty()) return false;
        shard.hand = (shard.hand + 1) % shard.slots.size();
        Slot& slot = shard.slots[shard.hand];
        // Only under the lock can another holder come.
        if (slot.value.use_count() > 1) continue;
        if (slot.is_asked_for) {
            slot.is_asked_for = false;
        } else {
            remove(shard, shard.hand);
        }
    }
    return true;
}

void BlockCache::remove(Shard& shard, size_t place) {
    Slot& slot = shard.slots[place];
    const uint64_t bytes = slot.value->bytes_used();
    shard.bytes -= bytes;
    metrics_.bytes.add(-static_cast<int64_t>(bytes));
    shard.places.erase(slot.key);
    if (place + 1 != shard.slots.size()) {
        slot = std::move(shard.slots.back());
        shard.places[slot.key] = place;
    }
    shard.slots.pop_back();
}

void BlockCache::forget(uint64_t part) {
    for (size_t index = 0; index < shard_count_; ++index) {
        Shard& shard = shards_[index];
        const ScopedLock lock(shard.mutex);
        for (size_t place = shard.slots.size(); place > 0; --place) {
            if (shard.slots[place - 1].key.part == part) remove(shard, place - 1);
        }
    }
}

uint64_t BlockCache::bytes_used() const {
    uint64_t bytes = 0;
    for (size_t index = 0; index < shard_count_; ++index) {
        const ScopedLock lock(shards_[index].mutex);
        bytes += shards_[index].bytes;
    }
    return bytes;
}

}  // namespace braid::runs
