// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/ids.h"

namespace braid {

/// A long piece of work that is going on, for people.
struct TaskReport {
    uint64_t number = 0;
    std::string kind;  // "refresh", "backfill", "compact"
    TableId table;
    /// In `unit`s; none of `all` before the work knows.
    uint64_t done = 0;
    uint64_t all = 0;
    std::string unit;  // "events", "rows"
    int64_t began_at_us = 0;
};

/// The long work of a node. Outlives all that is entered. Thread-safe.
class Tasks {
    struct Entry {
        uint64_t number;
        std::string kind;
        TableId table;
        std::string unit;
        int64_t began_at_us;
        std::atomic<uint64_t> done = 0;
        std::atomic<uint64_t> all = 0;
    };

  public:
    /// Work that ends with this. Its counts may be moved on from any thread.
    class Running {
      public:
        Running() = default;  // of nothing
        void begin(uint64_t all) const;
        void advance(uint64_t by) const;
        uint64_t done() const { return entry_ ? entry_->done.load() : 0; }
        uint64_t all() const { return entry_ ? entry_->all.load() : 0; }

      private:
        friend class Tasks;
        std::shared_ptr<Entry> entry_;
    };

    explicit Tasks(const Clock& clock) : clock_(clock) {}

    Running begin(std::string kind, TableId table, std::string unit);
    /// The same; work that nobody sees when there are no tasks to enter it in.
    static Running begin_in(Tasks* tasks, std::string kind, TableId table, std::string unit);
    /// What has not ended, in the order in which it began.
    std::vector<TaskReport> report() const;

  private:
    const Clock& clock_;
    mutable Mutex mutex_;
    uint64_t next_ GUARDED_BY(mutex_) = 1;
    std::list<std::weak_ptr<Entry>> entries_ GUARDED_BY(mutex_);
};

}  // namespace braid
