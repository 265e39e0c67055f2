// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"

namespace braid::runs {

/// Files that are open for reading, at most so many: the one that was used longest ago is closed.
/// Thread-safe.
class FilePool {
  public:
    FilePool(Store& store, size_t files_max) : files_(store), files_max_(files_max) {}

    /// Whoever holds it may go on reading when it has left the pool.
    Result<std::shared_ptr<const ReadableFile>> open(const std::string& path);
    void forget(const std::string& path);
    size_t open_count() const;

  private:
    struct Entry {
        std::string path;
        std::shared_ptr<const ReadableFile> file;
    };

    Store& files_;
    const size_t files_max_;
    mutable Mutex mutex_;
    std::list<Entry> entries_ GUARDED_BY(mutex_);  // the newest use first
    std::unordered_map<std::string, std::list<Entry>::iterator> places_ GUARDED_BY(mutex_);
};

}  // namespace braid::runs
