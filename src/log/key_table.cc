// SPDX-License-Identifier: Apache-2.0
#include "log/key_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid::log {

Result<std::optional<StoredKey>> KeyTable::reserve(const IdempotencyKey& key, int64_t open_us) {
    UniqueLock lock(mutex_);
    forget_old(open_us);
    while (true) {
        const auto [entry, is_fresh] = entries_.try_emplace(key.key);
        if (is_fresh) {
            entry->second.stored.key.body_hash = key.body_hash;
            return std::optional<StoredKey>();
        }
        if (!entry->second.is_pending) {
            if (entry->second.stored.key.body_hash == key.body_hash)
                return std::optional(whole(*entry));
            return invalid_input("idempotency key \"{}\" was used with another body", key.key)
                .with_sqlstate("22000");
        }
        // Not even another body is refused yet: the first may still fail, then this one is the
        // first.
        settled_.wait(lock);
    }
}

void KeyTable::settle(StoredKey stored) {
    ScopedLock lock(mutex_);
    const int64_t open_us = stored.open_us;
    insert(std::move(stored));
    forget_old(open_us);
    settled_.notify_all();
}

void KeyTable::release(const std::string& key) {
    ScopedLock lock(mutex_);
    entries_.erase(key);
    settled_.notify_all();
}

void KeyTable::restore(std::vector<StoredKey> keys) {
    const auto age = [](const StoredKey& each) {
        return std::tuple(each.open_us, each.partition, each.first);
    };
    std::ranges::sort(keys, {}, age);
    // A key that was forgotten and used again may still be in an old snapshot: the newest use
    // counts.
    std::unordered_map<std::string, size_t> last;
    for (size_t index = 0; index < keys.size(); ++index) last[keys[index].key.key] = index;
    ScopedLock lock(mutex_);
    for (size_t index = 0; index < keys.size(); ++index) {
        if (last[keys[index].key.key] == index) insert(std::move(keys[index]));
    }
    if (!settled_order_.empty()) forget_old(settled_order_.back()->second.stored.open_us);
}

std::vector<StoredKey> KeyTable::of_partition(PartitionId partition) const {
    ScopedLock lock(mutex_);
    std::vector<StoredKey> keys;
    for (const Entries::value_type* entry : settled_order_) {
        if (entry->second.stored.partition == partition) keys.push_back(whole(*entry));
    }
    return keys;
}

size_t KeyTable::size() const {
    ScopedLock lock(mutex_);
    return settled_order_.size();
}

void KeyTable::insert(StoredKey stored) {
    const auto [entry, is_fresh] = entries_.try_emplace(std::move(stored.key.key));
    CHECK(entry->second.is_pending);
    stored.key.key.clear();
    entry->second = {.is_pending = false, .stored = std::move(stored)};
    settled_order_.push_back(&*entry);
}

void KeyTable::forget_old(int64_t open_us) {
    while (!settled_order_.empty()) {
        const Entries::value_type* oldest = settled_order_.front();
        const bool is_old = oldest->second.stored.open_us < open_us - age_us_max_;
        if (!is_old && settled_order_.size() <= keys_max_) return;
        settled_order_.pop_front();
        entries_.erase(oldest->first);
    }
}

StoredKey KeyTable::whole(const Entries::value_type& entry) {
    StoredKey stored = entry.second.stored;
    stored.key.key = entry.first;
    return stored;
}

}  // namespace braid::log
