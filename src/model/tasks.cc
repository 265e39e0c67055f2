// SPDX-License-Identifier: Apache-2.0
#include "model/tasks.h"

#include <utility>

namespace braid {

/// Begins anew.
void Tasks::Running::begin(uint64_t all) const {
    if (!entry_) return;
    entry_->done = 0;
    entry_->all = all;
}

void Tasks::Running::advance(uint64_t by) const {
    if (entry_) entry_->done += by;
}

Tasks::Running Tasks::begin(std::string kind, TableId table, std::string unit) {
    Running running;
    const ScopedLock lock(mutex_);
    std::erase_if(entries_, [](const auto& each) { return each.expired(); });
    running.entry_ =
        std::make_shared<Entry>(next_++, std::move(kind), table, std::move(unit), clock_.wall_us());
    entries_.push_back(running.entry_);
    return running;
}

Tasks::Running Tasks::begin_in(Tasks* tasks, std::string kind, TableId table, std::string unit) {
    if (tasks != nullptr) return tasks->begin(std::move(kind), table, std::move(unit));
    Running unseen;
    unseen.entry_ = std::make_shared<Entry>(0, std::move(kind), table, std::move(unit), 0);
    return unseen;
}

std::vector<TaskReport> Tasks::report() const {
    std::vector<TaskReport> reports;
    const ScopedLock lock(mutex_);
    for (const auto& each : entries_) {
        const std::shared_ptr<Entry> entry = each.lock();
        if (!entry) continue;
        reports.push_back({.number = entry->number,
                           .kind = entry->kind,
                           .table = entry->table,
                           .done = entry->done,
                           .all = entry->all,
                           .unit = entry->unit,
                           .began_at_us = entry->began_at_us});
    }
    return reports;
}

}  // namespace braid
