// SPDX-License-Identifier: Apache-2.0
#include "speed/table_worker.h"

namespace braid::speed {

namespace {

/// How long an explicit seal may fold what had been acknowledged before it was asked for.
constexpr int64_t kCatchUpUsMax = 60'000'000;

}  // namespace

Result<std::unique_ptr<TableWorker>> TableWorker::open(SpeedParts parts, SpeedOptions options,
                                                       const catalog::Table& table,
                                                       std::shared_ptr<log::PartitionedLog> log) {
    std::unique_ptr<TableWorker> worker(
        new TableWorker(std::move(parts), options, table, std::move(log)));
    TRY(worker->fold_.reload());
    return worker;
}

TableWorker::TableWorker(SpeedParts parts, SpeedOptions options, catalog::Table table,
                         std::shared_ptr<log::PartitionedLog> log)
    : parts_(std::move(parts)),
      options_(options),
      table_(std::move(table)),
      fold_(parts_, options_, table_, std::move(log)),
      seal_(parts_, options_, table_, fold_) {}

StepOutcome TableWorker::seal_step() {
    seal_rests_ = true;  // before it looks: what comes now rouses it again
    seal_waits_ = true;
    const StepOutcome outcome = seal_.step();
    if (outcome.progressed || outcome.idle_us != kUntilWoken) seal_rests_ = false;
    if (!seal_.waits_for_more()) seal_waits_ = false;
    return outcome;
}

bool TableWorker::rouse_seal() {
    if (seal_rests_ && fold_.has_unsealed()) return seal_rests_.exchange(false);
    return seal_waits_ && !fold_.is_unsealed_small() && seal_waits_.exchange(false);
}

Result<void> TableWorker::seal() {
    TRY(fold_.catch_up(kCatchUpUsMax));
    return seal_folded();
}

}  // namespace braid::speed
