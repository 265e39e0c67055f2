// SPDX-License-Identifier: Apache-2.0
// Hostile bytes as a block: with honest checksums, so that decoding is reached, and as they are.
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "log/block.h"

namespace {

using namespace braid;
using namespace braid::log;

void decode(const BlockView& block) {
    static_cast<void>(decode_attributes(block, PartitionId{0}).has_value());
    static_cast<void>(decode_preamble(block).has_value());
    std::vector<std::string_view> records;
    if (decode_records(block, 0, block.header.record_count, records)) {
        CHECK_EQ(records.size(), size_t{block.header.record_count});
    }
    records.clear();
    static_cast<void>(decode_records(block, block.header.record_count / 2, 1, records).has_value());
}

/// A valid block around a body; its first bytes say how the body is divided.
std::string frame(std::string_view input) {
    UnplacedBlocks blocks = encode_closed();
    BlockHeader header;
    std::memcpy(static_cast<void*>(&header), blocks.bytes.data(), sizeof header);
    const auto take = [&] {
        const auto value = input.empty() ? uint8_t{0} : static_cast<uint8_t>(input.front());
        if (!input.empty()) input.remove_prefix(1);
        return uint32_t{value};
    };
    header.kind = take() % 2 == 0 ? BlockKind::kRecords : BlockKind::kSnapshot;
    header.attribute_bytes = take();
    header.lengths_bytes = take();
    header.record_count = take();
    header.length = static_cast<uint32_t>(sizeof header + input.size());
    header.body_crc = crc32c(input);
    blocks.bytes.assign(reinterpret_cast<const char*>(&header), sizeof header);
    blocks.bytes += input;
    place_blocks(blocks, {.mark = 1, .group = 0, .stamp = {}}, 0, Offset{0}, true);
    return blocks.bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string framed = frame(input);
    if (const auto block = parse_block(framed, 1, 0)) decode(*block);
    if (const auto block = parse_block(input, std::nullopt, 0)) decode(*block);
    static_cast<void>(decode_extent_header(input).has_value());
    const auto any = [](const BlockHeader&, uint64_t) { return true; };
    static_cast<void>(find_block(input, std::nullopt, 0, any, 0).has_value());
    return 0;
}
