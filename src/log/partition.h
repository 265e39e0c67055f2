// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/metric.h"
#include "base/mutex.h"
#include "log/commit_order.h"
#include "log/embedded_log.h"
#include "log/key_table.h"
#include "log/open_time.h"
#include "log/partitioned_log.h"
#include "log/recovery.h"
#include "log/tail.h"

namespace braid::log {

/// Remembers why a log had to stop; once set it stays. Thread-safe.
class StopSign {
  public:
    void set(const Error& reason);
    /// Io with the reason, once it is set.
    Result<void> check() const;

  private:
    mutable Mutex mutex_;
    std::optional<Error> reason_;
};

/// Numbers of one log; null when nobody wants them.
struct LogMetrics {
    Metric* records = nullptr;
    Metric* bytes = nullptr;
    Metric* syncs = nullptr;
    Metric* duplicates = nullptr;
};

/// What the partitions of a log share.
struct LogContext {
    FileSystem& files;
    const Clock& clock;
    const LogId id;
    const EmbeddedLogOptions options;
    const LogMetrics metrics;
    const PartitionedLog& log;
    CommitOrder& order;
    OpenTime open_time;
    const DirectoryOwner* owner;
    KeyTable keys;
    StopSign stop;
    std::function<void()> committed;  // set before the first append

    ExtentOrigin origin() const {
        return {id, owner == nullptr ? 0 : owner->epoch(), clock.wall_us()};
    }
    /// Whether what is written here still counts.
    Result<void> check_owner() const { return owner == nullptr ? Result<void>() : owner->check(); }
    /// Of a group that is written now.
    GroupStamp stamp_of(uint64_t sequence) const {
        return {sequence, clock.wall_us(), open_time.now_us()};
    }
};

/// One partition of an embedded log: its extents, and the group commit. Callers of append queue up;
/// one of them leads: it writes what waits as one group, syncs once, publishes, wakes all. So there
/// is no thread of its own, and with a single caller everything happens in its call. Thread-safe.
class Partition {
    /// An append that is under way; lives in the call.
    struct Waiter {
        const AppendRequest& request;
        UnplacedBlocks blocks;
        uint64_t bytes = 0;  // of the blocks, which the writer takes
        std::optional<Result<AppendOutcome>> outcome;
    };
    using Group = std::vector<Waiter*>;

  public:
    Partition(LogContext& context, std::string directory, PartitionId id,
              RecoveredPartition recovered);
    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    /// A key in the request is reserved already; it is settled when this succeeds.
    Result<AppendOutcome> append(const AppendRequest& request);
    Result<RecordBatch> read(Offset from, Offset to, size_t records_max);
    Result<void> trim(Offset keep_from);
    /// The end as of the call, or later: an extent that is durable begins there, or behind it.
    Result<Offset> roll();
    Offset start() const;
    std::vector<SourcePosition> source_positions() const;

    const PartitionId& id() const { return id_; }
    const LogContext& context() const { return context_; }

  private:
    friend class JointAppend;

    void lead(UniqueLock& lock);
    Group take_group();
    /// Writes a group and makes it durable; only the leader runs it, under no lock.
    Result<std::vector<std::string>> commit(const Group& group, const GroupStamp& stamp);
    /// Waits until nobody leads, and leads: before all who wait to append. Until release_lead()
    /// nothing is written here but by the caller.
    void take_lead();
    void release_lead();
    /// What commit() has written last is not to be shown: the next group begins a new extent, whose
    /// header cuts it.
    void discard_written() { writer_.reset(); }
    Result<void> check_room(const Group& group) const;
    bool needs_new_extent() const;
    Result<void> start_extent();
    /// What a group means, for readers that come after the lock is released; the caller shows the
    /// end to the order before that.
    CommitOrder::End publish(const Group& group, std::vector<std::string> pieces,
                             const GroupStamp& stamp);
    void fail(const Group& group, const Error& error);
    AppendOutcome outcome_of(const Waiter& waiter, Offset first, const GroupStamp& stamp);

    /// Those whose place the oldest extent took: before it, or a start would take them for it.
    Result<void> remove_replaced(const Extent& oldest);
    std::shared_ptr<Extent> newest_extent() const;
    RecordBatch empty_batch(Offset at) const;
    /// Nothing if it is not in memory.
    Result<std::optional<RecordBatch>> read_tail(Offset from, size_t records_max);
    /// Null at the end of the log.
    Result<std::shared_ptr<Extent>> find_extent(Offset from);
    Error trimmed(Offset from, Offset start) const;
    Offset start_locked() const;

    LogContext& context_;
    const std::string directory_;
    const PartitionId id_;

    mutable Mutex mutex_;
    CondVar changed_;
    std::deque<Waiter*> queue_;
    uint64_t waiting_bytes_ = 0;
    bool has_leader_ = false;
    uint32_t leads_wanted_ = 0;                     // by take_lead()
    std::vector<std::shared_ptr<Extent>> extents_;  // by base
    std::deque<std::shared_ptr<Extent>> recent_;    // with an open file, the newest use last
    Tail tail_;
    PartitionState state_;  // written under the lock by the leader only, so it may read without

    std::unique_ptr<ExtentWriter> writer_;  // the leader's; of the newest extent, or null
    bool is_fresh_extent_ = false;          // the writer's is not in extents_ yet
    Mutex trim_mutex_;                      // one trim at a time
};

}  // namespace braid::log
