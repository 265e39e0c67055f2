// SPDX-License-Identifier: Apache-2.0
#include "base/file_system.h"

#include <atomic>
#include <optional>
#include <ranges>
#include <set>
#include <vector>

#include <xxhash.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/mutex.h"

namespace braid {

namespace {

constexpr const char* kTemporaryDirectory = "_tmp";

/// A hash of bytes that come piece by piece.
class ContentHash {
  public:
    ContentHash() : state_(XXH3_createState()) {
        CHECK(state_ != nullptr);
        XXH3_128bits_reset(state_);
    }
    ContentHash(const ContentHash&) = delete;
    ContentHash& operator=(const ContentHash&) = delete;
    ~ContentHash() { XXH3_freeState(state_); }

    void add(Bytes bytes) { XXH3_128bits_update(state_, bytes.data(), bytes.size()); }
    bool operator==(const ContentHash& other) const {
        return XXH128_isEqual(XXH3_128bits_digest(state_), XXH3_128bits_digest(other.state_)) != 0;
    }

  private:
    XXH3_state_t* state_;
};

Result<void> hash_file(const ReadableFile& file, ContentHash& hash) {
    constexpr size_t kChunk = 1U << 20;
    std::vector<std::byte> buffer(kChunk);
    uint64_t position = 0;
    while (true) {
        const size_t count = TRY(file.read_at(position, buffer));
        if (count == 0) return {};
        hash.add(Bytes(buffer).first(count));
        position += count;
    }
}

}  // namespace

/// Directories that were seen to survive a power cut, so that not each file of theirs costs a sync
/// of their parents.
class DurableDirectories {
  public:
    Result<void> ensure(FileSystem& files, const std::string& path) {
        {
            const ScopedLock lock(mutex_);
            if (known_.contains(path)) return {};
        }
        // Whoever finds a directory that another thread is making must wait until that one has
        // synced it.
        const ScopedLock turn(making_);
        TRY(make(files, path));
        const ScopedLock lock(mutex_);
        if (known_.size() >= kKnownMax) known_.clear();
        known_.insert(path);
        return {};
    }
    void forget(const std::string& path) {
        const ScopedLock lock(mutex_);
        known_.erase(path);
    }
    uint64_t next_temporary() { return temporaries_.fetch_add(1, std::memory_order_relaxed); }

  private:
    static constexpr size_t kKnownMax = 10'000;

    /// Creates the directory and its parents so that they survive a power cut: one after the other,
    /// each synced in its parent before the next is made.
    Result<void> make(FileSystem& files, const std::string& path) REQUIRES(making_) {
        std::vector<std::string> missing;  // deepest first
        std::string found = path;
        for (; !found.empty() && !TRY(files.exists(found)); found = parent_directory(found)) {
            missing.push_back(found);
        }
        // Its maker may have been killed before it came to this. What lies above is durable: a
        // directory is made only in one that was synced into its parent.
        if (!found.empty()) TRY(files.sync_directory(parent_directory(found)));
        for (const std::string& each : missing | std::views::reverse) {
            TRY(files.create_directories(each));
            TRY(files.sync_directory(parent_directory(each)));
        }
        return {};
    }

    Mutex making_;  // taken before mutex_
    Mutex mutex_;
    std::set<std::string> known_ GUARDED_BY(mutex_);
    std::atomic<uint64_t> temporaries_ = 0;
};

class FileSystem::PutFile final : public NewFile {
  public:
    PutFile(FileSystem& files, std::string path, std::string temporary,
            std::unique_ptr<WritableFile> file)
        : files_(files),
          path_(std::move(path)),
          temporary_(std::move(temporary)),
          file_(std::move(file)) {}
    PutFile(const PutFile&) = delete;
    PutFile& operator=(const PutFile&) = delete;
    ~PutFile() override {
        file_.reset();
        // Best effort: what stays behind is garbage in a temporary directory.
        const bool is_there = stage_ == Stage::kUnnamed || stage_ == Stage::kInDoubt;
        if (is_there || is_linked_) static_cast<void>(files_.remove(temporary_));
    }

    Result<void> append(Bytes bytes) override {
        if (failure_) return *failure_;
        return keep(append_all(bytes));
    }
    uint64_t size() const override { return size_; }

    Result<PutOutcome> put() override {
        CHECK(stage_ != Stage::kDone);
        if (failure_) return *failure_;
        TRY(keep(sync()).context(fmt::format("writing \"{}\"", path_)));
        if (stage_ == Stage::kUnnamed) TRY(move());
        if (stage_ == Stage::kInDoubt) {
            const PutOutcome found = TRY(read_back());
            if (found == PutOutcome::kUnknown) return found;
            stage_ = found == PutOutcome::kDone ? Stage::kNamed : Stage::kUnnamed;
            if (found == PutOutcome::kExists) return found;
        }
        // The name is there, but a power cut may still take it away.
        if (stage_ == Stage::kNamed) {
            stage_ = directory_->sync() ? Stage::kDone : Stage::kSyncFailed;
            directory_.reset();
        }
        return stage_ == Stage::kDone ? PutOutcome::kDone : PutOutcome::kUnknown;
    }

  private:
    enum class Stage : uint8_t {
        kUnnamed,
        kInDoubt,  // a move has failed, and it is not known whether it happened
        kNamed,
        kDone,
        kSyncFailed,  // of the directory: what a power cut leaves can never be known
    };

    Result<void> move() {
        const std::string directory = parent_directory(path_);
        Result<void> moved = move_into(directory);
        if (!moved && moved.error().code() == ErrorCode::kNotFound) {
            // Somebody has removed the directory.
            files_.durable_->forget(directory);
            moved = move_into(directory);
        }
        if (!directory_) return moved;  // it has not come to a move
        stage_ = moved ? Stage::kNamed : Stage::kInDoubt;
        if (!moved) move_failure_ = std::move(moved).error();
        return {};
    }

    Result<void> move_into(const std::string& directory) {
        directory_.reset();
        TRY(files_.durable_->ensure(files_, directory));
        directory_ = TRY(files_.open_directory(directory));
        return directory_->move_in(temporary_, path_.substr(path_.rfind('/') + 1));
    }

    Result<void> append_all(Bytes bytes) {
        TRY(file_->append(bytes));
        hash_.add(bytes);
        size_ += bytes.size();
        return {};
    }

    Result<void> sync() {
        if (is_synced_) return {};
        TRY(file_->sync());
        is_synced_ = true;
        return {};
    }

    /// What has failed once is not tried again: some of the bytes may be there.
    Result<void> keep(Result<void> outcome) {
        if (!outcome) failure_ = outcome.error();
        return outcome;
    }

    /// A move that failed may still have happened (a reply that was lost, a link whose source could
    /// not be removed).
    Result<PutOutcome> read_back() {
        const auto info = files_.info(path_);
        if (!info && info.error().code() == ErrorCode::kNotFound) {
            stage_ = Stage::kUnnamed;
            return Error(*move_failure_).with_context(fmt::format("publishing \"{}\"", path_));
        }
        if (!info) return PutOutcome::kUnknown;
        const auto own = files_.info(temporary_);
        if (!own && own.error().code() != ErrorCode::kNotFound) return PutOutcome::kUnknown;
        if (own) {
            // Linked, and both names lead to it; or not moved, and what has the name is another.
            is_linked_ = own->inode == info->inode && own->device == info->device;
            return is_linked_ ? PutOutcome::kDone : PutOutcome::kExists;
        }
        if (info->is_directory || info->bytes != size_) return PutOutcome::kExists;
        const auto file = files_.open(path_);
        if (!file) return PutOutcome::kUnknown;
        ContentHash found;
        if (!hash_file(**file, found)) return PutOutcome::kUnknown;
        return found == hash_ ? PutOutcome::kDone : PutOutcome::kExists;
    }

    FileSystem& files_;
    const std::string path_;
    const std::string temporary_;
    std::unique_ptr<WritableFile> file_;
    ContentHash hash_;
    uint64_t size_ = 0;
    bool is_synced_ = false;
    bool is_linked_ = false;  // the temporary name leads to it too
    Stage stage_ = Stage::kUnnamed;
    std::unique_ptr<Directory> directory_;  // from the move on
    std::optional<Error> failure_;
    std::optional<Error> move_failure_;
};

FileSystem::FileSystem() : durable_(std::make_shared<DurableDirectories>()) {}

/// A crash may have left temporary files behind, so a taken name only means "try the next".
Result<std::unique_ptr<NewFile>> FileSystem::begin_put(const std::string& path) {
    constexpr int kAttemptsMax = 10'000;
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        std::string temporary =
            fmt::format("{}/{}.{}.tmp", kTemporaryDirectory, name, durable_->next_temporary());
        auto file = create(temporary);
        if (file) {
            return std::make_unique<PutFile>(*this, path, std::move(temporary), *std::move(file));
        }
        const ErrorCode code = file.error().code();
        // Whoever finds the directory empty may remove it, at any time.
        if (code == ErrorCode::kNotFound) TRY(create_directories(kTemporaryDirectory));
        if (code != ErrorCode::kNotFound && code != ErrorCode::kAlreadyExists) {
            return std::move(file).error();
        }
    }
    return exhausted("no free temporary name for \"{}\"", path);
}

Result<void> FileSystem::sync_directory(const std::string& path) {
    return TRY(open_directory(path))->sync();
}

void FileSystem::forget_directory(const std::string& path) { durable_->forget(path); }

std::string parent_directory(std::string_view path) {
    const size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? std::string_view{}
                                                       : path.substr(0, slash));
}

}  // namespace braid
