// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/mutex.h"
#include "log/log_factory.h"
#include "log/memory_log.h"

namespace braid::testing {

/// Logs in memory that begin anywhere, leave out offsets and may get partitions, all by a seed, so
/// that two nodes that are fed alike have the same ones. They outlive the node, as those of another
/// system do.
class SparseLogs final : public log::LogFactory {
  public:
    /// Without holes no offset is left out.
    SparseLogs(const Clock& clock, uint64_t seed, bool has_holes)
        : clock_(clock), seed_(seed), has_holes_(has_holes) {}

    Result<Positions> origin_of(const log::LogSpec& spec) override;
    Result<std::shared_ptr<log::PartitionedLog>> open(log::LogSpec spec) override;
    /// One partition more for a log that was opened.
    void add_partition(const LogId& log);

  private:
    Offset origin_of(uint32_t partition) const;

    const Clock& clock_;
    const uint64_t seed_;
    const bool has_holes_;
    Mutex mutex_;
    std::map<LogId, std::shared_ptr<log::MemoryLog>> logs_ GUARDED_BY(mutex_);
};

}  // namespace braid::testing
