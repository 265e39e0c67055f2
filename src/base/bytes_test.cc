// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid {
namespace {

TEST(Bytes, ReadBackWhatWasWritten) {
    std::string bytes;
    ByteWriter writer(bytes);
    writer.fixed(uint32_t{0xAABBCCDD});
    writer.varint(300);
    writer.text("hello");
    writer.raw("xy");

    ByteReader reader(bytes);
    ASSERT_OK_AND_ASSIGN(const auto fixed, reader.fixed<uint32_t>());
    EXPECT_EQ(fixed, 0xAABBCCDDu);
    ASSERT_OK_AND_ASSIGN(const auto varint, reader.varint());
    EXPECT_EQ(varint, 300u);
    ASSERT_OK_AND_ASSIGN(const auto text, reader.text());
    EXPECT_EQ(text, "hello");
    EXPECT_EQ(reader.remaining(), 2u);
    ASSERT_OK_AND_ASSIGN(const auto raw, reader.raw(2));
    EXPECT_EQ(raw, "xy");
    EXPECT_TRUE(reader.at_end());
}

TEST(Bytes, AreLittleEndian) {
    std::string bytes;
    ByteWriter(bytes).fixed(uint32_t{0x01020304});
    EXPECT_EQ(bytes, "\x04\x03\x02\x01");
}

TEST(Bytes, VarintsKeepEveryWidth) {
    for (int bits = 0; bits <= 64; ++bits) {
        const uint64_t value =
            bits == 64 ? std::numeric_limits<uint64_t>::max() : (uint64_t{1} << bits);
        std::string bytes;
        ByteWriter(bytes).varint(value);
        ByteReader reader(bytes);
        ASSERT_OK_AND_ASSIGN(const uint64_t back, reader.varint());
        EXPECT_EQ(back, value);
        EXPECT_TRUE(reader.at_end());
    }
}

TEST(Bytes, EveryCutOfAMessageIsCorruptNeverAValue) {
    std::string bytes;
    ByteWriter(bytes).text(std::string(200, 'x'));
    for (size_t size = 0; size < bytes.size(); ++size) {
        ByteReader reader(std::string_view(bytes).substr(0, size));
        EXPECT_ERROR(reader.text(), ErrorCode::kCorrupt);
    }
    EXPECT_ERROR(ByteReader("abc").fixed<uint32_t>(), ErrorCode::kCorrupt);
}

TEST(Bytes, AVarintBeyond64BitsIsCorrupt) {
    const std::string too_large = std::string(9, '\xFF') + '\x02';
    const std::string too_long(11, '\x80');
    EXPECT_ERROR(ByteReader(too_large).varint(), ErrorCode::kCorrupt);
    EXPECT_ERROR(ByteReader(too_long).varint(), ErrorCode::kCorrupt);
}

TEST(Bytes, ALengthBeyondTheEndIsCorruptBeforeAnythingIsAllocated) {
    std::string bytes;
    ByteWriter(bytes).varint(std::numeric_limits<uint64_t>::max());
    EXPECT_ERROR(ByteReader(bytes).text(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid
