// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "log/commit_order.h"
#include "log/partitioned_log.h"
#include "model/directory_owner.h"
#include "model/health.h"

namespace braid::log {

class Takeover;

/// Limits of an embedded log; the defaults are explained in docs/formats/log.md.
struct EmbeddedLogOptions {
    uint64_t extent_bytes_max = 64ULL << 20;
    uint64_t group_bytes_max = 4ULL << 20;     // one sync covers at most about this much
    uint64_t waiting_bytes_max = 64ULL << 20;  // beyond it append blocks
    uint64_t keep_free_bytes = 256ULL << 20;   // below it append is Exhausted (53100)
    uint64_t keys_max = 1'000'000;
    int64_t key_age_us_max = 24LL * 3600 * 1'000'000;
    /// Asked before each group is written, with its bytes; may refuse it. May be empty.
    std::function<Result<void>(uint64_t bytes)> admit;
    std::shared_ptr<PartHealth> health;  // told when the log stops; may be null
};

/// What the logs of a node share; it outlives them.
struct LogHost {
    CommitOrder* order = nullptr;           // null: the log has one of its own
    const DirectoryOwner* owner = nullptr;  // null: nobody else can come to it
    Takeover* takeover = nullptr;           // of the owner's epoch; null: of no process before
};

/// Opens the log of one table in `directory` (created when missing), with recovery: the torn tail
/// behind the last whole block is cut, damage anywhere else is Corrupt with its place. The objects
/// passed in must outlive the log. `metrics` may be null.
Result<std::unique_ptr<PartitionedLog>> open_embedded_log(FileSystem& files, const Clock& clock,
                                                          std::string directory, LogId id,
                                                          uint32_t partition_count,
                                                          EmbeddedLogOptions options,
                                                          Metrics* metrics, LogHost host = {});

/// What goes to one partition of one log in a joint append.
struct AppendPart {
    PartitionedLog* log = nullptr;  // an embedded log of the node whose order it is
    PartitionId partition;
    AppendRequest request;
};

/// Appends to several partitions of several logs in one step: whoever sees one of them sees all,
/// and they share one sequence. Parts whose key is known already are answered by it and not written
/// again, so a joint append whose parts all have keys can be repeated until it succeeds. After an
/// error nothing of it is visible; what a restart finds of it is then what a power cut left: some
/// parts, each as a whole. The outcomes come in the order of the parts.
Result<std::vector<AppendOutcome>> append_jointly(CommitOrder& order,
                                                  std::span<const AppendPart> parts);

}  // namespace braid::log
