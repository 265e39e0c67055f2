// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/result.h"

namespace braid {

/// Who may write in a data directory: the process that holds its lock and has begun its newest
/// epoch. Somebody may remove the lock's name, and then another process gets a lock of its own; so
/// whoever appends or commits asks again before it tells anybody that it did. Lost is lost: a name
/// that is put back does not help. Thread-safe.
///
/// An epoch is a file, named for it, that whoever begins the next one removes. Why asking for it
/// between sync and acknowledgement is enough: a process that takes the directory over removes it
/// first and reads the log then. If it was still there after the sync, the log is read with what
/// was synced.
class DirectoryOwner {
  public:
    static constexpr const char* kLockName = "LOCK";
    static constexpr const char* kEpochPrefix = "OWNER-";

    /// Unavailable when another process has the lock.
    static Result<std::unique_ptr<DirectoryOwner>> take(FileSystem& files);
    /// How many processes have owned the directory, as its manifest counts them; written into what
    /// this one makes. Whoever had it before has lost it now. Once, before others ask. Unavailable,
    /// and nobody else has lost anything, where `is_newest` says no: another process began a later
    /// epoch at the same moment. Without it nobody asks.
    Result<void> begin_epoch(uint64_t epoch, const std::function<Result<bool>()>& is_newest = {});
    uint64_t epoch() const { return epoch_; }

    /// Unavailable once the directory is lost. One look at a name; no file is opened.
    Result<void> check() const;
    /// The same, and whether the lock's name still leads to the lock.
    Result<void> watch() const;
    /// Called once, by whoever finds out; set before others can.
    void on_lost(std::function<void(const Error&)> listener) { listener_ = std::move(listener); }
    /// Another process may have it now: nothing is written any more.
    void release();

  private:
    DirectoryOwner(FileSystem& files, std::unique_ptr<FileLock> lock)
        : files_(files), lock_(std::move(lock)) {}
    Result<void> lose(const std::string& name) const;

    FileSystem& files_;
    std::unique_ptr<FileLock> lock_;
    FileInfo locked_;
    uint64_t epoch_ = 0;
    std::string epoch_name_;
    std::function<void(const Error&)> listener_;
    mutable Mutex mutex_;
    mutable std::string lost_;  // the name that is missing
};

}  // namespace braid
