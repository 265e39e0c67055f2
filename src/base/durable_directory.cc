// SPDX-License-Identifier: Apache-2.0
#include "base/durable_directory.h"

#include <ranges>
#include <vector>

#include "base/mutex.h"

namespace braid {

Result<void> create_durable_directories(FileSystem& files, const std::string& path) {
    // Whoever finds a directory that another thread is making must wait until that one has synced
    // it.
    static Mutex mutex;
    const ScopedLock lock(mutex);
    std::vector<std::string> missing;  // deepest first
    std::string found = path;
    for (; !found.empty() && !TRY(files.exists(found)); found = parent_directory(found)) {
        missing.push_back(found);
    }
    // Its maker may have been killed before it came to this. What lies above is durable: a
    // directory is made only in one that was synced into its parent.
    if (!found.empty()) TRY(files.sync_directory(parent_directory(found)));
    for (const std::string& each : missing | std::views::reverse) {
        TRY(files.create_directories(each));
        TRY(files.sync_directory(parent_directory(each)));
    }
    return {};
}

}  // namespace braid
