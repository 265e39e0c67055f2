// SPDX-License-Identifier: Apache-2.0
#include "log/block.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_support.h"

namespace braid::log {
namespace {

constexpr GroupPlace kPlace{
    .mark = 77, .group = 1000, .stamp = {.sequence = 9, .ingested_at_us = 5, .open_us = 3}};

/// A request as the bytes of its blocks at position 1000.
std::string placed(const AppendRequest& request, bool ends_group = true) {
    UnplacedBlocks blocks = encode_request(request);
    place_blocks(blocks, kPlace, 1000, Offset{40}, ends_group);
    return blocks.bytes;
}

AppendRequest request_with_everything() {
    AppendRequest request;
    request.records = {"a", "", "ccc"};
    request.positions = {{"source", "position"}, {"other", ""}};
    request.key = IdempotencyKey{"key", 99};
    request.preamble = "x,y";
    return request;
}

TEST(Block, ComesBackWithEverythingItWasGiven) {
    const std::string bytes = placed(request_with_everything());
    const auto block = parse_block(bytes, kPlace.mark, 1000);
    ASSERT_TRUE(block.has_value());
    EXPECT_EQ(block->whole, bytes);
    EXPECT_EQ(block->first(), Offset{40});
    EXPECT_EQ(block->end(), Offset{43});
    EXPECT_EQ(block->header.stamp(), kPlace.stamp);
    EXPECT_EQ(block->header.is_last_in_group, 1);
    std::vector<std::string_view> records;
    ASSERT_OK(decode_records(*block, 0, 3, records));
    EXPECT_EQ(records, (std::vector<std::string_view>{"a", "", "ccc"}));
    ASSERT_OK_AND_ASSIGN(const BlockAttributes attributes,
                         decode_attributes(*block, PartitionId{3}));
    EXPECT_EQ(attributes.preamble, "x,y");
    ASSERT_EQ(attributes.positions.size(), 2u);
    EXPECT_EQ(attributes.positions[0].source, "source");
    EXPECT_EQ(attributes.positions[0].position, "position");
    ASSERT_EQ(attributes.keys.size(), 1u);
    EXPECT_EQ(attributes.keys[0].key.key, "key");
    EXPECT_EQ(attributes.keys[0].key.body_hash, 99u);
    EXPECT_EQ(attributes.keys[0].partition, PartitionId{3});
    EXPECT_EQ(attributes.keys[0].first, Offset{40});
    EXPECT_EQ(attributes.keys[0].record_count, 3);
}

TEST(Block, DecodesAnyRangeOfItsRecords) {
    AppendRequest request;
    const std::string text(300, 'x');
    for (size_t size = 0; size < 300; ++size)
        request.records.push_back(std::string_view(text).substr(0, size));
    const std::string bytes = placed(request);
    const auto block = parse_block(bytes, kPlace.mark, 1000);
    ASSERT_TRUE(block.has_value());
    for (size_t skip = 0; skip <= 300; skip += 25) {
        std::vector<std::string_view> records;
        ASSERT_OK(decode_records(*block, skip, 300 - skip, records));
        ASSERT_EQ(records.size(), 300 - skip);
        for (size_t index = 0; index < records.size(); ++index)
            EXPECT_EQ(records[index].size(), skip + index);
    }
}

TEST(Block, AFlippedBitOrAnotherPlaceIsNoBlock) {
    const std::string bytes = placed(request_with_everything());
    for (size_t at = 0; at < bytes.size() * 8; ++at) {
        std::string damaged = bytes;
        damaged[at / 8] = static_cast<char>(damaged[at / 8] ^ (1 << (at % 8)));
        EXPECT_FALSE(parse_block(damaged, kPlace.mark, 1000).has_value()) << at;
    }
    EXPECT_FALSE(parse_block(bytes, kPlace.mark, 1001).has_value());
    EXPECT_FALSE(parse_block(bytes, kPlace.mark + 1, 1000).has_value());
    for (size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(
            parse_block(std::string_view(bytes).substr(0, size), kPlace.mark, 1000).has_value());
    }
}

TEST(Block, ALargeRequestIsSplitAndItsOffsetsGoOn) {
    AppendRequest request;
    const std::string record(1000, 'r');
    request.records.assign(1000, record);
    request.key = IdempotencyKey{"key", 1};
    request.preamble = "head";
    UnplacedBlocks blocks = encode_request(request);
    EXPECT_GT(blocks.starts.size(), 2u);
    EXPECT_EQ(blocks.record_count, 1000);
    place_blocks(blocks, kPlace, 1000, Offset{0}, true);
    Offset next{0};
    for (const size_t start : blocks.starts) {
        const auto block =
            parse_block(std::string_view(blocks.bytes).substr(start), kPlace.mark, 1000 + start);
        ASSERT_TRUE(block.has_value());
        EXPECT_EQ(block->first(), next);
        EXPECT_EQ(block->header.is_last_in_group, start == blocks.starts.back() ? 1 : 0);
        ASSERT_OK_AND_ASSIGN(const BlockAttributes attributes, decode_attributes(*block, {}));
        EXPECT_EQ(attributes.preamble, "head");
        EXPECT_EQ(attributes.keys.size(), start == 0 ? 1u : 0u);
        if (start == 0) {
            EXPECT_EQ(attributes.keys[0].record_count, 1000);
        }
        next = block->end();
    }
    EXPECT_EQ(next, Offset{1000});
}

TEST(Block, IsFoundAmongOtherBytes) {
    const std::string bytes = "BBLK garbage " + placed(request_with_everything());
    const auto any = [](const BlockHeader&, uint64_t) { return true; };
    EXPECT_TRUE(find_block(bytes, kPlace.mark, 1000 - 13, any, 0).has_value());
    EXPECT_FALSE(find_block(bytes, kPlace.mark, 1000, any, 0).has_value());
    const auto none = [](const BlockHeader& header, uint64_t group) {
        return header.group > group;
    };
    EXPECT_FALSE(find_block(bytes, kPlace.mark, 1000 - 13, none, 1000).has_value());
}

TEST(Block, ASnapshotOfAnySizeComesBack) {
    std::vector<SourcePosition> positions;
    std::vector<StoredKey> keys;
    for (int index = 0; index < 20'000; ++index) {
        positions.push_back({fmt::format("source {}", index), fmt::format("position {}", index)});
        keys.push_back({.key = {fmt::format("key {}", index), static_cast<uint64_t>(index)},
                        .partition = {},
                        .first = {index},
                        .record_count = 2,
                        .ingested_at_us = index,
                        .open_us = 2 * index});
    }
    UnplacedBlocks blocks = encode_snapshot(positions, keys);
    EXPECT_GT(blocks.starts.size(), 1u);
    place_blocks(blocks, kPlace, 1000, Offset{7}, false);
    BlockAttributes all;
    for (const size_t start : blocks.starts) {
        const auto block =
            parse_block(std::string_view(blocks.bytes).substr(start), kPlace.mark, 1000 + start);
        ASSERT_TRUE(block.has_value());
        ASSERT_OK_AND_ASSIGN(const BlockAttributes some, decode_attributes(*block, {}));
        all.positions.insert(all.positions.end(), some.positions.begin(), some.positions.end());
        all.keys.insert(all.keys.end(), some.keys.begin(), some.keys.end());
    }
    ASSERT_EQ(all.positions.size(), positions.size());
    ASSERT_EQ(all.keys.size(), keys.size());
    EXPECT_EQ(all.positions.back().position, "position 19999");
    EXPECT_EQ(all.keys.back().key.key, "key 19999");
    EXPECT_EQ(all.keys.back().first, Offset{19999});
    EXPECT_EQ(all.keys.back().open_us, 2 * 19999);
}

TEST(ExtentHeader, ComesBackAndEveryFlipIsSeen) {
    const ExtentHeader header{.id = {"0123456789abcdef0123456789abcdef"},
                              .partition = {3},
                              .base = {42},
                              .predecessor_base = 17,
                              .predecessor_bytes = 1234,
                              .mark = 77,
                              .records_position = 555,
                              .created_at_us = 9,
                              .epoch = 12};
    const std::string bytes = encode_extent_header(header);
    ASSERT_EQ(bytes.size(), kExtentHeaderBytes);
    ASSERT_OK_AND_ASSIGN(const ExtentHeader back, decode_extent_header(bytes));
    EXPECT_EQ(back.id, header.id);
    EXPECT_EQ(back.partition, header.partition);
    EXPECT_EQ(back.base, header.base);
    EXPECT_EQ(back.predecessor_base, header.predecessor_base);
    EXPECT_EQ(back.predecessor_bytes, header.predecessor_bytes);
    EXPECT_EQ(back.mark, header.mark);
    EXPECT_EQ(back.records_position, header.records_position);
    EXPECT_EQ(back.created_at_us, header.created_at_us);
    EXPECT_EQ(back.epoch, header.epoch);
    for (size_t at = 0; at < bytes.size() * 8; ++at) {
        std::string damaged = bytes;
        damaged[at / 8] = static_cast<char>(damaged[at / 8] ^ (1 << (at % 8)));
        EXPECT_ERROR(decode_extent_header(damaged), ErrorCode::kCorrupt);
    }
    EXPECT_ERROR(decode_extent_header(bytes.substr(1)), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid::log
