// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "base/store.h"

namespace braid {

/// A store that is no file system, as S3 is none: names map to bytes, directories are only parts of
/// names, what is put is there for good. To show that nobody asks a store for more. Thread-safe.
class FlatStore final : public Store {
  public:
    Result<std::unique_ptr<NewFile>> begin_put(const std::string& path) override {
        TRY(check(path));
        return std::make_unique<Upload>(*this, path);
    }
    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
        return std::make_unique<Object>(TRY(get(path)));
    }
    Result<std::string> read_all(const std::string& path) override { return *TRY(get(path)); }

    Result<std::vector<std::string>> list(const std::string& directory) override {
        TRY(check(directory));
        const std::string prefix = directory.empty() ? "" : directory + "/";
        std::vector<std::string> names;
        const ScopedLock lock(mutex_);
        for (const auto& [path, bytes] : objects_) {
            if (!path.starts_with(prefix)) continue;
            const std::string name =
                path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size());
            names.push_back(name);
        }
        if (names.empty() && !directory.empty()) return missing(directory);
        std::ranges::sort(names);
        const auto [first, last] = std::ranges::unique(names);
        names.erase(first, last);
        return names;
    }
    Result<FileInfo> info(const std::string& path) override {
        TRY(check(path));
        const ScopedLock lock(mutex_);
        if (const auto place = objects_.find(path); place != objects_.end()) {
            return FileInfo{.bytes = place->second->size()};
        }
        if (has_below(path)) return FileInfo{.is_directory = true};
        return missing(path);
    }
    Result<bool> exists(const std::string& path) override {
        TRY(check(path));
        const ScopedLock lock(mutex_);
        return objects_.contains(path) || has_below(path);
    }
    Result<void> remove(const std::string& path) override {
        TRY(check(path));
        const ScopedLock lock(mutex_);
        if (objects_.erase(path) == 0) return missing(path);
        return {};
    }
    Result<void> remove_directory(const std::string& path) override {
        const ScopedLock lock(mutex_);
        if (has_below(path)) return conflict("directory \"{}\" is not empty", path);
        return {};
    }
    Result<void> sync_directory(const std::string& /*path*/) override { return {}; }
    std::string local_path(const std::string& /*path*/) const override { return {}; }

  private:
    using BytesPtr = std::shared_ptr<const std::string>;

    class Object final : public ReadableFile {
      public:
        explicit Object(BytesPtr bytes) : bytes_(std::move(bytes)) {}
        Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const override {
            const size_t first = std::min<uint64_t>(position, bytes_->size());
            const size_t count = std::min(buffer.size(), bytes_->size() - first);
            std::ranges::copy(as_bytes(*bytes_).subspan(first, count), buffer.begin());
            return count;
        }
        Result<uint64_t> size() const override { return bytes_->size(); }
        Result<FileInfo> info() const override { return FileInfo{.bytes = bytes_->size()}; }

      private:
        BytesPtr bytes_;
    };

    class Upload final : public NewFile {
      public:
        Upload(FlatStore& store, std::string path) : store_(store), path_(std::move(path)) {}
        Result<void> append(Bytes bytes) override {
            bytes_.append(as_text(bytes));
            return {};
        }
        uint64_t size() const override { return bytes_.size(); }
        Result<PutOutcome> put() override {
            const ScopedLock lock(store_.mutex_);
            const bool is_new =
                store_.objects_.try_emplace(path_, std::make_shared<const std::string>(bytes_))
                    .second;
            return is_new ? PutOutcome::kDone : PutOutcome::kExists;
        }

      private:
        FlatStore& store_;
        const std::string path_;
        std::string bytes_;
    };

    static Error missing(const std::string& path) {
        return not_found("there is no \"{}\"", path).with_sqlstate("58P01");
    }
    static Result<void> check(const std::string& path) {
        if (("/" + path + "/").find("/../") == std::string::npos) return {};
        return invalid_input("path \"{}\" contains \"..\"", path);
    }
    bool has_below(const std::string& directory) const REQUIRES(mutex_) {
        if (directory.empty()) return true;
        const auto place = objects_.lower_bound(directory + "/");
        return place != objects_.end() && place->first.starts_with(directory + "/");
    }
    Result<BytesPtr> get(const std::string& path) {
        TRY(check(path));
        const ScopedLock lock(mutex_);
        if (const auto place = objects_.find(path); place != objects_.end()) return place->second;
        if (has_below(path)) return invalid_input("\"{}\" is not a regular file", path);
        return missing(path);
    }

    mutable Mutex mutex_;
    std::map<std::string, BytesPtr> objects_ GUARDED_BY(mutex_);
};

}  // namespace braid
