// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/mutex.h"
#include "base/result.h"

namespace braid::collect {

/// The machine's files as sources may see them: only what lies in allowed directories, and nothing
/// of the data directories even there. Links are resolved first, at each open() and list(), and
/// what is opened lies where it was judged to lie; when the list changes, open files are judged
/// again. InvalidInput 42501 for the rest, with the line that would allow it. info() tells of any
/// path: it gives no content and no names.
///
/// Reads only; other calls are Unsupported. Thread-safe.
class AllowedFiles final : public FileSystem {
  public:
    /// Where a path leads once its links are followed; what is missing is taken as written.
    using ResolveLinks = std::function<Result<std::string>(const std::string&)>;

    /// `machine` is rooted at "/", outlives this and does not follow links itself. `closed`: the
    /// data directories; empty ones do not count. Without `resolve` there are no links.
    AllowedFiles(FileSystem& machine, ResolveLinks resolve, const std::vector<std::string>& closed);

    /// These directories and all below them, from now on.
    void allow(const std::vector<std::string>& directories);
    /// Whether a path or glob may be read: whether its fixed part lies in an allowed directory.
    Result<void> check(const std::string& pattern) const;

    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<FileInfo> info(const std::string& path) override { return machine_.info(path); }
    Result<bool> exists(const std::string& path) override { return machine_.exists(path); }
    std::string local_path(const std::string& path) const override {
        return machine_.local_path(path);
    }

    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
    Result<std::string> read_all(const std::string& path) override;
    Result<void> create_directories(const std::string& path) override;
    Result<void> move_no_replace(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<void> remove_directory(const std::string& path) override;
    Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<uint64_t> free_bytes() override { return machine_.free_bytes(); }

  private:
    class OpenFile;

    /// Where the path leads, when that is allowed.
    Result<std::string> admit(const std::string& path) const;
    Result<void> judge(const std::string& path, const std::string& place) const;
    bool is_allowed(std::string_view place) const;
    bool is_closed(std::string_view place) const;
    std::string resolved(const std::string& path) const;

    FileSystem& machine_;
    const ResolveLinks resolve_;
    std::vector<std::string> closed_;
    mutable Mutex mutex_;
    std::vector<std::string> allowed_ GUARDED_BY(mutex_);  // resolved
    std::atomic<uint64_t> list_number_ = 1;
};

/// The directory that a path or glob names before its first pattern: "/var/log" of
/// "/var/log/*/access.log", and of "/var/log/access.log".
std::string fixed_directory(std::string_view pattern);

}  // namespace braid::collect
