// SPDX-License-Identifier: Apache-2.0
// What every FileSystem must do beyond a Store: files that grow, are synced, moved and locked. A
// form's test includes this and instantiates FileSystemConformance, and the suites of the store and
// of put_new with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/conformance_test_support.h"
#include "base/file_system.h"
#include "base/test_support.h"

namespace braid {

class FileSystemConformance : public testing::TestWithParam<TestForm<FileSystem>> {
  protected:
    void SetUp() override {
        files_ = GetParam().make();
        ASSERT_NE(files_, nullptr);
    }

    Result<void> write(const std::string& path, std::string_view text) {
        const std::unique_ptr<WritableFile> file = TRY(files_->create(path));
        TRY(file->append(as_bytes(text)));
        return file->sync();
    }

    std::shared_ptr<FileSystem> files_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FileSystemConformance);

TEST_P(FileSystemConformance, ReadsWhatWasAppended) {
    ASSERT_OK_AND_ASSIGN(const auto file, files_->create("a"));
    ASSERT_OK(file->append(as_bytes("hello ")));
    ASSERT_OK(file->append(as_bytes("world")));
    EXPECT_EQ(file->size(), 11u);
    ASSERT_OK(file->sync());
    ASSERT_OK_AND_ASSIGN(const std::string text, files_->read_all("a"));
    EXPECT_EQ(text, "hello world");
}

TEST_P(FileSystemConformance, CreateRefusesATakenName) {
    ASSERT_OK(write("a", "x"));
    EXPECT_ERROR(files_->create("a"), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemConformance, AHeldDirectoryTakesFilesInAndNeverOverwrites) {
    EXPECT_ERROR(files_->open_directory("d"), ErrorCode::kNotFound);
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK_AND_ASSIGN(const auto directory, files_->open_directory("d"));
    ASSERT_OK(write("a", "first"));
    ASSERT_OK(write("b", "second"));
    ASSERT_OK(directory->move_in("a", "c"));
    EXPECT_ERROR(directory->move_in("b", "c"), ErrorCode::kAlreadyExists);
    EXPECT_ERROR(directory->move_in("a", "e"), ErrorCode::kNotFound);
    EXPECT_OK(directory->sync());
    EXPECT_EQ(files_->read_all("d/c").value(), "first");
    EXPECT_FALSE(files_->exists("a").value());
    ASSERT_OK_AND_ASSIGN(const auto root, files_->open_directory(""));
    ASSERT_OK(root->move_in("b", "f"));
    EXPECT_EQ(files_->read_all("f").value(), "second");
}

/// Also when another one has its name by now.
TEST_P(FileSystemConformance, AHeldDirectoryThatWasRemovedTakesNothingIn) {
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK_AND_ASSIGN(const auto directory, files_->open_directory("d"));
    ASSERT_OK(files_->remove_directory("d"));
    ASSERT_OK(files_->create_directories("d"));
    ASSERT_OK(write("a", "x"));
    EXPECT_ERROR(directory->move_in("a", "b"), ErrorCode::kNotFound);
    EXPECT_TRUE(files_->exists("a").value());
}

TEST_P(FileSystemConformance, MoveNeverOverwrites) {
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

TEST_P(FileSystemConformance, ASecondLockIsRefusedUntilTheFirstIsGone) {
    ASSERT_OK_AND_ASSIGN(auto first, files_->lock("LOCK"));
    EXPECT_ERROR(files_->lock("LOCK"), ErrorCode::kUnavailable);
    first.reset();
    EXPECT_OK(files_->lock("LOCK"));
}

TEST_P(FileSystemConformance, KnowsItsFreeBytes) {
    ASSERT_OK_AND_ASSIGN(const uint64_t free, files_->free_bytes());
    EXPECT_GT(free, 0u);
}

TEST_P(FileSystemConformance, WhatIsMissingIsNotFound) {
    EXPECT_ERROR(files_->sync_directory("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(files_->create("a/b"), ErrorCode::kNotFound);
    ASSERT_OK(write("c", ""));
    EXPECT_ERROR(files_->move_no_replace("c", "a/b"), ErrorCode::kNotFound);
}

TEST_P(FileSystemConformance, MakesAndRemovesDirectories) {
    ASSERT_OK(files_->create_directories("d/e"));
    ASSERT_OK(files_->create_directories("d/e"));  // again is fine
    ASSERT_OK(write("d/a", "12345"));
    ASSERT_OK_AND_ASSIGN(const FileInfo file, files_->info("d/a"));
    ASSERT_OK_AND_ASSIGN(const FileInfo directory, files_->info("d"));
    EXPECT_NE(file.inode, directory.inode);
    EXPECT_ERROR(files_->remove_directory("d"), ErrorCode::kConflict);
    ASSERT_OK(files_->sync_directory("d"));
    ASSERT_OK(files_->sync_directory(""));
    ASSERT_OK(files_->remove_directory("d/e"));
    EXPECT_EQ(files_->list("d").value(), std::vector<std::string>{"a"});
}

TEST_P(FileSystemConformance, AFileKeepsItsIdentityWhenItMoves) {
    ASSERT_OK(write("a", "text"));
    ASSERT_OK_AND_ASSIGN(const FileInfo before, files_->info("a"));
    ASSERT_OK_AND_ASSIGN(const auto open, files_->open("a"));
    ASSERT_OK(files_->move_no_replace("a", "b"));
    ASSERT_OK_AND_ASSIGN(const FileInfo after, files_->info("b"));
    EXPECT_EQ(before.inode, after.inode);
    EXPECT_EQ(open->info()->inode, after.inode);
}

TEST_P(FileSystemConformance, AGrowingFileIsReadAsFarAsItGoes) {
    ASSERT_OK_AND_ASSIGN(const auto writer, files_->create("a"));
    ASSERT_OK_AND_ASSIGN(const auto reader, files_->open("a"));
    EXPECT_EQ(reader->size().value(), 0u);
    ASSERT_OK(writer->append(as_bytes("more")));
    EXPECT_EQ(reader->size().value(), 4u);
    ASSERT_OK(writer->append(as_bytes(" and more")));
    EXPECT_EQ(files_->read_all("a").value(), "more and more");
}

TEST_P(FileSystemConformance, PathsCannotLeaveTheRoot) {
    EXPECT_ERROR(files_->create("../a"), ErrorCode::kInvalidInput);
    EXPECT_ERROR(files_->create_directories("a/../../b"), ErrorCode::kInvalidInput);
    EXPECT_OK(write("..a", "two dots in a name are a name"));
}

}  // namespace braid
