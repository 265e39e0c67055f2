// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "read/reader.h"

namespace braid::serving {

/// What the receipts of the newest statements of all sessions are made of, for braid.receipts: as
/// many as fit. Thread-safe.
class ReceiptLog {
  public:
    struct Entry {
        uint64_t number = 0;
        int64_t finished_at_us = 0;  // Unix microseconds
        std::string statement;       // its beginning
        std::shared_ptr<const runs::ReceiptSource> receipt;
    };

    explicit ReceiptLog(uint64_t bytes_max = 4U << 20) : bytes_max_(bytes_max) {}
    void add(int64_t finished_at_us, std::string_view statement,
             std::shared_ptr<const runs::ReceiptSource> receipt);
    /// Oldest first.
    std::vector<Entry> entries() const;

  private:
    void take_in(const Entry& entry) REQUIRES(mutex_);
    void drop_oldest() REQUIRES(mutex_);

    const uint64_t bytes_max_;
    mutable Mutex mutex_;
    uint64_t next_number_ GUARDED_BY(mutex_) = 1;
    std::deque<Entry> entries_ GUARDED_BY(mutex_);
    uint64_t bytes_ GUARDED_BY(mutex_) = 0;
    /// What is shared counts once: how many entries name it.
    std::unordered_map<const runs::TiledRuns*, uint64_t> shared_ GUARDED_BY(mutex_);
};

}  // namespace braid::serving
