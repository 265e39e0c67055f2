// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace braid {

/// What becomes of bytes and directory entries that were not synced when the machine stops.
enum class CrashFate : uint8_t { kDropUnsynced, kKeepUnsynced, kTearUnsynced };

/// One durable or reading step, as a fault hook sees it.
struct FileOperation {
    enum class Kind : uint8_t {
        kCreate,
        kAppend,
        kSync,
        kMove,  // or an exchange
        kLink,
        kRemove,
        kSyncDirectory,
        kCreateDirectory,
        kRead
    };
    Kind kind;
    std::string path;
};

/// A file system in memory with a durable image beside the visible one, so that tests can crash it.
/// After crash() every open handle fails with Io; a node is then opened again on the same object.
/// Thread-safe. The fault hook is called before each operation, under no lock; returning an error
/// makes the operation fail with it and do nothing (a failed append may be torn: half of it is
/// kept).
class MemoryFileSystem final : public FileSystem {
  public:
    using FaultHook = std::function<Result<void>(const FileOperation&)>;

    MemoryFileSystem();
    ~MemoryFileSystem() override;

    void set_fault_hook(FaultHook hook);
    /// Stops the machine: unsynced state meets its fate, all handles and locks die, and a power
    /// failure of fail_all_after() is over. `seed` decides where a tear falls: each file keeps a
    /// prefix of its unsynced bytes, each unsynced change of a directory is kept or dropped (a move
    /// is one change).
    void crash(CrashFate fate, uint64_t seed);
    /// From the n-th mutating operation on (counted from 0, now), everything fails with Io, as if
    /// power went.
    void fail_all_after(uint64_t operations);
    void clear_faults();
    /// Mutating operations so far: how many crash points a test has.
    uint64_t operation_count() const;
    /// Unlimited until set; then appends use it up (an append that does not fit writes what fits
    /// and is Exhausted) and removing a file gives its bytes back.
    void set_free_bytes(uint64_t bytes);
    /// Flips one bit in the visible and durable image. For tests of corruption.
    Result<void> flip_bit(const std::string& path, uint64_t byte_index, int bit);
    Result<void> truncate(const std::string& path, uint64_t bytes);

    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
    Result<std::string> read_all(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<FileInfo> info(const std::string& path) override;
    Result<bool> exists(const std::string& path) override;
    Result<void> create_directories(const std::string& path) override;
    Result<void> move_no_replace(const std::string& from, const std::string& to) override;
    Result<bool> can_exchange() override { return true; }
    Result<void> link(const std::string& from, const std::string& to) override;
    Result<void> exchange(const std::string& directory, const std::string& other) override;
    Result<void> remove(const std::string& path) override;
    Result<void> remove_directory(const std::string& path) override;
    Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<uint64_t> free_bytes() override;
    std::string local_path(const std::string& path) const override;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace braid
