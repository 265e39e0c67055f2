// SPDX-License-Identifier: Apache-2.0
#include "model/directory_owner.h"

#include <string>
#include <vector>

#include "base/error_makers.h"

namespace braid {

namespace {

Error lost_error(const std::string& name) {
    return unavailable("the data directory belongs to another process by now: \"{}\" is gone", name)
        .with_detail("What was not acknowledged until then is not accepted.")
        .with_hint(
            "Never remove the lock of a process that runs. Restart, if no other process has "
            "the directory.");
}

}  // namespace

Result<std::unique_ptr<DirectoryOwner>> DirectoryOwner::take(FileSystem& files) {
    std::unique_ptr<FileLock> lock = TRY(files.lock(kLockName));
    std::unique_ptr<DirectoryOwner> owner(new DirectoryOwner(files, std::move(lock)));
    owner->locked_ = TRY(files.info(kLockName));
    return owner;
}

Result<void> DirectoryOwner::begin_epoch(uint64_t epoch,
                                         const std::function<Result<bool>()>& is_newest) {
    const std::string name = kEpochPrefix + std::to_string(epoch);
    if (!TRY(files_.exists(name))) static_cast<void>(TRY(files_.create(name)));
    // What is there now was begun before the question is asked. A later epoch is among it only if
    // the answer is no; one that is begun after the answer removes this one's name.
    const std::vector<std::string> others = TRY(files_.list(""));
    if (is_newest && !TRY(is_newest())) {
        static_cast<void>(files_.remove(name));  // unless the other one has
        return lost_error(name);
    }
    for (const std::string& each : others) {
        if (each.starts_with(kEpochPrefix) && each != name && TRY(files_.exists(each))) {
            TRY(files_.remove(each));
        }
    }
    TRY(files_.sync_directory(""));
    epoch_ = epoch;
    epoch_name_ = name;
    return {};
}

Result<void> DirectoryOwner::check() const {
    {
        const ScopedLock lock(mutex_);
        if (!lost_.empty()) return lost_error(lost_);
    }
    if (epoch_ == 0 || TRY(files_.exists(epoch_name_))) return {};
    return lose(epoch_name_);
}

Result<void> DirectoryOwner::watch() const {
    TRY(check());
    const Result<FileInfo> now = files_.info(kLockName);
    if (!now && now.error().code() != ErrorCode::kNotFound) return now.error();
    if (now && now->inode == locked_.inode && now->device == locked_.device) return {};
    return lose(kLockName);
}

Result<void> DirectoryOwner::lose(const std::string& name) const {
    {
        const ScopedLock lock(mutex_);
        if (!lost_.empty()) return lost_error(lost_);
        lost_ = name;
    }
    const Error lost = lost_error(name);
    if (listener_) listener_(lost);
    return lost;
}

void DirectoryOwner::release() {
    const ScopedLock lock(mutex_);
    if (lost_.empty()) lost_ = kLockName;
    lock_.reset();
}

}  // namespace braid
