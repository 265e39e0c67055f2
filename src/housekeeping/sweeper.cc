// SPDX-License-Identifier: Apache-2.0
#include "housekeeping/sweeper.h"

#include <algorithm>
#include <optional>

#include "base/file_system.h"
#include "dataset/listed_files.h"
#include "runs/run_file.h"

namespace braid::housekeeping {

namespace {

/// Removing so many takes well under a second; then it is the turn of the other work.
constexpr uint64_t kFilesAtOnce = 1024;

}  // namespace

Result<bool> Sweeper::sweep(Swept& swept) {
    const manifest::StatePtr state = parts_.manifest->head();
    std::erase_if(gone_at_, [&](const auto& entry) {
        return std::ranges::find(state->dropped, entry.first, &manifest::Dropped::table) ==
               state->dropped.end();
    });
    files_left_ = kFilesAtOnce;
    std::optional<Error> failure;
    manifest::Sweep done;
    for (const manifest::Dropped& dropped : state->dropped) {
        if (files_left_ == 0 || parts_.is_closing()) break;
        if (is_read(dropped.table, *state)) continue;
        const Tasks::Running task = Tasks::begin_in(parts_.tasks, "sweep", dropped.table, "files");
        task_ = task;
        auto removed = remove_all(dropped, swept);
        task_ = {};
        if (!removed) {
            if (!failure) failure = std::move(removed).error();
        } else if (files_left_ > 0) {
            done.tables.push_back(dropped.table);
        }
    }
    const bool progressed = files_left_ < kFilesAtOnce || !done.tables.empty();
    if (!done.tables.empty()) TRY(parts_.manifest->commit({std::move(done)}));
    if (failure) return *std::move(failure);
    return progressed;
}

/// A snapshot that was pinned before the table went, or whoever had it in hand then.
bool Sweeper::is_read(TableId table, const manifest::State& state) {
    const ManifestNumber gone_at = gone_at_.emplace(table, state.number).first->second;
    const auto oldest =
        parts_.manifest->pins().oldest(parts_.clock->monotonic_us() - parts_.snapshot_max_us);
    if (oldest && *oldest < gone_at) return true;
    return parts_.dropped.is_in_use && parts_.dropped.is_in_use(table);
}

Result<void> Sweeper::remove_all(const manifest::Dropped& dropped, Swept& swept) {
    TRY(remove_tree(*parts_.store, parent_directory(runs::run_path(dropped.table, {})), swept));
    if (parts_.dropped.local != nullptr) {
        TRY(remove_tree(*parts_.dropped.local, parts_.dropped.log_directory(dropped.table), swept));
    }
    TRY(remove_tree(*parts_.store, dataset::unlisted_folder(dropped.dataset_folder), swept));
    return remove_tree(*parts_.store, dropped.dataset_folder, swept);
}

/// For good once it is gone. Stops when files_left_ is used up.
Result<void> Sweeper::remove_tree(Store& root, const std::string& directory, Swept& swept) {
    if (files_left_ == 0 || !TRY(root.exists(directory))) return {};
    for (const std::string& name : TRY(root.list(directory))) {
        if (files_left_ == 0) return {};
        const std::string path = directory + "/" + name;
        const FileInfo info = TRY(root.info(path));
        if (info.is_directory) {
            TRY(remove_tree(root, path, swept));
            continue;
        }
        if (parts_.is_closing()) files_left_ = 0;
        if (files_left_ == 0) return {};
        TRY(root.remove(path));
        --files_left_;
        ++swept.files;
        swept.bytes += info.bytes;
        task_.advance(1);
    }
    if (files_left_ == 0) return {};
    TRY(root.sync_directory(directory));
    TRY(root.remove_directory(directory));
    return root.sync_directory(parent_directory(directory));
}

}  // namespace braid::housekeeping
