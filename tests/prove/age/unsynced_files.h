// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/file_system.h"

namespace braid::testing {

/// The files of another file system, on which no sync is waited for: what is here outlives the
/// process, not the machine. For looking at age, where months pass in minutes.
class UnsyncedFiles final : public FileSystem {
  public:
    explicit UnsyncedFiles(std::unique_ptr<FileSystem> files) : files_(std::move(files)) {}

    Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
        return files_->open(path);
    }
    Result<std::string> read_all(const std::string& path) override {
        return files_->read_all(path);
    }
    Result<std::vector<std::string>> list(const std::string& directory) override {
        return files_->list(directory);
    }
    Result<FileInfo> info(const std::string& path) override { return files_->info(path); }
    Result<bool> exists(const std::string& path) override { return files_->exists(path); }
    Result<void> create_directories(const std::string& path) override {
        return files_->create_directories(path);
    }
    Result<void> move_no_replace(const std::string& from, const std::string& to) override {
        return files_->move_no_replace(from, to);
    }
    Result<bool> can_exchange() override { return files_->can_exchange(); }
    Result<void> link(const std::string& from, const std::string& to) override {
        return files_->link(from, to);
    }
    Result<void> exchange(const std::string& directory, const std::string& other) override {
        return files_->exchange(directory, other);
    }
    Result<void> remove(const std::string& path) override { return files_->remove(path); }
    Result<void> remove_directory(const std::string& path) override;
    Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override;
    Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
        return files_->lock(path);
    }
    Result<uint64_t> free_bytes() override { return files_->free_bytes(); }
    std::string local_path(const std::string& path) const override {
        return files_->local_path(path);
    }

  private:
    class UnsyncedFile;
    class UnsyncedDirectory;

    const std::unique_ptr<FileSystem> files_;
};

}  // namespace braid::testing
