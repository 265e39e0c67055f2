// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "log/block.h"
#include "log/partitioned_log.h"

namespace braid::log {

/// The idempotency keys of a table, over all partitions: what was stored under each of the newest
/// keys. They age by the time that the log was open, never by the wall clock. Thread-safe. A key is
/// reserved before its request is written; whoever comes with the same key meanwhile waits for the
/// outcome, so two at once store once.
class KeyTable {
  public:
    KeyTable(uint64_t keys_max, int64_t age_us_max)
        : keys_max_(keys_max), age_us_max_(age_us_max) {}

    /// Nothing: the key is reserved for the caller, who must settle() or release() it. Otherwise
    /// what was stored under it. InvalidInput if that had another body.
    Result<std::optional<StoredKey>> reserve(const IdempotencyKey& key, int64_t open_us);
    /// The request is durable.
    void settle(StoredKey stored);
    /// The request failed: the next one with this key is a first one.
    void release(const std::string& key);

    /// Puts back keys read from the log, of all partitions, in any order.
    void restore(std::vector<StoredKey> keys);
    /// The live keys of a partition, oldest first.
    std::vector<StoredKey> of_partition(PartitionId partition) const;
    size_t size() const;

  private:
    struct Entry {
        bool is_pending = true;
        StoredKey stored;  // its key text is empty: the map holds it
    };
    using Entries = std::unordered_map<std::string, Entry>;

    void insert(StoredKey stored);
    void forget_old(int64_t open_us);
    static StoredKey whole(const Entries::value_type& entry);

    const uint64_t keys_max_;
    const int64_t age_us_max_;
    mutable Mutex mutex_;
    CondVar settled_;
    Entries entries_;
    std::deque<const Entries::value_type*> settled_order_;  // oldest first; each settled entry once
};

}  // namespace braid::log
