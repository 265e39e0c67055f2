// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_input.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_support.h"

namespace braid::dataset {
namespace {

constexpr const char* kPath = "s.parquet";

struct SegmentInputTest : testing::Test {
    MemoryFileSystem files;
    std::string content;
    std::shared_ptr<SegmentInput> input;

    void SetUp() override {
        Random random(7);
        for (int byte = 0; byte < 200'000; ++byte) {
            content.push_back(static_cast<char>(random.below(256)));
        }
        ASSERT_OK_AND_ASSIGN(const auto file, files.create(kPath));
        ASSERT_OK(file->append(as_bytes(content)));
        ASSERT_OK_AND_ASSIGN(input, SegmentInput::open(files, kPath));
    }
    arrow::Result<std::string> read(int64_t at, int64_t size) {
        ARROW_ASSIGN_OR_RAISE(const auto buffer, input->ReadAt(at, size));
        return buffer->ToString();
    }
};

TEST_F(SegmentInputTest, GivesTheBytesOfTheFile) {
    EXPECT_EQ(input->bytes(), content.size());
    EXPECT_EQ(input->crc(), crc32c(content));
    Random random(1);
    for (int round = 0; round < 500; ++round) {
        const auto at = static_cast<int64_t>(random.below(210'000));
        const auto size = static_cast<int64_t>(random.below(round % 2 == 0 ? 100 : 150'000));
        const auto got = read(at, size);
        ASSERT_TRUE(got.ok());
        const auto from = std::min(static_cast<size_t>(at), content.size());
        ASSERT_EQ(*got, content.substr(from, static_cast<size_t>(size)));
    }
    ASSERT_TRUE(input->Seek(100).ok());
    EXPECT_EQ(input->Read(50).ValueOrDie()->ToString(), content.substr(100, 50));
    EXPECT_EQ(input->Tell().ValueOrDie(), 150);
}

TEST_F(SegmentInputTest, RefusesByNameWhatHasChanged) {
    ASSERT_OK(files.flip_bit(kPath, 70'000, 3));
    const auto refused = read(65'536, 10);
    ASSERT_TRUE(refused.status().IsInvalid()) << "the same piece, another byte";
    EXPECT_NE(refused.status().message().find(kPath), std::string::npos);
    EXPECT_TRUE(read(0, 65'536).ok());
    EXPECT_TRUE(read(131'072, 1'000).ok());
    ASSERT_OK(files.flip_bit(kPath, 70'000, 3));
    EXPECT_TRUE(read(65'536, 10).ok());
}

TEST_F(SegmentInputTest, RefusesByNameWhatIsCutShort) {
    ASSERT_OK(files.truncate(kPath, 150'000));
    EXPECT_TRUE(read(0, 131'072).ok());
    EXPECT_TRUE(read(140'000, 10).status().IsInvalid());
    EXPECT_TRUE(read(160'000, 10).status().IsInvalid());
}

TEST(SegmentInput, NamesAFileThatIsMissing) {
    MemoryFileSystem files;
    const auto refused = SegmentInput::open(files, kPath);
    ASSERT_TRUE(IsError(ErrorCode::kCorrupt)(refused));
    EXPECT_NE(refused.error().message().find(kPath), std::string::npos);
}

}  // namespace
}  // namespace braid::dataset
