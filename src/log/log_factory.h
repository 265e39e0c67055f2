// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "log/embedded_log.h"
#include "log/partitioned_log.h"
#include "model/log_kind.h"

namespace braid::log {

/// One stream's log, as its declaration and its node ask for it.
struct LogSpec {
    LogKind kind = LogKind::kEmbedded;
    std::string directory;  // below the data directory
    LogId id;
    uint32_t partition_count = 1;
    /// As in EmbeddedLogOptions.
    std::function<Result<void>(uint64_t bytes)> admit = {};
    std::shared_ptr<PartHealth> health = {};
};

/// Opens logs of every kind: the one place that knows which forms there are. Thread-safe.
class LogFactory {
  public:
    virtual ~LogFactory() = default;
    /// Where the partitions of a log that is about to be made will begin.
    virtual Result<Positions> origin_of(const LogSpec& spec) = 0;
    /// Errors are those of the form: see open_embedded_log.
    virtual Result<std::shared_ptr<PartitionedLog>> open(LogSpec spec) = 0;
};

/// What logs of a node stand on; it outlives them.
struct LogGround {
    FileSystem* files = nullptr;
    const Clock* clock = nullptr;
    Metrics* metrics = nullptr;  // may be null
    EmbeddedLogOptions embedded;
    LogHost host;
};
std::unique_ptr<LogFactory> make_log_factory(LogGround ground);

}  // namespace braid::log
