// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/ids.h"

namespace braid::log {

/// What a transaction brings into more than one log, or into logs together with changes of the
/// catalog: written and synced as one file before any of it is done. From then on the transaction
/// has happened, and whoever finds the file brings it to its end: each part is appended under the
/// record's own key, so that what was there already is not stored twice.
///
/// With changes of the catalog it has happened once those are committed; `made` and `dropped` tell.
struct RedoRecord {
    struct Part {
        TableId table;
        LogId log;
        PartitionId partition;
        std::vector<std::string> records;
    };
    std::string name;  // 32 hex digits, never used before
    /// Of the process that wrote it. One that no longer had the directory then counts for nothing
    /// (Takeover::decided).
    uint64_t epoch = 0;
    std::vector<ObjectId> made;
    std::vector<ObjectId> dropped;
    std::vector<Part> parts;

    /// The idempotency key of its appends; no client can send one like it.
    std::string key() const { return "\x01transaction " + name; }
};

/// The bytes of a record, and back: Corrupt for anything that was not written whole.
std::string encode(const RedoRecord& record);
Result<RedoRecord> decode_redo_record(std::string_view bytes);

/// The records of a data directory, each a file of its own. Thread-safe.
class RedoRecords {
  public:
    /// The directory exists.
    RedoRecords(FileSystem& files, std::string directory)
        : files_(files), directory_(std::move(directory)) {}

    /// Those that nobody has brought to their end, by name. Corrupt names the file.
    Result<std::vector<RedoRecord>> left() const;
    /// Durable when it returns.
    Result<void> write(const RedoRecord& record);
    /// Its end has been reached: gone for good when this returns. NotFound if it is not there.
    Result<void> remove(const RedoRecord& record);
    /// In its place one of a later epoch with those parts that still have to be done, under the
    /// same name: the others are not tried again when their logs may have forgotten the key.
    Result<void> narrow(const RedoRecord& record, const RedoRecord& rest);

  private:
    std::string path_of(const RedoRecord& record) const;

    FileSystem& files_;
    const std::string directory_;
};

}  // namespace braid::log
