// SPDX-License-Identifier: Apache-2.0
#include "log/tail.h"

#include <gtest/gtest.h>

namespace braid::log {
namespace {

/// Blocks of one request with records of `bytes` bytes each.
std::string blocks_of(int64_t first, size_t records, size_t bytes) {
    const std::string record(bytes, 'r');
    AppendRequest request;
    request.records.assign(records, record);
    UnplacedBlocks blocks = encode_request(request);
    place_blocks(blocks, {}, 0, {first}, true);
    return std::move(blocks.bytes);
}

TEST(Tail, FindsTheChunkOfAnOffset) {
    Tail tail;
    EXPECT_EQ(tail.find({0}), nullptr);
    tail.add(blocks_of(10, 3, 5), 0);
    tail.add(blocks_of(13, 0, 0), 0);  // positions only
    tail.add(blocks_of(13, 2, 5), 0);
    EXPECT_EQ(tail.find({9}), nullptr);
    EXPECT_EQ(tail.find({10})->first, Offset{10});
    EXPECT_EQ(tail.find({12})->end(), Offset{13});
    EXPECT_EQ(tail.find({13})->end(), Offset{15});
    EXPECT_EQ(tail.find({15}), nullptr);
}

TEST(Tail, DropsTheOldestAtItsLimit) {
    Tail tail;
    constexpr size_t kRecordBytes = 1 << 20;
    int64_t next = 0;
    for (; next < 40; ++next) tail.add(blocks_of(next, 1, kRecordBytes), 0);
    EXPECT_LE(tail.bytes(), Tail::kBytesMax);
    EXPECT_GT(tail.bytes(), Tail::kBytesMax / 2);
    EXPECT_EQ(tail.find({0}), nullptr);
    EXPECT_NE(tail.find({next - 1}), nullptr);
}

TEST(Tail, KeepsLittleBehindAReader) {
    Tail tail;
    tail.add(blocks_of(0, 1, Tail::kBytesKept), 0);
    tail.add(blocks_of(1, 1, 100), 0);
    tail.release({2});
    EXPECT_EQ(tail.find({0}), nullptr);
    EXPECT_NE(tail.find({1}), nullptr);
}

TEST(Tail, ForgetsWhatIsTrimmed) {
    Tail tail;
    tail.add(blocks_of(0, 2, 5), 0);
    tail.add(blocks_of(2, 2, 5), 0);
    tail.trim({2});
    EXPECT_EQ(tail.find({0}), nullptr);
    EXPECT_NE(tail.find({2}), nullptr);
}

}  // namespace
}  // namespace braid::log
