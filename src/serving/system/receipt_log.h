// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "read/reader.h"

namespace braid::serving {

/// The receipts of the newest statements of all sessions, for braid.receipts. Thread-safe.
class ReceiptLog {
  public:
    struct Entry {
        uint64_t number = 0;
        int64_t finished_at_us = 0;  // Unix microseconds
        std::string statement;       // its beginning
        std::shared_ptr<const runs::Receipt> receipt;
    };

    explicit ReceiptLog(size_t entries_max = 256) : entries_max_(entries_max) {}
    void add(int64_t finished_at_us, std::string_view statement,
             std::shared_ptr<const runs::Receipt> receipt);
    /// Oldest first.
    std::vector<Entry> entries() const;

  private:
    const size_t entries_max_;
    mutable Mutex mutex_;
    uint64_t next_number_ = 1;
    std::deque<Entry> entries_;
};

}  // namespace braid::serving
