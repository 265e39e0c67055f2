// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/worker.h"
#include "runs/tick_source.h"
#include "speed/awake_streams.h"
#include "speed/table_worker.h"

namespace braid::speed {

/// The speed layer of a node: a worker per stream, each with a seal step, and a fixed number of
/// threads that fold, each a slice of every stream that is awake in turn. A stream without news is
/// looked at by nobody.
/// Thread-safe.
class SpeedLayer final : public runs::TickSource {
  public:
    SpeedLayer(SpeedParts parts, SpeedOptions options, Workers& workers);
    ~SpeedLayer() override;

    /// Starts folding a stream from its sealed frontier.
    Result<void> add_table(const catalog::Table& table, std::shared_ptr<log::PartitionedLog> log);
    /// Stops folding it; what was not sealed is dropped.
    void remove_table(TableId table);
    /// Stops all workers after a last seal of each; the first error is returned after all were
    /// tried.
    Result<void> close();

    Result<void> seal(TableId table);
    Result<void> declare(TableId table, std::vector<manifest::Change> changes);
    std::optional<Error> failure(TableId table) const;
    uint64_t bytes_used(TableId table) const;

    std::map<TableId, Result<runs::PinnedTicks>> pin(const std::map<TableId, Positions>& at_least,
                                                     int64_t wait_us_max) override;
    Result<void> look(
        TableId table, const Positions& at_least, int64_t wait_us_max,
        const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look) override;
    Positions frontier(TableId table) const override;

  private:
    struct Entry {
        std::shared_ptr<TableWorker> worker;
        Workers::Handle seal = 0;
    };
    Result<std::shared_ptr<TableWorker>> find(TableId table) const;
    /// One of the threads that fold: a slice of each stream that is awake.
    StepOutcome fold_step();
    StepOutcome fold_step_of(const AwakeStreams::Awake& stream);
    void wake_fold();
    void stop_folding();

    StatesMemory memory_;
    SpeedParts parts_;
    const SpeedOptions options_;
    Workers& workers_;
    mutable Mutex mutex_;
    /// Of the logs' listeners too, which may outlive this.
    const std::shared_ptr<AwakeStreams> awake_ = std::make_shared<AwakeStreams>();
    std::map<TableId, Entry> entries_ GUARDED_BY(mutex_);
    std::map<const TableWorker*, int> folding_ GUARDED_BY(mutex_);  // threads in its fold_step
    CondVar left_;                                                  // one has left it
    std::vector<Workers::Handle> folds_;
    std::atomic<size_t> next_fold_ = 0;
};

}  // namespace braid::speed
