// SPDX-License-Identifier: Apache-2.0
// What every FileSystem must do; runs on the real one and on the one in memory.
#include "base/file_system.h"

#include <filesystem>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/posix_file_system.h"
#include "base/test_support.h"

namespace braid {
namespace {

std::string temporary_directory() {
    std::string name = std::filesystem::temp_directory_path() / "braid-files-XXXXXX";
    return mkdtemp(name.data()) == nullptr ? std::string() : name;
}

class FileSystemTest : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (std::string_view(GetParam()) == "memory") {
            files_ = std::make_unique<MemoryFileSystem>();
            return;
        }
        root_ = temporary_directory();
        ASSERT_FALSE(root_.empty());
        ASSERT_OK_AND_ASSIGN(files_, open_posix_file_system(root_));
    }
    void TearDown() override {
        files_.reset();
        if (!root_.empty()) std::filesystem::remove_all(root_);
    }

    Result<void> write(const std::string& path, std::string_view text) {
        const std::unique_ptr<WritableFile> file = TRY(files_->create(path));
        TRY(file->append(as_bytes(text)));
        return file->sync();
    }

    std::unique_ptr<FileSystem> files_;
    std::string root_;
};

INSTANTIATE_TEST_SUITE_P(Each, FileSystemTest, testing::Values("posix", "memory"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(FileSystemTest, ReadsWhatWasAppended) {
    ASSERT_OK_AND_ASSIGN(const auto file, files_->create("a"));
    ASSERT_OK(file->append(as_bytes("hello ")));
    ASSERT_OK(file->append(as_bytes("world")));
    EXPECT_EQ(file->size(), 11u);
    ASSERT_OK(file->sync());
    ASSERT_OK_AND_ASSIGN(const std::string text, files_->read_all("a"));
    EXPECT_EQ(text, "hello world");
}

TEST_P(FileSystemTest, ReadsAtPositionsAndShortAtTheEnd) {
    ASSERT_OK(write("a", "0123456789"));
    ASSERT_OK_AND_ASSIGN(const auto file, files_->open("a"));
    std::string buffer(4, ' ');
    const std::span<std::byte> span(reinterpret_cast<std::byte*>(buffer.data()), buffer.size());
    ASSERT_OK_AND_ASSIGN(size_t count, file->read_at(3, span));
    EXPECT_EQ(count, 4u);
    EXPECT_EQ(buffer, "3456");
    ASSERT_OK_AND_ASSIGN(count, file->read_at(8, span));
    EXPECT_EQ(count, 2u);
    ASSERT_OK_AND_ASSIGN(count, file->read_at(100, span));
    EXPECT_EQ(count, 0u);
    ASSERT_OK_AND_ASSIGN(const uint64_t size, file->size());
    EXPECT_EQ(size, 10u);
}

TEST_P(FileSystemTest, CreateRefusesATakenName) {
    ASSERT_OK(write("a", "x"));
    EXPECT_ERROR(files_->create("a"), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemTest, AMissingFileIsNotFound) {
    EXPECT_ERROR(files_->open("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->map("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->read_all("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->info("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->remove("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->list("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->sync_directory("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->create("a/b"), ErrorCode::kNotFound);
    ASSERT_OK_AND_ASSIGN(const bool there, files_->exists("a"));
    EXPECT_FALSE(there);
}

TEST_P(FileSystemTest, AnOpenFileOutlivesItsName) {
    ASSERT_OK(write("a", "text"));
    ASSERT_OK_AND_ASSIGN(const auto file, files_->open("a"));
    ASSERT_OK(files_->remove("a"));
    std::string buffer(4, ' ');
    EXPECT_OK(file->read_at(0, {reinterpret_cast<std::byte*>(buffer.data()), buffer.size()}));
    EXPECT_EQ(buffer, "text");
}

TEST_P(FileSystemTest, MapsWholeFilesAlsoEmptyOnes) {
    ASSERT_OK(write("a", "mapped"));
    ASSERT_OK(write("empty", ""));
    ASSERT_OK_AND_ASSIGN(const auto mapped, files_->map("a"));
    EXPECT_EQ(as_text(mapped->bytes()), "mapped");
    ASSERT_OK_AND_ASSIGN(const auto empty, files_->map("empty"));
    EXPECT_TRUE(empty->bytes().empty());
    ASSERT_OK(files_->remove("a"));
    EXPECT_EQ(as_text(mapped->bytes()), "mapped");
}

TEST_P(FileSystemTest, ListsNamesInOrder) {
    ASSERT_OK(files_->create_directories("d/e"));
    ASSERT_OK(write("d/b", ""));
    ASSERT_OK(write("d/a", ""));
    ASSERT_OK(write("d/e/hidden", ""));
    ASSERT_OK_AND_ASSIGN(const auto names, files_->list("d"));
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "e"}));
    ASSERT_OK_AND_ASSIGN(const auto root, files_->list(""));
    EXPECT_EQ(root, std::vector<std::string>{"d"});
    ASSERT_OK(files_->sync_directory("d"));
    ASSERT_OK(files_->sync_directory(""));
}

TEST_P(FileSystemTest, TellsFilesFromDirectories) {
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK(files_->create_directories("d"));  // again is fine
    ASSERT_OK(write("d/a", "12345"));
    ASSERT_OK_AND_ASSIGN(const FileInfo file, files_->info("d/a"));
    EXPECT_EQ(file.bytes, 5u);
    EXPECT_FALSE(file.is_directory);
    ASSERT_OK_AND_ASSIGN(const FileInfo directory, files_->info("d"));
    EXPECT_TRUE(directory.is_directory);
    EXPECT_NE(file.inode, directory.inode);
    EXPECT_ERROR(files_->open("d"), ErrorCode::kInvalidInput);
}

TEST_P(FileSystemTest, MoveNeverOverwrites) {
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK(write("a", "first"));
    ASSERT_OK(write("d/b", "second"));
    EXPECT_ERROR(files_->move_no_replace("a", "d/b"), ErrorCode::kAlreadyExists);
    EXPECT_ERROR(files_->move_no_replace("missing", "c"), ErrorCode::kNotFound);
    ASSERT_OK(files_->move_no_replace("a", "d/c"));
    ASSERT_OK_AND_ASSIGN(const std::string text, files_->read_all("d/c"));
    EXPECT_EQ(text, "first");
    EXPECT_ERROR(files_->open("a"), ErrorCode::kNotFound);
}

TEST_P(FileSystemTest, RemovesOnlyEmptyDirectories) {
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK(write("d/a", ""));
    EXPECT_ERROR(files_->remove_directory("d"), ErrorCode::kConflict);
    ASSERT_OK(files_->remove("d/a"));
    ASSERT_OK(files_->remove_directory("d"));
    ASSERT_OK_AND_ASSIGN(const bool there, files_->exists("d"));
    EXPECT_FALSE(there);
}

TEST_P(FileSystemTest, ASecondLockIsRefusedUntilTheFirstIsGone) {
    ASSERT_OK_AND_ASSIGN(auto first, files_->lock("LOCK"));
    EXPECT_ERROR(files_->lock("LOCK"), ErrorCode::kUnavailable);
    first.reset();
    EXPECT_OK(files_->lock("LOCK"));
}

TEST_P(FileSystemTest, PathsCannotLeaveTheRoot) {
    EXPECT_ERROR(files_->create("../a"), ErrorCode::kInvalidInput);
    EXPECT_ERROR(files_->open("a/../../b"), ErrorCode::kInvalidInput);
    EXPECT_ERROR(files_->list(".."), ErrorCode::kInvalidInput);
    EXPECT_OK(write("..a", "two dots in a name are a name"));
}

TEST_P(FileSystemTest, KnowsItsFreeBytes) {
    ASSERT_OK_AND_ASSIGN(const uint64_t free, files_->free_bytes());
    EXPECT_GT(free, 0u);
}

TEST_P(FileSystemTest, PublishedFilesAreWholeAndNeverOverwritten) {
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK(files_->create_directories("_tmp"));
    ASSERT_OK(publish_file(*files_, "_tmp", "d/a", as_bytes("one")));
    EXPECT_ERROR(publish_file(*files_, "_tmp", "d/a", as_bytes("two")), ErrorCode::kAlreadyExists);
    ASSERT_OK_AND_ASSIGN(const std::string text, files_->read_all("d/a"));
    EXPECT_EQ(text, "one");
    ASSERT_OK_AND_ASSIGN(const auto left, files_->list("_tmp"));
    EXPECT_TRUE(left.empty());
}

TEST_P(FileSystemTest, PublishStepsOverTemporaryFilesOfACrash) {
    ASSERT_OK(files_->create_directories("_tmp"));
    ASSERT_OK(write("_tmp/a.0.tmp", "left behind"));
    ASSERT_OK(publish_file(*files_, "_tmp", "a", as_bytes("one")));
    ASSERT_OK_AND_ASSIGN(const std::string text, files_->read_all("a"));
    EXPECT_EQ(text, "one");
}

TEST(PosixFileSystem, RefusesARootThatIsNoDirectory) {
    EXPECT_ERROR(open_posix_file_system("/nowhere/at/all"), ErrorCode::kNotFound);
    EXPECT_ERROR(open_posix_file_system("/proc/version"), ErrorCode::kInvalidInput);
}

TEST(PosixFileSystem, AnEmptyRootIsTheWholeMachine) {
    for (const std::string root : {"", "/"}) {
        ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
        EXPECT_EQ(files->local_path("/etc/hosts"), "/etc/hosts");
        EXPECT_EQ(files->local_path("etc/hosts"), "/etc/hosts");
        EXPECT_OK(files->info("/proc/version"));
    }
}

TEST(PosixFileSystem, RefusesToReadWhatIsNoRegularFile) {
    const std::string root = temporary_directory();
    ASSERT_EQ(mkfifo((root + "/fifo").c_str(), 0600), 0);
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
    EXPECT_ERROR(files->open("fifo"), ErrorCode::kInvalidInput);
    std::filesystem::remove_all(root);
}

TEST(PosixFileSystem, RefusesLinksWhereTold) {
    const std::string root = std::filesystem::canonical(temporary_directory());
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system(root));
    ASSERT_OK(files->create_directories("real"));
    ASSERT_OK(files->create("real/file"));
    std::filesystem::create_symlink("file", root + "/real/link");
    std::filesystem::create_directory_symlink("real", root + "/linked");
    ASSERT_OK_AND_ASSIGN(const auto strict, open_posix_file_system(root, Links::kRefused));
    EXPECT_OK(strict->open("real/file"));
    EXPECT_OK(strict->list("real"));
    for (const char* path : {"real/link", "linked/file"}) {
        EXPECT_OK(files->open(path));
        EXPECT_FALSE(strict->open(path).has_value()) << path;
    }
    EXPECT_OK(files->list("linked"));
    EXPECT_FALSE(strict->list("linked").has_value());
    std::filesystem::remove_all(root);
}

TEST(ResolveLinks, FollowsWhatIsThereAndKeepsTheRest) {
    const std::string root = std::filesystem::canonical(temporary_directory());
    std::filesystem::create_directories(root + "/real");
    std::filesystem::create_directory_symlink("real", root + "/linked");
    const auto resolved = [&](const std::string& path) {
        const auto place = resolve_links(root + path);
        return place ? *place : place.error().message();
    };
    EXPECT_EQ(resolved("/linked"), root + "/real");
    EXPECT_EQ(resolved("/linked/not/yet"), root + "/real/not/yet");
    EXPECT_EQ(resolved("/not/yet"), root + "/not/yet");
    ASSERT_OK_AND_ASSIGN(const std::string top, resolve_links("/not-there/x"));
    EXPECT_EQ(top, "/not-there/x");
    EXPECT_ERROR(resolve_links("relative"), ErrorCode::kInvalidInput);
    std::filesystem::remove_all(root);
}

TEST(ParentDirectory, IsEverythingBeforeTheLastSlash) {
    EXPECT_EQ(parent_directory("a/b/c"), "a/b");
    EXPECT_EQ(parent_directory("a"), "");
    EXPECT_EQ(parent_directory(""), "");
}

}  // namespace
}  // namespace braid
