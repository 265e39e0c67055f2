// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/store.h"

namespace braid {

/// A file open for appending. One writer; not thread-safe. After a failed sync every later call
/// fails: what is on disk is then unknown, and trying again would lie (a failed fsync is never
/// retried).
class WritableFile : public Appendable {
  public:
    /// Returns only once all appended bytes survive a power cut (fdatasync).
    virtual Result<void> sync() = 0;
};

/// Holds an exclusive lock on a path until destroyed.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

/// A directory that is held open: to take a file in and make its name durable then needs nothing
/// more that could run out. One thread.
class Directory {
  public:
    virtual ~Directory() = default;
    /// Moves a file to a name in it that must be free: AlreadyExists otherwise. Atomic. NotFound
    /// also when the directory was removed meanwhile.
    virtual Result<void> move_in(const std::string& from, const std::string& name) = 0;
    /// Makes creations, moves and removals of entries in it survive a power cut. One that failed is
    /// not tried again.
    virtual Result<void> sync() = 0;
};

class DurableDirectories;

/// Files of this machine, which grow, are synced, moved and locked: what log, spills and caches
/// need beyond a store. It is a Store too. A seam with three forms: PosixFileSystem;
/// MemoryFileSystem; and the faulty face of the memory one, which fails chosen calls and forgets,
/// keeps or tears what was not synced at a crash. Thread-safe. tests:
/// base/file_system_conformance_test_support.h.
class FileSystem : public Store {
  public:
    FileSystem();

    /// Writes below `_tmp/`, syncs, moves without overwriting, syncs the directory. Directories
    /// that are missing are made, and survive a power cut with the file. All that may run out
    /// (descriptors, memory, space) is taken before the file has its name, so that a lack of it is
    /// an Error; only a move or a sync of the directory that fails leaves room for kUnknown.
    Result<std::unique_ptr<NewFile>> begin_put(const std::string& path) override;

    /// Creates an empty file; AlreadyExists if there is one.
    virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
    /// Creates the directory and its parents; durable after sync_directory of each parent it made.
    virtual Result<void> create_directories(const std::string& path) = 0;
    /// Moves a file to a name that must be free: AlreadyExists otherwise. Atomic. Durable after
    /// sync_directory.
    virtual Result<void> move_no_replace(const std::string& from, const std::string& to) = 0;
    /// NotFound if it does not exist.
    virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& path) = 0;
    /// Makes creations, moves and removals of entries in this directory survive a power cut.
    Result<void> sync_directory(const std::string& path) override;
    /// Unavailable when somebody else holds it.
    virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
    /// Bytes that may still be written.
    virtual Result<uint64_t> free_bytes() = 0;

  protected:
    /// To be told by whoever removes a directory.
    void forget_directory(const std::string& path);

  private:
    class PutFile;
    std::shared_ptr<DurableDirectories> durable_;
};

/// "a/b" of "a/b/c"; empty, the root, for a name without '/'.
std::string parent_directory(std::string_view path);

}  // namespace braid
