// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sparse_logs.h"

namespace braid::testing {

Result<std::shared_ptr<log::PartitionedLog>> SparseLogs::open(log::LogSpec spec) {
    const ScopedLock lock(mutex_);
    std::shared_ptr<log::MemoryLog>& log = logs_[spec.id];
    if (!log) {
        log = std::make_shared<log::MemoryLog>(
            clock_, spec.id, Positions::zero(spec.partition_count), log::seeded_holes(seed_));
    }
    return std::shared_ptr<log::PartitionedLog>(log);
}

}  // namespace braid::testing
