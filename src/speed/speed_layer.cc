// SPDX-License-Identifier: Apache-2.0
#include "speed/speed_layer.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid::speed {

SpeedLayer::SpeedLayer(SpeedParts parts, SpeedOptions options, Workers& workers)
    : memory_(options.memory_bytes_max,
              parts.metrics->get("braid_speed_state_bytes", Metrics::Kind::kGauge,
                                 "What the states of the newest events hold in memory.")),
      parts_(std::move(parts)),
      options_(options),
      workers_(workers) {
    parts_.memory = &memory_;
    for (size_t number = 0; number < options_.fold_threads; ++number) {
        folds_.push_back(workers_.start(fmt::format("fold {}", number), StepKind::kFold,
                                        [this] { return fold_step(); }));
    }
    parts_.call_helpers = [this] { wake_fold(); };
}

void SpeedLayer::wake_fold() {
    const size_t next = next_fold_.fetch_add(1, std::memory_order_relaxed);
    workers_.wake(folds_[next % folds_.size()]);
}

SpeedLayer::~SpeedLayer() {
    while (true) {
        std::optional<TableId> table;
        {
            const ScopedLock lock(mutex_);
            if (!entries_.empty()) table = entries_.begin()->first;
        }
        if (!table) break;
        remove_table(*table);
    }
    stop_folding();
}

void SpeedLayer::stop_folding() {
    for (const Workers::Handle fold : folds_) workers_.stop(fold);
}

StepOutcome SpeedLayer::fold_step() {
    StepOutcome outcome{.progressed = false, .idle_us = kUntilWoken};
    const std::vector<AwakeStreams::Awake> awake = awake_->all();
    if (awake.size() > 1 && folds_.size() > 1) wake_fold();
    for (const AwakeStreams::Awake& stream : awake) {
        const StepOutcome one = fold_step_of(stream);
        outcome.progressed |= one.progressed;
        outcome.idle_us = std::min(outcome.idle_us, one.idle_us);
    }
    return outcome;
}

StepOutcome SpeedLayer::fold_step_of(const AwakeStreams::Awake& stream) {
    Entry entry;
    {
        const ScopedLock lock(mutex_);
        const auto place = entries_.find(stream.table);
        if (place != entries_.end()) {
            entry = place->second;
            ++folding_[entry.worker.get()];
        }
    }
    if (!entry.worker) {
        awake_->rest(stream);
        return {.progressed = false, .idle_us = kUntilWoken};
    }
    const StepOutcome outcome = entry.worker->fold_step();
    if (!outcome.progressed && outcome.idle_us == kUntilWoken) {
        awake_->rest(stream);
    } else {
        awake_->keep(stream.table);
    }
    // Readers fold too: what they did is seen here when there is nothing left.
    if (entry.worker->rouse_seal()) workers_.wake(entry.seal);
    const ScopedLock lock(mutex_);
    --folding_[entry.worker.get()];
    left_.notify_all();
    // Whoever takes the stream away waits for the count: it must be the last to hold it.
    entry.worker.reset();
    return outcome;
}

Result<void> SpeedLayer::add_table(const catalog::Table& table,
                                   std::shared_ptr<log::PartitionedLog> log) {
    const TableId id = table.id;
    const Workers::Handle fold = folds_[id.value % folds_.size()];
    const auto wake = [&workers = workers_, awake = awake_, fold, id] {
        awake->wake(id);
        workers.wake(fold);
    };
    SpeedParts parts = parts_;
    parts.has_work = wake;
    Entry entry;
    entry.worker = TRY(TableWorker::open(std::move(parts), options_, table, log));
    entry.seal = workers_.start(fmt::format("seal {}", id.value), StepKind::kSeal,
                                [worker = entry.worker] { return worker->seal_step(); });
    {
        const ScopedLock lock(mutex_);
        entries_.emplace(id, std::move(entry));
    }
    log->on_durable(wake);
    wake();
    return {};
}

void SpeedLayer::remove_table(TableId table) {
    Entry entry;
    {
        UniqueLock lock(mutex_);
        const auto place = entries_.find(table);
        if (place == entries_.end()) return;
        entry = std::move(place->second);
        entries_.erase(place);
        while (folding_[entry.worker.get()] > 0) left_.wait(lock);
        folding_.erase(entry.worker.get());
    }
    workers_.stop(entry.seal);
}

Result<void> SpeedLayer::close() {
    std::map<TableId, Entry> entries;
    {
        const ScopedLock lock(mutex_);
        entries.swap(entries_);
    }
    stop_folding();
    Result<void> outcome;
    for (auto& [id, entry] : entries) {
        workers_.stop(entry.seal);
        auto sealed = entry.worker->seal_folded();
        if (!sealed && outcome) outcome = std::move(sealed);
    }
    return outcome;
}

Result<std::shared_ptr<TableWorker>> SpeedLayer::find(TableId table) const {
    const ScopedLock lock(mutex_);
    const auto place = entries_.find(table);
    if (place == entries_.end()) return not_found("the stream was dropped meanwhile");
    return place->second.worker;
}

Result<void> SpeedLayer::seal(TableId table) { return TRY(find(table))->seal(); }

Result<void> SpeedLayer::declare(TableId table, std::vector<manifest::Change> changes) {
    return TRY(find(table))->declare(std::move(changes));
}

std::optional<Error> SpeedLayer::failure(TableId table) const {
    const auto worker = find(table);
    return worker ? (*worker)->failure() : worker.error();
}

uint64_t SpeedLayer::bytes_used(TableId table) const {
    const auto worker = find(table);
    return worker ? (*worker)->bytes_used() : 0;
}

std::map<TableId, Result<runs::PinnedTicks>> SpeedLayer::pin(
    const std::map<TableId, Positions>& at_least, int64_t wait_us_max) {
    std::map<TableId, Result<runs::PinnedTicks>> pinned;
    std::vector<TableId> tables;
    std::vector<TableWorker::Wanted> wanted;
    for (const auto& [table, end] : at_least) {
        auto worker = find(table);
        if (worker) {
            tables.push_back(table);
            wanted.push_back({*std::move(worker), end});
        } else {
            pinned.emplace(table, std::move(worker).error());
        }
    }
    if (wanted.size() == 1) {
        pinned.emplace(tables[0], wanted[0].worker->pin(wanted[0].at_least, wait_us_max));
        return pinned;
    }
    if (wanted.empty()) return pinned;
    CHECK(parts_.order != nullptr);
    auto together = TableWorker::pin_together(*parts_.order, wanted, wait_us_max);
    for (size_t index = 0; index < tables.size(); ++index) {
        pinned.emplace(tables[index], std::move(together[index]));
    }
    return pinned;
}

Result<void> SpeedLayer::look(
    TableId table, const Positions& at_least, int64_t wait_us_max,
    const std::function<Result<void>(const std::vector<runs::TickPtr>&)>& look) {
    return TRY(find(table))->look(at_least, wait_us_max, look);
}

Positions SpeedLayer::frontier(TableId table) const {
    const auto worker = find(table);
    return worker ? (*worker)->frontier() : Positions{};
}

}  // namespace braid::speed
