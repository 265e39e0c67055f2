// SPDX-License-Identifier: Apache-2.0
// What every Store must do. A form's test includes this and instantiates StoreConformance.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/conformance_test_support.h"
#include "base/test_support.h"

namespace braid {

class StoreConformance : public testing::TestWithParam<TestForm<Store>> {
  protected:
    void SetUp() override {
        store_ = GetParam().make();
        ASSERT_NE(store_, nullptr);
    }

    void write(const std::string& path, std::string_view text) {
        ASSERT_OK_AND_ASSIGN(const PutOutcome outcome, put_new(*store_, path, as_bytes(text)));
        ASSERT_EQ(outcome, PutOutcome::kDone) << path;
    }

    std::shared_ptr<Store> store_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

TEST_P(StoreConformance, ReadsAtPositionsAndShortAtTheEnd) {
    write("a", "0123456789");
    ASSERT_OK_AND_ASSIGN(const auto file, store_->open("a"));
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
    ASSERT_OK_AND_ASSIGN(const FileInfo info, file->info());
    EXPECT_EQ(info.bytes, 10u);
}

TEST_P(StoreConformance, AMissingFileIsNotFound) {
    EXPECT_ERROR(store_->open("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(store_->read_all("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(store_->info("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(store_->remove("a"), ErrorCode::kNotFound);
    EXPECT_ERROR(store_->list("a"), ErrorCode::kNotFound);
    ASSERT_OK_AND_ASSIGN(const bool there, store_->exists("a"));
    EXPECT_FALSE(there);
}

TEST_P(StoreConformance, AnOpenFileOutlivesItsName) {
    write("a", "text");
    ASSERT_OK_AND_ASSIGN(const auto file, store_->open("a"));
    ASSERT_OK(store_->remove("a"));
    std::string buffer(4, ' ');
    EXPECT_OK(file->read_at(0, {reinterpret_cast<std::byte*>(buffer.data()), buffer.size()}));
    EXPECT_EQ(buffer, "text");
}

TEST_P(StoreConformance, ListsNamesInOrder) {
    write("d/b", "");
    write("d/a", "");
    write("d/e/deeper", "");
    ASSERT_OK_AND_ASSIGN(const auto names, store_->list("d"));
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "e"}));
    ASSERT_OK_AND_ASSIGN(auto root, store_->list(""));
    std::erase(root, "_tmp");
    EXPECT_EQ(root, std::vector<std::string>{"d"});
}

TEST_P(StoreConformance, TellsFilesFromDirectories) {
    write("d/a", "12345");
    ASSERT_OK_AND_ASSIGN(const FileInfo file, store_->info("d/a"));
    EXPECT_EQ(file.bytes, 5u);
    EXPECT_FALSE(file.is_directory);
    ASSERT_OK_AND_ASSIGN(const FileInfo directory, store_->info("d"));
    EXPECT_TRUE(directory.is_directory);
    ASSERT_OK_AND_ASSIGN(const bool there, store_->exists("d"));
    EXPECT_TRUE(there);
    EXPECT_ERROR(store_->open("d"), ErrorCode::kInvalidInput);
}

TEST_P(StoreConformance, RemovesFilesForGood) {
    write("d/a", "1");
    write("d/b", "2");
    ASSERT_OK(store_->remove("d/a"));
    ASSERT_OK(store_->sync_directory("d"));
    EXPECT_ERROR(store_->open("d/a"), ErrorCode::kNotFound);
    EXPECT_EQ(store_->list("d").value(), std::vector<std::string>{"b"});
}

TEST_P(StoreConformance, AFileMayHaveTwoNamesWhereDirectoriesCanBeExchanged) {
    write("d/a", "text");
    ASSERT_OK_AND_ASSIGN(const bool can, store_->can_exchange());
    if (!can) {
        EXPECT_ERROR(store_->link("d/a", "e/f/b"), ErrorCode::kUnsupported);
        EXPECT_ERROR(store_->exchange("d", "e"), ErrorCode::kUnsupported);
        EXPECT_EQ(store_->read_all("d/a").value(), "text");
        return;
    }
    ASSERT_OK(store_->link("d/a", "e/f/b"));
    EXPECT_ERROR(store_->link("d/a", "e/f/b"), ErrorCode::kAlreadyExists);
    EXPECT_ERROR(store_->link("d/none", "e/f/c"), ErrorCode::kNotFound);
    ASSERT_OK(store_->remove("d/a"));
    EXPECT_EQ(store_->read_all("e/f/b").value(), "text");
}

TEST_P(StoreConformance, DirectoriesAreExchangedWithAllThatIsInThem) {
    if (!store_->can_exchange().value()) return;
    write("d/a", "1");
    write("d/deep/b", "2");
    write("x/e/c", "3");
    ASSERT_OK(store_->exchange("d", "x/e"));
    EXPECT_EQ(store_->list("d").value(), std::vector<std::string>{"c"});
    EXPECT_EQ(store_->list("x/e").value(), (std::vector<std::string>{"a", "deep"}));
    EXPECT_EQ(store_->read_all("x/e/deep/b").value(), "2");
    write("d/b", "new");
    EXPECT_EQ(store_->list("d").value(), (std::vector<std::string>{"b", "c"}));
    EXPECT_ERROR(store_->exchange("d", "none"), ErrorCode::kNotFound);
    EXPECT_EQ(store_->list("d").value(), (std::vector<std::string>{"b", "c"}));
}

/// Nothing stays of a directory whose files are gone once it is removed, and it may come again.
TEST_P(StoreConformance, RemovesOnlyEmptyDirectories) {
    write("d/e/a", "1");
    EXPECT_ERROR(store_->remove_directory("d"), ErrorCode::kConflict);
    EXPECT_ERROR(store_->remove_directory("d/e"), ErrorCode::kConflict);
    ASSERT_OK(store_->remove("d/e/a"));
    ASSERT_OK(store_->remove_directory("d/e"));
    ASSERT_OK(store_->remove_directory("d"));
    ASSERT_OK_AND_ASSIGN(const bool there, store_->exists("d"));
    EXPECT_FALSE(there);
    write("d/e/a", "2");
    EXPECT_EQ(store_->read_all("d/e/a").value(), "2");
}

TEST_P(StoreConformance, PathsCannotLeaveTheRoot) {
    EXPECT_ERROR(put_new(*store_, "../a", as_bytes("x")), ErrorCode::kInvalidInput);
    EXPECT_ERROR(store_->open("a/../../b"), ErrorCode::kInvalidInput);
    EXPECT_ERROR(store_->list(".."), ErrorCode::kInvalidInput);
    write("..a", "two dots in a name are a name");
}

/// Names that a stream's folder and a file in it may have: escaped names are long and hold '%'.
TEST_P(StoreConformance, TakesLongNamesAndPercentSigns) {
    const std::string folder = "dataset/" + std::string(200, 'x') + "%e6%97%a5-12";
    write(folder + "/ingest_day=2026-11-22/a-0-00000000000000000000.parquet", "PAR1");
    EXPECT_EQ(store_->list("dataset").value().front(), folder.substr(8));
}

}  // namespace braid
