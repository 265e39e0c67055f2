// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/metric.h"
#include "base/mutex.h"

namespace braid::runs {

/// Something that was read from a file and checked. Immutable.
class Cached {
  public:
    virtual ~Cached() = default;
    virtual uint64_t bytes_used() const = 0;
};
using CachedPtr = std::shared_ptr<const Cached>;

/// What reading counts.
struct ReadMetrics {
    explicit ReadMetrics(Metrics& metrics);
    Metric& hits;
    Metric& misses;
    Metric& bytes;
    Metric& damaged;
};

/// Keeps what was read, up to a number of bytes; beyond it what nobody asked for lately goes
/// (CLOCK: Corbató 1968). What is held outside is pinned: it counts, and stays. Thread-safe; in
/// shards, each with a lock of its own.
class BlockCache {
  public:
    struct Key {
        uint64_t part = 0;    // of this process: never used again
        uint32_t number = 0;  // of the block
        friend bool operator==(const Key&, const Key&) = default;
    };
    /// A scan leaves what others ask for again where it is: it takes the place of one thing at
    /// most that nobody asked for since it last came by.
    enum class Use : uint8_t { kPoint, kScan };

    BlockCache(uint64_t bytes_max, ReadMetrics& metrics);
    ~BlockCache();

    /// Null if it is not there.
    CachedPtr find(const Key& key, Use use);
    /// What is kept: the same, or that of whoever was faster. Without room it is only given back.
    CachedPtr add(const Key& key, CachedPtr value, Use use);
    /// Drops all that is of a part.
    void forget(uint64_t part);
    uint64_t bytes_used() const;

  private:
    struct Slot {
        Key key;
        CachedPtr value;
        bool is_asked_for = false;
    };
    struct Hash {
        size_t operator()(const Key& key) const;
    };
    struct Shard {
        Mutex mutex;
        std::unordered_map<Key, size_t, Hash> places GUARDED_BY(mutex);
        std::vector<Slot> slots GUARDED_BY(mutex);
        size_t hand GUARDED_BY(mutex) = 0;
        uint64_t bytes GUARDED_BY(mutex) = 0;
    };

    Shard& shard_of(const Key& key) const;
    bool make_room(Shard& shard, uint64_t bytes, Use use) REQUIRES(shard.mutex);
    void remove(Shard& shard, size_t place) REQUIRES(shard.mutex);

    ReadMetrics& metrics_;
    size_t shard_count_;
    uint64_t shard_bytes_max_;
    const std::unique_ptr<Shard[]> shards_;
};

}  // namespace braid::runs
