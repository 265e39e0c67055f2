// SPDX-License-Identifier: Apache-2.0
#include "runs/file_pool.h"

#include <algorithm>

namespace braid::runs {

Result<std::shared_ptr<const ReadableFile>> FilePool::open(const std::string& path) {
    {
        const ScopedLock lock(mutex_);
        const auto place = places_.find(path);
        if (place != places_.end()) {
            entries_.splice(entries_.begin(), entries_, place->second);
            return place->second->file;
        }
    }
    std::shared_ptr<const ReadableFile> file = TRY(files_.open(path));
    const ScopedLock lock(mutex_);
    if (const auto place = places_.find(path); place != places_.end()) return place->second->file;
    entries_.push_front({path, file});
    places_.emplace(path, entries_.begin());
    if (entries_.size() > files_max_) {
        places_.erase(entries_.back().path);
        entries_.pop_back();
    }
    return file;
}

void FilePool::forget(const std::string& path) {
    const ScopedLock lock(mutex_);
    const auto place = places_.find(path);
    if (place == places_.end()) return;
    entries_.erase(place->second);
    places_.erase(place);
}

size_t FilePool::open_count() const {
    const ScopedLock lock(mutex_);
    return entries_.size();
}

}  // namespace braid::runs
