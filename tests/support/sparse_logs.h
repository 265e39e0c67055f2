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

/// Logs in memory that leave out offsets by a seed, so that two nodes that are fed alike have the
/// same ones. They outlive the node.
class SparseLogs final : public log::LogFactory {
  public:
    SparseLogs(const Clock& clock, uint64_t seed) : clock_(clock), seed_(seed) {}

    Result<std::shared_ptr<log::PartitionedLog>> open(log::LogSpec spec) override;

  private:
    const Clock& clock_;
    const uint64_t seed_;
    Mutex mutex_;
    std::map<LogId, std::shared_ptr<log::MemoryLog>> logs_ GUARDED_BY(mutex_);
};

}  // namespace braid::testing
