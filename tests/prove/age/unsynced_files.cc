// SPDX-License-Identifier: Apache-2.0
#include "tests/prove/age/unsynced_files.h"

namespace braid::testing {

class UnsyncedFiles::UnsyncedFile final : public WritableFile {
  public:
    explicit UnsyncedFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
    Result<void> append(Bytes bytes) override { return file_->append(bytes); }
    uint64_t size() const override { return file_->size(); }
    Result<void> sync() override { return {}; }

  private:
    const std::unique_ptr<WritableFile> file_;
};

class UnsyncedFiles::UnsyncedDirectory final : public Directory {
  public:
    explicit UnsyncedDirectory(std::unique_ptr<Directory> directory)
        : directory_(std::move(directory)) {}
    Result<void> move_in(const std::string& from, const std::string& name) override {
        return directory_->move_in(from, name);
    }
    Result<void> sync() override { return {}; }

  private:
    const std::unique_ptr<Directory> directory_;
};

Result<std::unique_ptr<WritableFile>> UnsyncedFiles::create(const std::string& path) {
    return std::make_unique<UnsyncedFile>(TRY(files_->create(path)));
}

Result<std::unique_ptr<Directory>> UnsyncedFiles::open_directory(const std::string& path) {
    return std::make_unique<UnsyncedDirectory>(TRY(files_->open_directory(path)));
}

Result<void> UnsyncedFiles::remove_directory(const std::string& path) {
    forget_directory(path);
    return files_->remove_directory(path);
}

}  // namespace braid::testing
