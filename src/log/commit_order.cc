// SPDX-License-Identifier: Apache-2.0
#include "log/commit_order.h"

#include "base/check.h"
#include "log/partitioned_log.h"

namespace braid::log {

void CommitOrder::restore(uint64_t sequence) {
    uint64_t last = last_sequence_.load();
    while (last < sequence && !last_sequence_.compare_exchange_weak(last, sequence)) {
    }
}

void CommitOrder::add(const PartitionedLog& log, Positions ends) {
    const ScopedLock lock(mutex_);
    ends_.insert_or_assign(&log, std::move(ends));
}

void CommitOrder::remove(const PartitionedLog& log) {
    const ScopedLock lock(mutex_);
    ends_.erase(&log);
}

void CommitOrder::publish(std::span<const End> ends) {
    const ScopedLock lock(mutex_);
    for (const End& each : ends) {
        const auto place = ends_.find(each.log);
        CHECK(place != ends_.end());
        Offset& end = place->second.at[each.partition.value];
        CHECK_LE(end.value, each.end.value);
        end = each.end;
    }
}

Positions CommitOrder::ends(const PartitionedLog& log) const {
    {
        const ScopedLock lock(mutex_);
        const auto place = ends_.find(&log);
        if (place != ends_.end()) return place->second;
    }
    return log.durable_end();
}

std::vector<Positions> CommitOrder::ends(std::span<const PartitionedLog* const> logs) const {
    std::vector<Positions> ends(logs.size());
    {
        const ScopedLock lock(mutex_);
        for (size_t index = 0; index < logs.size(); ++index) {
            const auto place = ends_.find(logs[index]);
            if (place != ends_.end()) ends[index] = place->second;
        }
    }
    for (size_t index = 0; index < logs.size(); ++index) {
        if (ends[index].at.empty()) ends[index] = logs[index]->durable_end();
    }
    return ends;
}

}  // namespace braid::log
