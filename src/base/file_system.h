// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct FileInfo {
    uint64_t bytes = 0;
    uint64_t device = 0;
    uint64_t inode = 0;
    bool is_directory = false;
    int64_t modified_us = 0;
};

/// A file open for appending. One writer; not thread-safe. After a failed sync every later call
/// fails: what is on disk is then unknown, and trying again would lie (a failed fsync is never
/// retried).
class WritableFile {
  public:
    virtual ~WritableFile() = default;
    virtual Result<void> append(Bytes bytes) = 0;
    /// Returns only once all appended bytes survive a power cut (fdatasync).
    virtual Result<void> sync() = 0;
    virtual uint64_t size() const = 0;
};

/// A file open for reading at positions. Thread-safe. Keeps reading the same file after a rename or
/// remove.
class ReadableFile {
  public:
    virtual ~ReadableFile() = default;
    /// Reads up to buffer.size() bytes; fewer only at the end of the file. Returns how many.
    virtual Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const = 0;
    virtual Result<uint64_t> size() const = 0;
    virtual Result<FileInfo> info() const = 0;
};

/// A whole file in memory, mapped where the file system can. Immutable; lives as long as the
/// object.
class MappedFile {
  public:
    virtual ~MappedFile() = default;
    virtual Bytes bytes() const = 0;
};

/// Holds an exclusive lock on a path until destroyed.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

/// Where files live. A seam with three forms: PosixFileSystem; MemoryFileSystem; and the faulty
/// face of the memory one, which fails chosen calls and forgets, keeps or tears what was not synced
/// at a crash. Paths are relative to the file system's root, use '/' and never contain "..".
/// Thread-safe.
class FileSystem {
  public:
    virtual ~FileSystem() = default;

    /// Creates an empty file; AlreadyExists if there is one.
    virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
    virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
    virtual Result<std::shared_ptr<const MappedFile>> map(const std::string& path) = 0;
    virtual Result<std::string> read_all(const std::string& path) = 0;

    /// Names (not paths) in a directory, sorted. NotFound if it does not exist.
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    virtual Result<FileInfo> info(const std::string& path) = 0;
    virtual Result<bool> exists(const std::string& path) = 0;
    /// Creates the directory and its parents; durable after sync_directory of each parent it made.
    virtual Result<void> create_directories(const std::string& path) = 0;
    /// Moves a file to a name that must be free: AlreadyExists otherwise. Atomic. Durable after
    /// sync_directory.
    virtual Result<void> move_no_replace(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    virtual Result<void> remove_directory(const std::string& path) = 0;
    /// Makes creations, moves and removals of entries in this directory survive a power cut.
    virtual Result<void> sync_directory(const std::string& path) = 0;
    /// Unavailable when somebody else holds it.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
    /// Bytes that may still be written.
    virtual Result<uint64_t> free_bytes() = 0;
    /// An absolute local path for libraries that open files themselves; empty if there is none.
    virtual std::string local_path(const std::string& path) const = 0;
};

/// "a/b" of "a/b/c"; empty, the root, for a name without '/'.
std::string parent_directory(std::string_view path);

/// Writes `bytes` so that `path` either does not exist or is whole, also after a power cut:
/// temporary file in `temporary_directory`, write, sync, move without overwriting, sync directory.
Result<void> publish_file(FileSystem& files, const std::string& temporary_directory,
                          const std::string& path, Bytes bytes);

}  // namespace braid
