// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/worker.h"
#include "catalog/catalog.h"
#include "log/commit_order.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "runs/tick_source.h"
#include "speed/speed_parts.h"
#include "speed/table_fold.h"
#include "speed/table_seal.h"

namespace braid::speed {

/// Folds one stream into a hash table per view version (TableFold) and seals what it has folded
/// (TableSeal). Thread-safe; fold_step is called by one thread. After a crash everything above the
/// sealed frontier is folded again from the log.
class TableWorker {
  public:
    static Result<std::unique_ptr<TableWorker>> open(SpeedParts parts, SpeedOptions options,
                                                     const catalog::Table& table,
                                                     std::shared_ptr<log::PartitionedLog> log);

    StepOutcome fold_step() { return fold_.step(); }
    StepOutcome seal_step();
    /// Whether something is to be sealed, and the step that does it rests, or waits for more than
    /// there was: it must be woken now.
    /// Says so once.
    bool rouse_seal();

    /// Folds what was acknowledged until now and makes it durable as one commit; nothing to do is
    /// success.
    Result<void> seal();
    /// The same for what is folded already.
    Result<void> seal_folded() { return seal_.seal_folded(); }
    /// Commits catalog changes together with a seal, so that a version created by them starts
    /// exactly at the sealed frontier; folding waits meanwhile. Conflict as in Manifest::commit.
    Result<void> declare(std::vector<manifest::Change> changes) {
        return seal_.declare(std::move(changes));
    }

    Result<runs::PinnedTicks> pin(const Positions& at_least, int64_t wait_us_max) {
        return fold_.pin(at_least, wait_us_max);
    }
    /// The same for streams of one node at one moment, so that their ends together are one closed
    /// vector; one that cannot be pinned has its own error. The workers come in order of their
    /// tables.
    struct Wanted {
        std::shared_ptr<TableWorker> worker;
        Positions at_least;
    };
    static std::vector<Result<runs::PinnedTicks>> pin_together(const log::CommitOrder& order,
                                                               const std::vector<Wanted>& wanted,
                                                               int64_t wait_us_max);

    Result<void> look(const Positions& at_least, int64_t wait_us_max,
                      const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look) {
        return fold_.look(at_least, wait_us_max, look);
    }
    Positions frontier() const { return fold_.frontier(); }
    /// Why a partition stopped folding, if one did; readers get it instead of an answer with a gap.
    std::optional<Error> failure() const { return fold_.failure(); }
    uint64_t bytes_used() const { return fold_.bytes_used(); }

  private:
    friend class JointPin;

    TableWorker(SpeedParts parts, SpeedOptions options, catalog::Table table,
                std::shared_ptr<log::PartitionedLog> log);

    const SpeedParts parts_;
    const SpeedOptions options_;
    const catalog::Table table_;
    TableFold fold_;
    TableSeal seal_;
    std::atomic<bool> seal_rests_ = false;  // nothing is to be sealed
    std::atomic<bool> seal_waits_ = false;  // too little to be sealed at once
};

}  // namespace braid::speed
