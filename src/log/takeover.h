// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/ids.h"

namespace braid::log {

/// Where a start found that the partitions of one log end.
struct FoundLog {
    uint64_t epoch = 0;               // of the start that looked
    std::vector<std::string> newest;  // by partition: the name of its newest extent, or nothing
};

/// What one start wrote down of all logs.
struct TakeoverRecord {
    uint64_t epoch = 0;
    std::map<std::string, FoundLog> logs;  // by log id
};

/// The bytes of a record, and back: Corrupt for anything that was not written whole.
std::string encode(const TakeoverRecord& record);
Result<TakeoverRecord> decode_takeover_record(std::string_view bytes);

/// What decides for good which writes of processes that had a data directory before still count: a
/// start writes down where it found the logs to end, and everything of an earlier epoch that comes
/// after that is never read, by no start. So a process that has lost the directory, and does not
/// know yet, may write what it likes. A file of its own for each start; the one before is removed
/// when it is durable. Thread-safe.
///
///     begin() -> found() and note() for each log -> finish() -> note() for logs opened later
///
/// Before finish() nothing of what was found is shown to anybody: a start that ends before leaves
/// everything as undecided as it was.
class Takeover {
  public:
    /// Of the start of an epoch. The directory exists. Corrupt names a file that is damaged, or
    /// (SQLSTATE XB003) one of a later epoch: then the manifest is older than the logs.
    static Result<std::unique_ptr<Takeover>> begin(FileSystem& files, std::string directory,
                                                   uint64_t epoch);

    /// The newest epoch before this one whose start came to finish(); 0 if none did. What has a
    /// lower one, and was not found then, counts for nothing.
    uint64_t decided() const { return decided_; }
    /// What that start, or one before it, found of a log; of epoch 0 if none has seen it.
    FoundLog found(const LogId& log) const;

    bool is_finished() const {
        const ScopedLock lock(mutex_);
        return is_finished_;
    }
    /// Where the partitions of a log end now. Durable when this returns, once finish() was called.
    Result<void> note(const LogId& log, std::vector<std::string> newest);
    /// All logs that can be opened are noted. Of others what was found before is kept, if they are
    /// in `existing`. Durable when it returns.
    Result<void> finish(const std::vector<LogId>& existing);

  private:
    Takeover(FileSystem& files, std::string directory)
        : files_(files), directory_(std::move(directory)) {}
    Result<void> load(uint64_t epoch);
    Result<void> write() REQUIRES(mutex_);

    FileSystem& files_;
    const std::string directory_;
    uint64_t decided_ = 0;
    std::map<std::string, FoundLog> before_;

    mutable Mutex mutex_;
    TakeoverRecord record_ GUARDED_BY(mutex_);
    bool is_finished_ GUARDED_BY(mutex_) = false;
    uint32_t written_ GUARDED_BY(mutex_) = 0;  // files
};

}  // namespace braid::log
