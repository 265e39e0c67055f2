// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"

namespace braid::dataset {

class SegmentInput;

/// Segments that several scans read: as long as one does, a file is not opened, and read whole for
/// its checksum, again. Holds none itself. Thread-safe; the store must outlive it.
class SegmentFiles {
  public:
    explicit SegmentFiles(Store& store) : store_(store) {}
    /// Corrupt when it is missing. Whoever asks for a file that is being opened waits for that.
    Result<std::shared_ptr<SegmentInput>> get(const std::string& path);

  private:
    struct Entry {
        Mutex mutex;
        std::weak_ptr<SegmentInput> input GUARDED_BY(mutex);
    };

    Store& store_;
    Mutex mutex_;
    std::map<std::string, std::shared_ptr<Entry>> entries_ GUARDED_BY(mutex_);
};

}  // namespace braid::dataset
