// SPDX-License-Identifier: Apache-2.0
#include "base/durable_directory.h"

#include <mutex>
#include <vector>

namespace braid {

Result<void> create_durable_directories(FileSystem& files, const std::string& path) {
    // Whoever finds a directory that another thread is making must wait until that one has synced
    // it.
    static std::mutex mutex;
    const std::scoped_lock lock(mutex);
    std::vector<std::string> parents;  // of what is missing, deepest first
    for (std::string at = path; !at.empty() && !TRY(files.exists(at)); at = parents.back()) {
        parents.push_back(parent_directory(at));
    }
    if (parents.empty()) return {};
    TRY(files.create_directories(path));
    for (auto parent = parents.rbegin(); parent != parents.rend(); ++parent) {
        TRY(files.sync_directory(*parent));
    }
    return {};
}

}  // namespace braid
