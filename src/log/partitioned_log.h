// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/box.h"
#include "model/ids.h"
#include "model/offsets.h"

namespace braid::log {

/// Where a collector has got to in one of its sources, kept inside the log itself. `source` names
/// the source within the table (for a file: device, inode and hash of its first bytes); `position`
/// is opaque to the log. The newest position of a source wins; an empty position forgets the
/// source.
struct SourcePosition {
    std::string source;
    std::string position;
};

/// Makes a request safe to repeat. Two appends with the same key and the same body hash store once.
struct IdempotencyKey {
    std::string key;
    uint64_t body_hash = 0;
};

/// What is appended in one piece: all of it becomes durable, or none.
struct AppendRequest {
    std::vector<std::string_view> records;  // valid until append returns
    std::vector<SourcePosition> positions;
    std::optional<IdempotencyKey> key;
    /// A file's header line, or empty; handed back with each batch that is read.
    std::string_view preamble;
};

struct AppendOutcome {
    PartitionId partition;
    Offsets offsets;  // of the records
    Offset end;       // the position behind the last
    int64_t ingested_at_us = 0;
    bool was_duplicate = false;  // the key was known: the offsets are those of the first time
};

/// Records of one partition, in order, as they were appended: all that lie between where reading
/// began and `next`. There may be none: then nothing lies there.
struct RecordBatch {
    PartitionId partition;
    Offsets offsets;
    Offset next;  // where reading goes on
    int64_t ingested_at_us = 0;
    /// What is of a higher one was not acknowledged before what is of a lower one was asked for; 0
    /// if nobody knows. Rising within a partition; the records of one are shown together.
    uint64_t sequence = 0;
    std::string preamble;
    std::vector<std::string_view> records;  // point into `bytes`
    std::shared_ptr<const std::string> bytes;
};

/// The bytes of all events of one table, in partitions, for as long as the archive needs them. It
/// knows nothing of columns. A seam: EmbeddedLog (files), later Kafka. Thread-safe.
///
/// Guarantees: append returns only when the records are durable; a record has one offset for ever;
/// within a partition offset order is the order in which appends were acknowledged; what was
/// acknowledged is read back, byte for byte, until trimmed. Nothing at or above durable_end is ever
/// visible to a reader. Not guaranteed: order across partitions; that offsets follow each other
/// without holes; that the first is 0. Positions are compared, never subtracted to count.
class PartitionedLog {
  public:
    virtual ~PartitionedLog() = default;

    virtual const LogId& id() const = 0;
    /// May grow while the log is open, never shrink; a new partition begins at its own origin, and
    /// origin() knows it no later than start() and durable_end() do.
    virtual uint32_t partition_count() const = 0;
    /// The first offset that each partition ever could have, any number from 0: where its history
    /// begins, whatever was trimmed since.
    virtual Positions origin() const = 0;

    /// Group commit: callers that wait together share one sync. A key seen before with another body
    /// is InvalidInput (SQLSTATE 22000, HTTP 422). Exhausted when the disk is nearly full. After a
    /// failed sync every append fails with Io: the process must be restarted.
    virtual Result<AppendOutcome> append(PartitionId partition, const AppendRequest& request) = 0;

    /// First offset that can still be read, and one past the last durable one.
    virtual Positions start() const = 0;
    virtual Positions durable_end() const = 0;

    /// The first records of a range, at most `records_max` (> 0), none at or beyond its end or the
    /// durable end. The batch's `next` lies behind the range's beginning, unless that is its end or
    /// the durable end; so whoever follows `next` comes to the end, over holes too. NotFound if the
    /// beginning was trimmed, InvalidInput if it lies beyond the durable end, Corrupt (with the
    /// exact range in the detail) if the bytes are damaged.
    virtual Result<RecordBatch> read(const Interval& range, size_t records_max) = 0;

    /// Live source positions of a partition, as of the durable end.
    virtual std::vector<SourcePosition> source_positions(PartitionId partition) const = 0;

    /// Forgets records below `keep_from`, whole extents only, oldest first. Positions and keys
    /// survive.
    virtual Result<void> trim(PartitionId partition, Offset keep_from) = 0;

    /// Makes a border that trim can go to: what is appended later shares no file with what lies
    /// below. Gives where it is in each partition, at or above the durable end as of the call. What
    /// trim has removed up to there is nowhere in the log any more.
    virtual Result<Positions> roll() = 0;

    /// Called after each group commit, and when a partition has come, from the thread that did it;
    /// must be quick.
    virtual void on_durable(std::function<void()> listener) = 0;
};

}  // namespace braid::log
