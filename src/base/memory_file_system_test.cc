// SPDX-License-Identifier: Apache-2.0
#include "base/memory_file_system.h"

#include <set>

#include <gtest/gtest.h>

#include "base/error_makers.h"
#include "base/test_support.h"

namespace braid {
namespace {

class MemoryFileSystemTest : public testing::Test {
  protected:
    std::unique_ptr<WritableFile> create(const std::string& path, std::string_view text) {
        auto file = files_.create(path);
        EXPECT_OK(file);
        EXPECT_OK(file.value()->append(as_bytes(text)));
        return std::move(file).value();
    }
    std::string read(const std::string& path) {
        auto text = files_.read_all(path);
        return text ? *text : std::string(facts_of(text.error().code()).name);
    }
    MemoryFileSystem files_;
};

TEST_F(MemoryFileSystemTest, ACrashDropsWhatWasNotSynced) {
    const auto file = create("a", "kept");
    ASSERT_OK(file->sync());
    ASSERT_OK(files_.sync_directory(""));
    ASSERT_OK(file->append(as_bytes(" lost")));
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "kept");
}

TEST_F(MemoryFileSystemTest, ASyncedFileWithoutItsDirectoryEntryIsLost) {
    ASSERT_OK(create("a", "text")->sync());
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "NotFound");
}

TEST_F(MemoryFileSystemTest, AnEntryWithoutItsBytesIsEmpty) {
    create("a", "text");
    ASSERT_OK(files_.sync_directory(""));
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "");
}

TEST_F(MemoryFileSystemTest, ACrashMayKeepEverything) {
    create("a", "text");
    files_.crash(CrashFate::kKeepUnsynced, 0);
    EXPECT_EQ(read("a"), "text");
    files_.crash(CrashFate::kDropUnsynced, 0);  // what a restart sees is on the disk
    EXPECT_EQ(read("a"), "text");
}

TEST_F(MemoryFileSystemTest, ATornFileKeepsEachPrefixForSomeSeed) {
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        MemoryFileSystem files;
        ASSERT_OK_AND_ASSIGN(const auto file, files.create("a"));
        ASSERT_OK(file->append(as_bytes("ab")));
        ASSERT_OK(file->sync());
        ASSERT_OK(files.sync_directory(""));
        ASSERT_OK(file->append(as_bytes("cd")));
        files.crash(CrashFate::kTearUnsynced, seed);
        ASSERT_OK_AND_ASSIGN(const std::string text, files.read_all("a"));
        seen.insert(text);
    }
    EXPECT_EQ(seen, (std::set<std::string>{"ab", "abc", "abcd"}));
}

TEST_F(MemoryFileSystemTest, TornDirectoriesKeepEachSubsetOfChangesForSomeSeed) {
    std::set<std::vector<std::string>> seen;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        MemoryFileSystem files;
        ASSERT_OK(files.create("old"));
        ASSERT_OK(files.sync_directory(""));
        ASSERT_OK(files.create("new"));
        ASSERT_OK(files.remove("old"));
        files.crash(CrashFate::kTearUnsynced, seed);
        ASSERT_OK_AND_ASSIGN(const auto names, files.list(""));
        seen.insert(names);
    }
    EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{}, {"new"}, {"new", "old"}, {"old"}}));
}

TEST_F(MemoryFileSystemTest, AMoveIsNeverHalf) {
    std::set<std::vector<std::string>> seen;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        MemoryFileSystem files;
        ASSERT_OK(files.create("from"));
        ASSERT_OK(files.sync_directory(""));
        ASSERT_OK(files.move_no_replace("from", "to"));
        files.crash(CrashFate::kTearUnsynced, seed);
        ASSERT_OK_AND_ASSIGN(const auto names, files.list(""));
        seen.insert(names);
    }
    EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"from"}, {"to"}}));
}

TEST_F(MemoryFileSystemTest, ARemovalWithoutSyncComesBack) {
    ASSERT_OK(create("a", "text")->sync());
    ASSERT_OK(files_.sync_directory(""));
    ASSERT_OK(files_.remove("a"));
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "text");
}

TEST_F(MemoryFileSystemTest, ALostDirectoryTakesItsFilesAlong) {
    ASSERT_OK(files_.create_directories("d/e"));
    ASSERT_OK(create("d/e/a", "text")->sync());
    ASSERT_OK(files_.sync_directory("d/e"));
    ASSERT_OK(files_.sync_directory("d"));
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_ERROR(files_.list("d"), ErrorCode::kNotFound);
    EXPECT_EQ(read("d/e/a"), "NotFound");
}

TEST_F(MemoryFileSystemTest, OldHandlesAndLocksAreDeadAfterACrash) {
    const auto writer = create("a", "text");
    ASSERT_OK(writer->sync());
    ASSERT_OK(files_.sync_directory(""));
    ASSERT_OK_AND_ASSIGN(const auto reader, files_.open("a"));
    ASSERT_OK_AND_ASSIGN(auto lock, files_.lock("LOCK"));
    files_.crash(CrashFate::kKeepUnsynced, 0);
    std::byte byte{};
    EXPECT_ERROR(writer->append(as_bytes("x")), ErrorCode::kIo);
    EXPECT_ERROR(writer->sync(), ErrorCode::kIo);
    EXPECT_ERROR(reader->read_at(0, {&byte, 1}), ErrorCode::kIo);
    ASSERT_OK_AND_ASSIGN(const auto fresh, files_.lock("LOCK"));
    lock.reset();  // the dead one frees nothing
    EXPECT_ERROR(files_.lock("LOCK"), ErrorCode::kUnavailable);
    EXPECT_EQ(read("a"), "text");
}

TEST_F(MemoryFileSystemTest, FailsEverythingFromTheNthOperationOn) {
    const auto file = create("a", "");
    const uint64_t before = files_.operation_count();
    files_.fail_all_after(2);
    EXPECT_OK(file->append(as_bytes("1")));
    EXPECT_OK(files_.read_all("a"));  // reads do not count
    EXPECT_OK(file->append(as_bytes("2")));
    EXPECT_ERROR(file->append(as_bytes("345678")), ErrorCode::kIo);
    EXPECT_ERROR(files_.read_all("a"), ErrorCode::kIo);
    EXPECT_ERROR(files_.sync_directory(""), ErrorCode::kIo);
    EXPECT_GE(files_.operation_count(), before + 3);
    files_.crash(CrashFate::kKeepUnsynced, 0);
    EXPECT_EQ(read("a"), "12345");  // the append that failed was torn
}

TEST_F(MemoryFileSystemTest, TheHookMakesAnOperationFail) {
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kMove)
            return io_error("no moves to {}", operation.path);
        return {};
    });
    create("a", "x");
    EXPECT_ERROR(files_.move_no_replace("a", "b"), ErrorCode::kIo);
    EXPECT_EQ(read("a"), "x");
    files_.clear_faults();
    EXPECT_OK(files_.move_no_replace("a", "b"));
}

TEST_F(MemoryFileSystemTest, AFailedSyncPoisonsTheFile) {
    const auto file = create("a", "x");
    ASSERT_OK(files_.sync_directory(""));
    files_.set_fault_hook([](const FileOperation& operation) -> Result<void> {
        if (operation.kind == FileOperation::Kind::kSync) return io_error("no sync");
        return {};
    });
    EXPECT_ERROR(file->sync(), ErrorCode::kIo);
    files_.clear_faults();
    EXPECT_ERROR(file->sync(), ErrorCode::kIo);
    EXPECT_ERROR(file->append(as_bytes("y")), ErrorCode::kIo);
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "");
}

TEST_F(MemoryFileSystemTest, AFullDiskTakesWhatFitsAndRemovingGivesItBack) {
    files_.set_free_bytes(3);
    ASSERT_OK_AND_ASSIGN(const auto file, files_.create("a"));
    EXPECT_ERROR(file->append(as_bytes("12345")), ErrorCode::kExhausted, "53100");
    EXPECT_EQ(read("a"), "123");
    ASSERT_OK_AND_ASSIGN(uint64_t free, files_.free_bytes());
    EXPECT_EQ(free, 0u);
    ASSERT_OK(files_.remove("a"));
    ASSERT_OK_AND_ASSIGN(free, files_.free_bytes());
    EXPECT_EQ(free, 3u);
}

TEST_F(MemoryFileSystemTest, BitsFlipAndFilesShrinkForGood) {
    ASSERT_OK(create("a", "abc")->sync());
    ASSERT_OK(files_.sync_directory(""));
    ASSERT_OK(files_.flip_bit("a", 0, 1));
    ASSERT_OK(files_.truncate("a", 2));
    files_.crash(CrashFate::kDropUnsynced, 0);
    EXPECT_EQ(read("a"), "cb");
    EXPECT_ERROR(files_.flip_bit("a", 2, 0), ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace braid
