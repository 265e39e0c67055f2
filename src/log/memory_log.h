// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "log/commit_order.h"
#include "log/listeners.h"
#include "log/partitioned_log.h"

namespace braid::log {

/// How many positions of a partition are left out before its next record, or behind the last of a
/// request; one call at a time for each log.
using HoleRule = std::function<uint64_t(PartitionId)>;

/// Holes as a seed gives them: mostly none, some short, few long.
HoleRule seeded_holes(uint64_t seed);

/// A log in memory, for tests: the contract of PartitionedLog without files. Where it has a rule of
/// holes, its offsets are sparse as those of another system may be. What is appended is visible at
/// once, and gone with the object. Keys are kept for ever. Thread-safe.
class MemoryLog final : public PartitionedLog {
  public:
    /// Partitions that begin at their origins. `order` is the one of its node, or null: one of its
    /// own; order and clock outlive the log.
    MemoryLog(const Clock& clock, LogId id, const Positions& origin, HoleRule holes = {},
              CommitOrder* order = nullptr);
    ~MemoryLog() override;

    /// One more, which begins there.
    PartitionId add_partition(Offset origin);

    const LogId& id() const override { return id_; }
    uint32_t partition_count() const override;
    Positions origin() const override;
    Result<AppendOutcome> append(PartitionId partition, const AppendRequest& request) override;
    Positions start() const override;
    Positions durable_end() const override { return order_.ends(*this); }
    Result<RecordBatch> read(const Interval& range, size_t records_max) override;
    std::vector<SourcePosition> source_positions(PartitionId partition) const override;
    Result<void> trim(PartitionId partition, Offset keep_from) override;
    Result<Positions> roll() override { return durable_end(); }
    void on_durable(std::function<void()> listener) override {
        listeners_.add(std::move(listener));
    }

  private:
    /// The records of one request, and where they lie: what is below `end` and in no group before.
    struct Group {
        int64_t ingested_at_us = 0;
        uint64_t sequence = 0;
        std::string preamble;
        std::shared_ptr<const std::string> bytes;
        std::vector<std::string_view> records;
        std::vector<int64_t> offsets;
        Offset end;
    };
    struct Partition {
        Offset origin;
        Offset start;
        Offset end;
        std::deque<Group> groups;
        std::map<std::string, std::string> positions;
    };

    Group place(PartitionId id, const AppendRequest& request, Partition& partition)
        REQUIRES(mutex_);
    static RecordBatch batch_of(const Group& group, const Interval& range, size_t records_max);
    Positions all(Offset Partition::* which) const REQUIRES(mutex_);

    const Clock& clock_;
    const LogId id_;
    const HoleRule holes_;
    const std::unique_ptr<CommitOrder> own_order_;
    CommitOrder& order_;
    Listeners listeners_;
    mutable Mutex mutex_;  // before that of the order
    std::vector<Partition> partitions_ GUARDED_BY(mutex_);
    /// With the body's hash.
    std::map<std::string, std::pair<uint64_t, AppendOutcome>> keys_ GUARDED_BY(mutex_);
};

}  // namespace braid::log
