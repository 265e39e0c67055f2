// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "log/block.h"
#include "log/extent.h"
#include "log/extent_writer.h"

namespace braid::log {

/// What the blocks of a partition add up to, at some offset.
struct PartitionState {
    Offset end;
    GroupStamp newest;  // of the newest block
    std::map<std::string, std::string> positions;
    std::vector<StoredKey> keys;  // only used while recovering; then the KeyTable has them

    void apply_positions(const std::vector<SourcePosition>& newer);
    std::vector<SourcePosition> position_list() const;
};

struct RecoveredPartition {
    std::vector<std::shared_ptr<Extent>> extents;  // oldest first; empty for a fresh log
    std::unique_ptr<ExtentWriter> writer;          // of the last extent, if it may be continued
    PartitionState state;

    /// Of the last extent's file; empty if there is none.
    std::string newest_name() const;
};

/// What all extents of a log that this process writes tell in their headers.
struct ExtentOrigin {
    const LogId& id;
    uint64_t epoch = 0;
    int64_t now_us = 0;  // by the wall clock
};

/// The header of the next extent of a partition.
ExtentHeader next_header(const ExtentOrigin& origin, PartitionId partition, Offset base,
                         const Extent* predecessor);

/// Where a start before this one found a partition to end, and which start it was.
struct FoundEnd {
    uint64_t epoch = 0;       // 0: none has looked
    std::string newest = {};  // the name of its newest extent; empty: it had none
};

/// Reads a partition's directory (which exists) as the last process left it. All that is returned
/// is durable: a group of which that is not certain is written again first, with its old stamp.
/// Bytes of a group that was not finished are cut, and extents removed that come from a process
/// that had lost the directory: of a lower epoch than one before them, or than the start that found
/// the partition to end before them. Corrupt, with the place, if anything was damaged that had been
/// acknowledged.
Result<RecoveredPartition> recover_partition(FileSystem& files, const std::string& directory,
                                             const ExtentOrigin& origin, PartitionId partition,
                                             const FoundEnd& before);

}  // namespace braid::log
