// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"

namespace braid::speed {

/// Streams that may have something to fold. The others cost those who fold nothing, however many
/// there are. Thread-safe.
class AwakeStreams {
  public:
    struct Awake {
        TableId table;
        uint64_t since;
    };

    /// Something has come, or may have.
    void wake(TableId table);
    /// There is more than was taken.
    void keep(TableId table);
    /// Nothing was found; it stays awake if something came since it was given.
    void rest(const Awake& awake);
    /// All of them, in their order. They stay awake.
    std::vector<Awake> all() const;

  private:
    mutable Mutex mutex_;
    std::map<TableId, uint64_t> since_ GUARDED_BY(mutex_);
    uint64_t last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::speed
