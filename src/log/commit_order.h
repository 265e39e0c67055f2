// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "model/box.h"
#include "model/ids.h"

namespace braid::log {

class PartitionedLog;

/// The one sequencer of a node: the order of all groups of all its embedded logs. Thread-safe;
/// outlives its logs.
///
/// A vector of ends is *closed* if with an event it holds every event that was acknowledged before
/// that one was asked for. Two things give closed vectors:
/// - What is published at one moment, over all logs: ends() reads it in one step, and a group is
///   published before it is acknowledged.
/// - A sequence. A group gets it before it is written, so all that was acknowledged before one of
///   its requests came has a lower one; it lies in the headers of the group's blocks. So a closed
///   vector may grow by groups of rising sequence and is closed after each. This is how a backlog
///   is cut, and what is left of the order after a restart.
/// Whatever others may see (a fold, a pin, a seal) rests at such vectors only.
class CommitOrder {
  public:
    CommitOrder() = default;
    CommitOrder(const CommitOrder&) = delete;
    CommitOrder& operator=(const CommitOrder&) = delete;

    /// For a group that is about to be written: higher than all before. Groups that are to be seen
    /// together share one.
    uint64_t next_sequence() { return last_sequence_.fetch_add(1) + 1; }
    /// A start has found this one on the disk; those given from now on are higher.
    void restore(uint64_t sequence);

    /// A log is opened, or goes away. One that is not known is asked by durable_end().
    void add(const PartitionedLog& log, Positions ends);
    void remove(const PartitionedLog& log);

    /// A partition of a log can be read up to here.
    struct End {
        const PartitionedLog* log;
        PartitionId partition;
        Offset end;
    };
    /// One step: nobody sees some of the ends without the others. The caller keeps readers from
    /// what lies beyond until this returns, and acknowledges after it.
    void publish(std::span<const End> ends);

    /// The published ends of one log, of all its partitions in one step.
    Positions ends(const PartitionedLog& log) const;
    /// The same of several logs, in the same one step.
    std::vector<Positions> ends(std::span<const PartitionedLog* const> logs) const;

  private:
    std::atomic<uint64_t> last_sequence_ = 0;
    mutable Mutex mutex_;  // the innermost of all locks of a log
    std::map<const PartitionedLog*, Positions> ends_;
};

}  // namespace braid::log
