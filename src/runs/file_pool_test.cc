// SPDX-License-Identifier: Apache-2.0
#include "runs/file_pool.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"

namespace braid::runs {
namespace {

struct FilePoolTest : testing::Test {
    MemoryFileSystem files;
    FilePool pool{files, 3};

    void SetUp() override {
        for (int number = 0; number < 10; ++number) {
            ASSERT_OK(files.create(fmt::format("f{}", number)));
        }
    }
};

TEST_F(FilePoolTest, OpensAFileOnce) {
    ASSERT_OK_AND_ASSIGN(const auto first, pool.open("f1"));
    ASSERT_OK_AND_ASSIGN(const auto again, pool.open("f1"));
    EXPECT_EQ(first, again);
    EXPECT_ERROR(pool.open("none"), ErrorCode::kNotFound);
    EXPECT_EQ(pool.open_count(), 1U);
}

TEST_F(FilePoolTest, ClosesWhatWasUsedLongestAgo) {
    std::weak_ptr<const ReadableFile> old;
    for (int number = 0; number < 10; ++number) {
        ASSERT_OK(pool.open("f0"));
        ASSERT_OK_AND_ASSIGN(const auto file, pool.open(fmt::format("f{}", number)));
        if (number == 1) old = file;
        EXPECT_LE(pool.open_count(), 3U);
        EXPECT_EQ(old.expired(), number == 0 || number >= 3) << number;
    }
}

TEST_F(FilePoolTest, KeepsAsManyOpenAsItMay) {
    for (const auto& [name, open] : {std::pair("f1", 1U), {"f2", 2U}, {"f3", 3U}, {"f4", 3U}}) {
        ASSERT_OK(pool.open(name));
        EXPECT_EQ(pool.open_count(), open) << name;
    }
}

TEST_F(FilePoolTest, ForgetsAFile) {
    ASSERT_OK(pool.open("f1"));
    pool.forget("f1");
    pool.forget("f2");
    EXPECT_EQ(pool.open_count(), 0U);
}

}  // namespace
}  // namespace braid::runs
