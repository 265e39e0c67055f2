// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include "base/mutex.h"
#include "runs/run_file.h"

namespace braid::runs {

struct RunCache::Body {
    FileSystem& files;
    Mutex mutex;
    std::unordered_map<RunId, std::shared_ptr<const RunReader>> readers;  // under mutex
};

RunCache::RunCache(FileSystem& files)
    : body_(new Body{.files = files, .mutex = {}, .readers = {}}) {}

RunCache::~RunCache() = default;

Result<std::shared_ptr<const RunReader>> RunCache::get(const manifest::Run& run) {
    const ScopedLock lock(body_->mutex);
    const auto found = body_->readers.find(run.id);
    if (found != body_->readers.end()) return found->second;
    // Opening reads nothing, so others do not wait long.
    std::shared_ptr<const RunReader> reader = TRY(RunReader::open(body_->files, run));
    body_->readers.emplace(run.id, reader);
    return reader;
}

void RunCache::forget(RunId run) {
    const ScopedLock lock(body_->mutex);
    body_->readers.erase(run);
}

}  // namespace braid::runs
