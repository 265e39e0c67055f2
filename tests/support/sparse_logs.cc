// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sparse_logs.h"

#include "base/random.h"

namespace braid::testing {

Offset SparseLogs::origin_of(uint32_t partition) const {
    constexpr uint64_t kOriginMax = 1'000'000;
    uint64_t state = seed_ + partition;
    return {static_cast<int64_t>(split_mix(state) % kOriginMax)};
}

Result<Positions> SparseLogs::origin_of(const log::LogSpec& spec) {
    Positions origin;
    for (uint32_t index = 0; index < spec.partition_count; ++index) {
        origin.at.push_back(origin_of(index));
    }
    return origin;
}

Result<std::shared_ptr<log::PartitionedLog>> SparseLogs::open(log::LogSpec spec) {
    const ScopedLock lock(mutex_);
    std::shared_ptr<log::MemoryLog>& log = logs_[spec.id];
    if (!log) {
        log = std::make_shared<log::MemoryLog>(
            clock_, spec.id, TRY(origin_of(spec)),
            has_holes_ ? log::seeded_holes(seed_) : log::HoleRule());
    }
    return std::shared_ptr<log::PartitionedLog>(log);
}

void SparseLogs::add_partition(const LogId& log) {
    const ScopedLock lock(mutex_);
    log::MemoryLog& grown = *logs_.at(log);
    grown.add_partition(origin_of(grown.partition_count()));
}

}  // namespace braid::testing
