// SPDX-License-Identifier: Apache-2.0
#include "app/private_directory.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"

namespace braid::app {
namespace {

namespace fs = std::filesystem;

class PrivateDirectoryTest : public testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name();
        fs::remove_all(root_);
        fs::create_directories(root_);
        open_to_all(root_);
    }
    void TearDown() override { fs::remove_all(root_); }
    static void open_to_all(const fs::path& path) { fs::permissions(path, fs::perms(0755)); }
    static int mode(const fs::path& path) {
        return static_cast<int>(fs::status(path).permissions() & fs::perms::all);
    }
    void make(const std::string& name) {
        const auto files = open_posix_file_system(root_.string());
        ASSERT_OK((*files)->create_directories(parent_directory(name)));
        ASSERT_OK((*files)->create(name));
        open_to_all(root_ / name);
        open_to_all(root_ / parent_directory(name));
    }

    fs::path root_;
};

TEST_F(PrivateDirectoryTest, ClosesAnEmptyDirectory) {
    ASSERT_OK(make_private(root_.string()));
    EXPECT_EQ(mode(root_), 0700);
}

TEST_F(PrivateDirectoryTest, ClosesADataDirectoryWithAllBelow) {
    make("manifest/00000001");
    make("log/1/0/00000000000000000000.extent");
    ASSERT_OK(make_private(root_.string()));
    EXPECT_EQ(mode(root_), 0700);
    EXPECT_EQ(mode(root_ / "manifest"), 0700);
    EXPECT_EQ(mode(root_ / "log/1/0/00000000000000000000.extent"), 0700);
}

TEST_F(PrivateDirectoryTest, LeavesWhatLinksNameAlone) {
    make("manifest/00000001");
    make("elsewhere/file");
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "dataset");
    fs::create_symlink(root_ / "elsewhere/file", root_ / "manifest/link");
    ASSERT_OK(make_private(root_.string()));
    EXPECT_EQ(mode(root_ / "elsewhere/file"), 0755);
    EXPECT_EQ(mode(root_), 0700);
}

TEST_F(PrivateDirectoryTest, RefusesADirectoryOfOthers) {
    make("home/letter");
    EXPECT_ERROR(make_private(root_.string()), ErrorCode::kInvalidInput, "42501");
    EXPECT_EQ(mode(root_), 0755);
    EXPECT_EQ(mode(root_ / "home/letter"), 0755);
    fs::permissions(root_, fs::perms(0700));
    ASSERT_OK(make_private(root_.string())) << "its owner has closed it himself";
}

TEST_F(PrivateDirectoryTest, WhatIsMadeInItIsForItsOwner) {
    const auto files = open_posix_file_system(root_.string());
    ASSERT_OK((*files)->create_directories("log/1"));
    ASSERT_OK((*files)->create("log/1/extent"));
    ASSERT_OK((*files)->lock("LOCK"));
    EXPECT_EQ(mode(root_ / "log"), 0700);
    EXPECT_EQ(mode(root_ / "log/1"), 0700);
    EXPECT_EQ(mode(root_ / "log/1/extent"), 0600);
    EXPECT_EQ(mode(root_ / "LOCK"), 0600);
}

}  // namespace
}  // namespace braid::app
