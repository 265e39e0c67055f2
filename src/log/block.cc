// SPDX-License-Identifier: Apache-2.0
#include "log/block.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "base/hash.h"

namespace braid::log {

namespace {

constexpr std::string_view kExtentMagic = "BRAIDEXT";
constexpr uint32_t kBlockMagic = 0x324C4242;   // "BBL2"
constexpr uint32_t kBlockMagic1 = 0x4B4C4242;  // "BBLK", of version 1
constexpr std::string_view kMagicPrefix = "BBL";
constexpr size_t kBlockHeaderBytes1 = 72;
constexpr size_t kLogIdBytes = 32;
constexpr size_t kUncheckedBytes = 2 * sizeof(uint32_t);  // magic and header CRC

// A reader handles whole blocks: small enough to share one read of 1 MiB, large enough to amortise
// 88 bytes.
constexpr size_t kBlockPayloadBytes = 256 << 10;
constexpr size_t kBlockRecordsMax = 16'384;
constexpr size_t kSnapshotBytes = 256 << 10;

uint32_t header_crc_of(std::string_view header, size_t header_bytes) {
    return crc32c(header.substr(kUncheckedBytes, header_bytes - kUncheckedBytes));
}

/// The header at the start of `bytes` as it stands there, if there is one of a known version.
std::optional<BlockHeader> raw_header(std::string_view bytes) {
    BlockHeader header;
    if (bytes.size() < sizeof header.magic) return std::nullopt;
    std::memcpy(&header.magic, bytes.data(), sizeof header.magic);
    const bool is_known = header.magic == kBlockMagic || header.magic == kBlockMagic1;
    if (!is_known || bytes.size() < header.header_bytes()) return std::nullopt;
    std::memcpy(static_cast<void*>(&header), bytes.data(), header.header_bytes());
    return header;
}

}  // namespace

std::string encode_extent_header(const ExtentHeader& header) {
    CHECK_LE(header.id.hex.size(), kLogIdBytes);
    std::string bytes;
    ByteWriter writer(bytes);
    writer.raw(kExtentMagic);
    writer.fixed(kExtentVersion);
    writer.fixed(header.partition.value);
    writer.raw(header.id.hex);
    bytes.resize(16 + kLogIdBytes, '\0');
    writer.fixed(header.base.value);
    writer.fixed(header.predecessor_base);
    writer.fixed(header.predecessor_bytes);
    writer.fixed(header.mark);
    writer.fixed(header.records_position);
    writer.fixed(header.created_at_us);
    writer.fixed(header.epoch);
    bytes.resize(kExtentHeaderBytes - sizeof(uint32_t), '\0');
    writer.fixed(crc32c(bytes));
    CHECK_EQ(bytes.size(), kExtentHeaderBytes);
    return bytes;
}

Result<ExtentHeader> decode_extent_header(std::string_view bytes) {
    if (bytes.size() < kExtentHeaderBytes)
        return corrupt("file ends within the header of an extent");
    const std::string_view checked = bytes.substr(0, kExtentHeaderBytes - sizeof(uint32_t));
    ByteReader tail(bytes.substr(checked.size()));
    if (TRY(tail.fixed<uint32_t>()) != crc32c(checked))
        return corrupt("header of an extent is damaged");
    ByteReader reader(checked);
    if (TRY(reader.raw(kExtentMagic.size())) != kExtentMagic)
        return corrupt("file is not an extent");
    const auto version = TRY(reader.fixed<uint32_t>());
    if (version == 0 || version > kExtentVersion)
        return unsupported("extent has format version {}", version);
    ExtentHeader header;
    header.partition.value = TRY(reader.fixed<uint32_t>());
    const std::string_view id = TRY(reader.raw(kLogIdBytes));
    header.id.hex = id.substr(0, std::min(id.find('\0'), id.size()));
    header.base.value = TRY(reader.fixed<int64_t>());
    header.predecessor_base = TRY(reader.fixed<int64_t>());
    header.predecessor_bytes = TRY(reader.fixed<uint64_t>());
    header.mark = TRY(reader.fixed<uint64_t>());
    header.records_position = TRY(reader.fixed<uint64_t>());
    header.created_at_us = TRY(reader.fixed<int64_t>());
    header.epoch = TRY(reader.fixed<uint64_t>());  // zero in version 1
    return header;
}

size_t BlockHeader::header_bytes() const {
    return magic == kBlockMagic1 ? kBlockHeaderBytes1 : sizeof(BlockHeader);
}

std::optional<BlockHeader> peek_block(std::string_view bytes, std::optional<uint64_t> mark,
                                      uint64_t position) {
    const std::optional<BlockHeader> header = raw_header(bytes);
    if (!header || header->position != position) return std::nullopt;
    if (mark && header->mark != *mark) return std::nullopt;
    if (header->header_crc != header_crc_of(bytes, header->header_bytes())) return std::nullopt;
    const uint64_t parts =
        header->header_bytes() + uint64_t{header->attribute_bytes} + header->lengths_bytes;
    if (header->length < parts || header->group > header->position) return std::nullopt;
    if (header->record_count > header->lengths_bytes)
        return std::nullopt;  // a length has a byte at least
    return header;
}

std::optional<BlockView> parse_block(std::string_view bytes, std::optional<uint64_t> mark,
                                     uint64_t position) {
    const std::optional<BlockHeader> header = peek_block(bytes, mark, position);
    if (!header || bytes.size() < header->length) return std::nullopt;
    const std::string_view whole = bytes.substr(0, header->length);
    if (crc32c(whole.substr(header->header_bytes())) != header->body_crc) return std::nullopt;
    return view_block(whole);
}

BlockView view_block(std::string_view bytes) {
    const std::optional<BlockHeader> header = raw_header(bytes);
    CHECK(header.has_value());
    CHECK_GE(bytes.size(), size_t{header->length});
    BlockView block;
    block.header = *header;
    block.whole = bytes.substr(0, header->length);
    const std::string_view body = block.whole.substr(header->header_bytes());
    block.attributes = body.substr(0, block.header.attribute_bytes);
    block.lengths = body.substr(block.header.attribute_bytes, block.header.lengths_bytes);
    block.payload = body.substr(block.header.attribute_bytes + block.header.lengths_bytes);
    return block;
}

std::optional<BlockView> find_block(std::string_view bytes, std::optional<uint64_t> mark,
                                    uint64_t position, bool (*accept)(const BlockHeader&, uint64_t),
                                    uint64_t argument) {
    for (size_t at = bytes.find(kMagicPrefix); at != std::string_view::npos;
         at = bytes.find(kMagicPrefix, at + 1)) {
        const std::optional<BlockView> block = parse_block(bytes.substr(at), mark, position + at);
        if (block && accept(block->header, argument)) return block;
    }
    return std::nullopt;
}

namespace {

Result<std::vector<SourcePosition>> decode_positions(ByteReader& reader) {
    const uint64_t count = TRY(reader.varint());
    std::vector<SourcePosition> positions;
    for (uint64_t index = 0; index < count; ++index) {
        const std::string_view source = TRY(reader.text());
        const std::string_view position = TRY(reader.text());
        positions.push_back({std::string(source), std::string(position)});
    }
    return positions;
}

void encode_positions(ByteWriter& writer, const std::vector<SourcePosition>& positions) {
    writer.varint(positions.size());
    for (const SourcePosition& each : positions) {
        writer.text(each.source);
        writer.text(each.position);
    }
}

/// Of a block of records: the key of the request, whose other blocks follow it.
Result<std::optional<StoredKey>> decode_request_key(ByteReader& reader, const BlockHeader& header) {
    if (TRY(reader.varint()) == 0) return std::optional<StoredKey>();
    StoredKey stored;
    stored.key.key = TRY(reader.text());
    stored.key.body_hash = TRY(reader.fixed<uint64_t>());
    stored.record_count = static_cast<int64_t>(TRY(reader.varint()));
    stored.first.value = header.first;
    stored.ingested_at_us = header.ingested_at_us;
    stored.open_us = header.open_us;
    return std::optional(std::move(stored));
}

Result<void> decode_snapshot_keys(ByteReader& reader, const BlockHeader& header,
                                  BlockAttributes& attributes) {
    const uint64_t count = TRY(reader.varint());
    for (uint64_t index = 0; index < count; ++index) {
        StoredKey stored;
        stored.key.key = TRY(reader.text());
        stored.key.body_hash = TRY(reader.fixed<uint64_t>());
        stored.first.value = static_cast<int64_t>(TRY(reader.varint()));
        stored.record_count = static_cast<int64_t>(TRY(reader.varint()));
        stored.ingested_at_us = static_cast<int64_t>(TRY(reader.varint()));
        if (header.magic == kBlockMagic)
            stored.open_us = static_cast<int64_t>(TRY(reader.varint()));
        attributes.keys.push_back(std::move(stored));
    }
    return {};
}

}  // namespace

Result<BlockAttributes> decode_attributes(const BlockView& block, PartitionId partition) {
    BlockAttributes attributes;
    if (block.header.kind == BlockKind::kClosed) return attributes;
    ByteReader reader(block.attributes);
    if (block.header.kind == BlockKind::kSnapshot) {
        attributes.positions = TRY(decode_positions(reader));
        TRY(decode_snapshot_keys(reader, block.header, attributes));
    } else {
        attributes.preamble = TRY(reader.text());
        attributes.positions = TRY(decode_positions(reader));
        std::optional<StoredKey> key = TRY(decode_request_key(reader, block.header));
        if (key) attributes.keys.push_back(*std::move(key));
    }
    for (StoredKey& each : attributes.keys) each.partition = partition;
    return attributes;
}

Result<std::string_view> decode_preamble(const BlockView& block) {
    return ByteReader(block.attributes).text();
}

namespace {

/// Reads a LEB128 length; null when the bytes end first. The hot loop of reading, so no Result
/// here.
const char* decode_length(const char* at, const char* end, uint64_t& length) {
    length = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        const auto byte = static_cast<uint8_t>(*at++);
        length |= static_cast<uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return at;
    }
    return nullptr;
}

}  // namespace

Result<void> decode_records(const BlockView& block, size_t skip, size_t count,
                            std::vector<std::string_view>& records) {
    const char* at = block.lengths.data();
    const char* const end = at + block.lengths.size();
    size_t start = 0;
    records.reserve(records.size() + count);
    for (size_t index = 0; index < skip + count; ++index) {
        uint64_t length = 0;
        at = decode_length(at, end, length);
        if (at == nullptr || length > block.payload.size() - start) {
            return corrupt("lengths of records do not add up in the block at {}",
                           block.header.position);
        }
        if (index >= skip) records.push_back(block.payload.substr(start, length));
        start += length;
    }
    return {};
}

namespace {

/// Appends a block with what is known of its header before it has a place.
void append_block(UnplacedBlocks& blocks, BlockKind kind, std::string_view attributes,
                  std::span<const std::string_view> records) {
    const size_t start = blocks.bytes.size();
    blocks.starts.push_back(start);
    blocks.bytes.append(sizeof(BlockHeader), '\0');
    blocks.bytes.append(attributes);
    ByteWriter writer(blocks.bytes);
    for (const std::string_view record : records) writer.varint(record.size());
    const size_t payload = blocks.bytes.size();
    for (const std::string_view record : records) blocks.bytes.append(record);

    const size_t body = start + sizeof(BlockHeader);
    CHECK_LE(blocks.bytes.size() - start, size_t{UINT32_MAX});
    BlockHeader header;
    header.magic = kBlockMagic;
    header.length = static_cast<uint32_t>(blocks.bytes.size() - start);
    header.body_crc = crc32c(std::string_view(blocks.bytes).substr(body));
    header.record_count = static_cast<uint32_t>(records.size());
    header.attribute_bytes = static_cast<uint32_t>(attributes.size());
    header.lengths_bytes = static_cast<uint32_t>(payload - body - attributes.size());
    header.kind = kind;
    std::memcpy(blocks.bytes.data() + start, &header, sizeof header);
    blocks.record_count += static_cast<int64_t>(records.size());
}

/// How many of the records go into the next block: at least one, if there is one.
size_t count_fitting(std::span<const std::string_view> records) {
    size_t bytes = 0;
    size_t count = 0;
    while (count < records.size() && count < kBlockRecordsMax) {
        bytes += records[count].size();
        if (count > 0 && bytes > kBlockPayloadBytes) break;
        ++count;
    }
    return count;
}

std::string encode_request_attributes(const AppendRequest& request, bool is_first) {
    std::string bytes;
    ByteWriter writer(bytes);
    writer.text(request.preamble);
    encode_positions(writer, is_first ? request.positions : std::vector<SourcePosition>());
    const bool has_key = is_first && request.key.has_value();
    writer.varint(has_key ? 1 : 0);
    if (!has_key) return bytes;
    writer.text(request.key->key);
    writer.fixed(request.key->body_hash);
    writer.varint(request.records.size());
    return bytes;
}

}  // namespace

UnplacedBlocks encode_request(const AppendRequest& request) {
    UnplacedBlocks blocks;
    std::span<const std::string_view> left(request.records);
    size_t bytes = 1024 + left.size() * 2;
    for (const std::string_view record : left) bytes += record.size();
    blocks.bytes.reserve(bytes + bytes / 64);
    do {
        const std::string attributes = encode_request_attributes(request, blocks.starts.empty());
        const size_t count = count_fitting(left);
        append_block(blocks, BlockKind::kRecords, attributes, left.first(count));
        left = left.subspan(count);
    } while (!left.empty());
    return blocks;
}

UnplacedBlocks encode_snapshot(const std::vector<SourcePosition>& positions,
                               const std::vector<StoredKey>& keys) {
    UnplacedBlocks blocks;
    size_t next_position = 0;
    size_t next_key = 0;
    do {
        std::string parts[2];
        uint64_t counts[2] = {0, 0};
        const auto has_room = [&] { return parts[0].size() + parts[1].size() < kSnapshotBytes; };
        ByteWriter position_writer(parts[0]);
        for (; next_position < positions.size() && has_room(); ++next_position, ++counts[0]) {
            position_writer.text(positions[next_position].source);
            position_writer.text(positions[next_position].position);
        }
        ByteWriter key_writer(parts[1]);
        for (; next_key < keys.size() && has_room(); ++next_key, ++counts[1]) {
            const StoredKey& each = keys[next_key];
            key_writer.text(each.key.key);
            key_writer.fixed(each.key.body_hash);
            key_writer.varint(static_cast<uint64_t>(each.first.value));
            key_writer.varint(static_cast<uint64_t>(each.record_count));
            key_writer.varint(static_cast<uint64_t>(each.ingested_at_us));
            key_writer.varint(static_cast<uint64_t>(each.open_us));
        }
        std::string attributes;
        ByteWriter writer(attributes);
        for (int part = 0; part < 2; ++part) {
            writer.varint(counts[part]);
            writer.raw(parts[part]);
        }
        append_block(blocks, BlockKind::kSnapshot, attributes, {});
    } while (next_position < positions.size() || next_key < keys.size());
    return blocks;
}

UnplacedBlocks encode_closed() {
    UnplacedBlocks blocks;
    append_block(blocks, BlockKind::kClosed, {}, {});
    return blocks;
}

void lift_block(const BlockView& block, UnplacedBlocks& blocks) {
    BlockHeader header = block.header;
    const std::string_view body = block.whole.substr(header.header_bytes());
    header.magic = kBlockMagic;
    header.length = static_cast<uint32_t>(sizeof header + body.size());
    blocks.starts.push_back(blocks.bytes.size());
    blocks.bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
    blocks.bytes.append(body);
    blocks.record_count += int64_t{header.record_count};
}

void place_blocks(UnplacedBlocks& blocks, const GroupPlace& place, uint64_t position, Offset first,
                  bool ends_group) {
    for (const size_t start : blocks.starts) {
        BlockHeader header;
        std::memcpy(static_cast<void*>(&header), blocks.bytes.data() + start, sizeof header);
        header.mark = place.mark;
        header.position = position + start;
        header.group = place.group;
        header.first = first.value;
        header.ingested_at_us = place.stamp.ingested_at_us;
        header.sequence = place.stamp.sequence;
        header.open_us = place.stamp.open_us;
        header.is_last_in_group = ends_group && start == blocks.starts.back() ? 1 : 0;
        std::memcpy(blocks.bytes.data() + start, &header, sizeof header);
        header.header_crc =
            header_crc_of(std::string_view(blocks.bytes).substr(start), sizeof header);
        std::memcpy(blocks.bytes.data() + start, &header, sizeof header);
        first.value += int64_t{header.record_count};
    }
}

}  // namespace braid::log
