// SPDX-License-Identifier: Apache-2.0
#include "base/posix_file_system.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error_makers.h"

namespace braid {

namespace {

/// What is made here holds events and answers: nobody but its owner reads it.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

Error posix_error(int number, std::string_view action, const std::string& path) {
    const std::string text =
        fmt::format("could not {} \"{}\": {}", action, path, std::strerror(number));
    switch (number) {
        case ENOENT:
        case ENOTDIR:
            return Error(ErrorCode::kNotFound, text).with_sqlstate("58P01");
        case EEXIST:
            return Error(ErrorCode::kAlreadyExists, text).with_sqlstate("58P02");
        case ENOTEMPTY:
            return Error(ErrorCode::kConflict, text);
        case ENOSPC:
        case EDQUOT:
            return Error(ErrorCode::kExhausted, text).with_sqlstate("53100");
        case ENOMEM:
            return Error(ErrorCode::kExhausted, text).with_sqlstate("53200");
        case EMFILE:
        case ENFILE:
        case EAGAIN:
            return Error(ErrorCode::kExhausted, text);
        default:
            return Error(ErrorCode::kIo, text);
    }
}

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }
    void release() { number_ = -1; }

  private:
    int number_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags, std::string_view action) {
    while (true) {
        const int number = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
        if (number >= 0) return Descriptor(number);
        if (errno != EINTR) return posix_error(errno, action, path);
    }
}

FileInfo info_of(const struct stat& status) {
    return {
        .bytes = static_cast<uint64_t>(status.st_size),
        .device = status.st_dev,
        .inode = status.st_ino,
        .is_directory = S_ISDIR(status.st_mode),
        .modified_us = int64_t{status.st_mtim.tv_sec} * 1'000'000 + status.st_mtim.tv_nsec / 1000};
}

class PosixWritableFile final : public WritableFile {
  public:
    PosixWritableFile(Descriptor descriptor, std::string path)
        : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

    Result<void> append(Bytes bytes) override {
        if (poisoned_) return poisoned();
        while (!bytes.empty()) {
            const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
            if (written < 0) {
                if (errno == EINTR) continue;
                return posix_error(errno, "write", path_);
            }
            size_ += static_cast<uint64_t>(written);
            bytes = bytes.subspan(static_cast<size_t>(written));
        }
        return {};
    }

    Result<void> sync() override {
        if (poisoned_) return poisoned();
        if (::fdatasync(descriptor_.get()) == 0) return {};
        // The kernel may have dropped the dirty pages: a second try would report a success that is
        // none. So this is Io whatever the number says, also when it is "no space".
        const int number = errno;
        poisoned_ = true;
        return io_error("could not sync \"{}\": {}", path_, std::strerror(number));
    }

    uint64_t size() const override { return size_; }

  private:
    Error poisoned() const { return io_error("an earlier sync of \"{}\" failed", path_); }

    Descriptor descriptor_;
    std::string path_;
    uint64_t size_ = 0;
    bool poisoned_ = false;
};

class PosixReadableFile final : public ReadableFile {
  public:
    PosixReadableFile(Descriptor descriptor, std::string path)
        : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

    Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const override {
        size_t done = 0;
        while (done < buffer.size()) {
            const ssize_t got = ::pread(descriptor_.get(), buffer.data() + done,
                                        buffer.size() - done, static_cast<off_t>(position + done));
            if (got < 0) {
                if (errno == EINTR) continue;
                return posix_error(errno, "read", path_);
            }
            if (got == 0) break;
            done += static_cast<size_t>(got);
        }
        return done;
    }

    Result<uint64_t> size() const override {
        const FileInfo now = TRY(info());
        return now.bytes;
    }

    Result<FileInfo> info() const override {
        struct stat status{};
        if (::fstat(descriptor_.get(), &status) != 0) return posix_error(errno, "stat", path_);
        return info_of(status);
    }

  private:
    Descriptor descriptor_;
    std::string path_;
};

/// Moves to a path that is read from `directory` on; never over what is there.
Result<void> move(const std::string& source, int directory, const std::string& target) {
    if (::renameat2(AT_FDCWD, source.c_str(), directory, target.c_str(), RENAME_NOREPLACE) == 0)
        return {};
    if (errno != EINVAL && errno != ENOSYS) return posix_error(errno, "move to", target);
    // Not every file system knows the flag. link() refuses a taken name too.
    if (::linkat(AT_FDCWD, source.c_str(), directory, target.c_str(), 0) != 0)
        return posix_error(errno, "link to", target);
    if (::unlink(source.c_str()) != 0) return posix_error(errno, "unlink", source);
    return {};
}

/// flock() belongs to the open file, so a second lock() in this process is refused like that of
/// another.
class PosixFileLock final : public FileLock {
  public:
    explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  private:
    Descriptor descriptor_;
};

class PosixFileSystem final : public FileSystem {
  public:
    PosixFileSystem(std::string root, Links links) : root_(std::move(root)), links_(links) {}

    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
    Result<std::string> read_all(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<FileInfo> info(const std::string& path) override;
    Result<bool> exists(const std::string& path) override;
    Result<void> create_directories(const std::string& path) override;
    Result<void> move_no_replace(const std::string& from, const std::string& to) override;
    Result<bool> can_exchange() override;
    Result<void> link(const std::string& from, const std::string& to) override;
    Result<void> exchange(const std::string& directory, const std::string& other) override;
    Result<void> remove(const std::string& path) override;
    Result<void> remove_directory(const std::string& path) override;
    Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
    Result<uint64_t> free_bytes() override;
    std::string local_path(const std::string& path) const override;

  private:
    class HeldDirectory;

    /// The absolute path; InvalidInput when it would lead out of the root or could not be meant.
    Result<std::string> resolve(const std::string& path) const;
    Result<Descriptor> open_regular(const std::string& path) const;
    Result<Descriptor> open_existing(const std::string& full, int flags,
                                     std::string_view action) const;

    enum class Ability : uint8_t { kUnknown, kNo, kYes };

    const std::string root_;  // without '/' at the end, so "" is the whole machine
    std::atomic<Ability> can_exchange_ = Ability::kUnknown;
    const Links links_;
};

class PosixFileSystem::HeldDirectory final : public Directory {
  public:
    HeldDirectory(const PosixFileSystem& files, Descriptor descriptor, std::string path)
        : files_(files), descriptor_(std::move(descriptor)), path_(std::move(path)) {}

    Result<void> move_in(const std::string& from, const std::string& name) override {
        return move(TRY(files_.resolve(from)), descriptor_.get(), name);
    }
    Result<void> sync() override {
        // Io whatever the number says: nobody knows by then what is on the disk.
        if (::fsync(descriptor_.get()) == 0) return {};
        return io_error("could not sync directory \"{}\": {}", path_, std::strerror(errno));
    }

  private:
    const PosixFileSystem& files_;
    const Descriptor descriptor_;
    const std::string path_;
};

std::string PosixFileSystem::local_path(const std::string& path) const {
    const size_t first = path.find_first_not_of('/');
    if (first == std::string::npos) return root_.empty() ? "/" : root_;
    return root_ + "/" + path.substr(first);
}

Result<std::string> PosixFileSystem::resolve(const std::string& path) const {
    if (path.find('\0') != std::string::npos) return invalid_input("path contains a zero byte");
    const std::string framed = "/" + path + "/";
    if (framed.find("/../") != std::string::npos)
        return invalid_input("path \"{}\" contains \"..\"", path);
    return local_path(path);
}

/// What is open is asked where it lies: a look at the path before or after could see another one.
Result<Descriptor> PosixFileSystem::open_existing(const std::string& full, int flags,
                                                  std::string_view action) const {
    if (links_ == Links::kFollowed) return open_descriptor(full, flags, action);
    Descriptor descriptor = TRY(open_descriptor(full, flags | O_NOFOLLOW | O_NOCTTY, action));
    const std::string link = fmt::format("/proc/self/fd/{}", descriptor.get());
    std::string place(PATH_MAX, '\0');
    const ssize_t size = ::readlink(link.c_str(), place.data(), place.size());
    if (size < 0) return posix_error(errno, "find the place of", full);
    place.resize(static_cast<size_t>(size));
    if (place == full) return descriptor;
    return not_found("\"{}\" leads through a link, or is gone", full).with_sqlstate("58P01");
}

Result<Descriptor> PosixFileSystem::open_regular(const std::string& path) const {
    const std::string full = TRY(resolve(path));
    // O_NONBLOCK: opening a FIFO must not hang before we can refuse it.
    Descriptor descriptor = TRY(open_existing(full, O_RDONLY | O_NONBLOCK, "open"));
    struct stat status{};
    if (::fstat(descriptor.get(), &status) != 0) return posix_error(errno, "stat", full);
    if (!S_ISREG(status.st_mode)) return invalid_input("\"{}\" is not a regular file", full);
    return descriptor;
}

Result<std::unique_ptr<WritableFile>> PosixFileSystem::create(const std::string& path) {
    const std::string full = TRY(resolve(path));
    Descriptor descriptor =
        TRY(open_descriptor(full, O_CREAT | O_EXCL | O_WRONLY | O_APPEND, "create"));
    return std::make_unique<PosixWritableFile>(std::move(descriptor), full);
}

Result<std::unique_ptr<ReadableFile>> PosixFileSystem::open(const std::string& path) {
    Descriptor descriptor = TRY(open_regular(path));
    return std::make_unique<PosixReadableFile>(std::move(descriptor), local_path(path));
}

Result<std::string> PosixFileSystem::read_all(const std::string& path) {
    const std::unique_ptr<ReadableFile> file = TRY(open(path));
    const uint64_t size = TRY(file->size());
    std::string text(size, '\0');
    const size_t got =
        TRY(file->read_at(0, {reinterpret_cast<std::byte*>(text.data()), text.size()}));
    text.resize(got);
    return text;
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
    const std::string full = TRY(resolve(directory));
    Descriptor descriptor = TRY(open_existing(full, O_RDONLY | O_DIRECTORY, "list"));
    DIR* stream = ::fdopendir(descriptor.get());
    if (stream == nullptr) return posix_error(errno, "list", full);
    descriptor.release();  // the stream's now
    std::vector<std::string> names;
    int failure = 0;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(stream);
        if (entry == nullptr) {
            failure = errno;
            break;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    if (failure != 0) return posix_error(failure, "list", full);
    std::ranges::sort(names);
    return names;
}

Result<FileInfo> PosixFileSystem::info(const std::string& path) {
    const std::string full = TRY(resolve(path));
    struct stat status{};
    if (::stat(full.c_str(), &status) != 0) return posix_error(errno, "stat", full);
    return info_of(status);
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
    Result<FileInfo> found = info(path);
    if (found) return true;
    if (found.error().code() == ErrorCode::kNotFound) return false;
    return std::move(found).error();
}

Result<void> PosixFileSystem::create_directories(const std::string& path) {
    const std::string full = TRY(resolve(path));
    for (size_t end = root_.size(); end < full.size();) {
        end = std::min(full.find('/', end + 1), full.size());
        const std::string part = full.substr(0, end);
        if (::mkdir(part.c_str(), kDirectoryMode) == 0) continue;
        const int number = errno;
        struct stat status{};
        const bool there = ::stat(part.c_str(), &status) == 0;
        // EEXIST apart, "not permitted" or "read-only" may also be said of a directory that is
        // there.
        if (there && S_ISDIR(status.st_mode)) continue;
        return posix_error(number, "create directory", part);
    }
    return {};
}

Result<void> PosixFileSystem::move_no_replace(const std::string& from, const std::string& to) {
    const std::string source = TRY(resolve(from));
    return move(source, AT_FDCWD, TRY(resolve(to)));
}

/// Not every file system can: it is tried once, on two directories that are nobody else's.
Result<bool> PosixFileSystem::can_exchange() {
    if (can_exchange_ != Ability::kUnknown) return can_exchange_ == Ability::kYes;
    const std::string tried = "_tmp/exchange";
    const std::vector<std::string> both = {tried + "/a", tried + "/b"};
    for (const std::string& each : both) TRY(create_directories(each));
    const bool can = ::renameat2(AT_FDCWD, local_path(both[0]).c_str(), AT_FDCWD,
                                 local_path(both[1]).c_str(), RENAME_EXCHANGE) == 0;
    const int number = errno;
    for (const std::string& each : both) TRY(remove_directory(each));
    TRY(remove_directory(tried));
    if (!can && number != EINVAL && number != ENOSYS) {
        return posix_error(number, "exchange directories in", local_path("_tmp"));
    }
    can_exchange_ = can ? Ability::kYes : Ability::kNo;
    return can;
}

Result<void> PosixFileSystem::link(const std::string& from, const std::string& to) {
    const std::string source = TRY(resolve(from));
    const std::string target = TRY(resolve(to));
    TRY(create_directories(parent_directory(to)));
    if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), 0) == 0) return {};
    return posix_error(errno, "link to", target);
}

Result<void> PosixFileSystem::exchange(const std::string& directory, const std::string& other) {
    const std::string first = TRY(resolve(directory));
    const std::string second = TRY(resolve(other));
    for (const std::string& each : {directory, other}) TRY(sync_directory(each));
    if (::renameat2(AT_FDCWD, first.c_str(), AT_FDCWD, second.c_str(), RENAME_EXCHANGE) != 0) {
        return posix_error(errno, "exchange", first);
    }
    TRY(sync_directory(parent_directory(directory)));
    return sync_directory(parent_directory(other));
}

Result<void> PosixFileSystem::remove(const std::string& path) {
    const std::string full = TRY(resolve(path));
    if (::unlink(full.c_str()) != 0) return posix_error(errno, "remove", full);
    return {};
}

Result<void> PosixFileSystem::remove_directory(const std::string& path) {
    const std::string full = TRY(resolve(path));
    if (::rmdir(full.c_str()) != 0) return posix_error(errno, "remove directory", full);
    forget_directory(path);
    return {};
}

Result<std::unique_ptr<Directory>> PosixFileSystem::open_directory(const std::string& path) {
    std::string full = TRY(resolve(path));
    Descriptor descriptor = TRY(open_descriptor(full, O_RDONLY | O_DIRECTORY, "open directory"));
    return std::make_unique<HeldDirectory>(*this, std::move(descriptor), std::move(full));
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
    const std::string full = TRY(resolve(path));
    Descriptor descriptor = TRY(open_descriptor(full, O_CREAT | O_RDWR, "open lock file"));
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0) {
        return std::make_unique<PosixFileLock>(std::move(descriptor));
    }
    if (errno == EWOULDBLOCK) return unavailable("\"{}\" is locked by another process", full);
    return posix_error(errno, "lock", full);
}

Result<uint64_t> PosixFileSystem::free_bytes() {
    const std::string full = local_path("");
    struct statvfs status{};
    if (::statvfs(full.c_str(), &status) != 0)
        return posix_error(errno, "stat file system of", full);
    return uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace

Result<std::unique_ptr<FileSystem>> open_posix_file_system(std::string root, Links links) {
    while (root.ends_with('/')) root.pop_back();
    auto files = std::make_unique<PosixFileSystem>(root, links);
    const FileInfo info = TRY(files->info(""));
    if (!info.is_directory) return invalid_input("\"{}\" is not a directory", root);
    return files;
}

Result<std::string> resolve_links(const std::string& path) {
    if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
        return invalid_input("\"{}\" is not an absolute path", path);
    }
    std::string there = path;
    std::string missing;
    std::string resolved(PATH_MAX, '\0');
    while (::realpath(there.c_str(), resolved.data()) == nullptr) {
        if (errno != ENOENT || there == "/") return posix_error(errno, "resolve", path);
        while (there.ends_with('/')) there.pop_back();
        missing.insert(0, there.substr(there.rfind('/')));
        there.resize(there.rfind('/'));
        if (there.empty()) there = "/";
    }
    resolved.resize(resolved.find('\0'));
    if (resolved == "/" && !missing.empty()) return missing;
    return resolved + missing;
}

}  // namespace braid
