// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "runs/part_format_internal.h"

namespace braid::runs {

namespace {

/// Of the columns in the index.
constexpr uint8_t kSubkeyFlag = 1;
constexpr uint8_t kStateFlag = 2;

/// Whether a list of ends begins with 0 and never goes back.
bool ascends(const uint32_t* ends, size_t rows) {
    bool ascends = ends[0] == 0;
    for (size_t row = 0; row < rows; ++row) ascends = ascends & (ends[row] <= ends[row + 1]);
    return ascends;
}

}  // namespace

std::string encode_index(const PartIndex& index) {
    std::string bytes;
    ByteWriter out(bytes);
    out.fixed(index.section);
    out.fixed(static_cast<uint8_t>((index.columns.has_subkey ? kSubkeyFlag : 0) |
                                   (index.columns.has_state ? kStateFlag : 0)));
    out.fixed(index.rows);
    out.fixed(index.digest);
    out.text(index.first_key);
    out.text(index.last_key);
    out.fixed(index.filter_bytes);
    out.fixed(index.filter_crc);
    for (const PartIndex::Block& block : index.blocks) {
        out.varint(block.end);
        out.fixed(block.rows);
        out.fixed(block.crc);
        out.text(block.first_key);
    }
    return bytes;
}

Result<std::shared_ptr<const PartIndex>> decode_index(std::string_view bytes) {
    auto index = std::make_shared<PartIndex>();
    ByteReader in(bytes);
    index->section = TRY(in.fixed<uint32_t>());
    const uint8_t columns = TRY(in.fixed<uint8_t>());
    if ((columns & ~(kSubkeyFlag | kStateFlag)) != 0) return corrupt("unknown columns {}", columns);
    index->columns = {.has_subkey = (columns & kSubkeyFlag) != 0,
                      .has_state = (columns & kStateFlag) != 0};
    index->rows = TRY(in.fixed<uint64_t>());
    index->digest = TRY(in.fixed<Digest>());
    index->first_key = TRY(in.text());
    index->last_key = TRY(in.text());
    index->filter_bytes = TRY(in.fixed<uint64_t>());
    index->filter_crc = TRY(in.fixed<uint32_t>());
    while (!in.at_end()) {
        PartIndex::Block block;
        block.end = TRY(in.varint());
        block.rows = TRY(in.fixed<uint32_t>());
        block.crc = TRY(in.fixed<uint32_t>());
        block.first_key = TRY(in.text());
        index->blocks.push_back(std::move(block));
    }
    return std::shared_ptr<const PartIndex>(std::move(index));
}

size_t PartIndex::block_of(std::string_view key) const {
    const auto after = std::ranges::upper_bound(blocks, key, {}, &Block::first_key);
    return after == blocks.begin() ? 0 : static_cast<size_t>(after - blocks.begin()) - 1;
}

size_t PartIndex::block_before(std::string_view key) const {
    const auto at = std::ranges::lower_bound(blocks, key, {}, &Block::first_key);
    return at == blocks.begin() ? 0 : static_cast<size_t>(at - blocks.begin()) - 1;
}

uint64_t PartIndex::bytes_used() const {
    uint64_t bytes = sizeof(*this) + first_key.capacity() + last_key.capacity() +
                     blocks.capacity() * sizeof(Block);
    for (const Block& block : blocks) bytes += block.first_key.capacity();
    return bytes;
}

size_t Block::lower_bound(std::string_view key_sought) const {
    size_t low = 0;
    size_t count = rows;
    while (count > 0) {
        const size_t half = count / 2;
        const bool below = key(low + half) < key_sought;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

std::shared_ptr<const LoadedBlock> LoadedBlock::parse(std::unique_ptr<char[]> bytes, size_t size,
                                                      size_t from, uint32_t rows,
                                                      PartColumns columns) {
    const uint64_t ends_bytes = (uint64_t{rows} + 1) * sizeof(uint32_t);
    const uint64_t front = from + sizeof(uint32_t) + columns.count() * ends_bytes;
    if (front > size) return nullptr;
    uint32_t rows_written = 0;
    std::memcpy(&rows_written, bytes.get() + from, sizeof rows_written);
    if (rows_written != rows) return nullptr;
    std::shared_ptr<LoadedBlock> loaded(new LoadedBlock(std::move(bytes), size));
    Block& block = loaded->block_;
    block.rows = rows;
    const char* ends_at = loaded->bytes_.get() + from + sizeof(uint32_t);
    uint64_t bytes_at = front;
    const auto locate = [&](BlockColumn& column) {
        column.ends = reinterpret_cast<const uint32_t*>(ends_at);
        column.bytes = loaded->bytes_.get() + bytes_at;
        ends_at += ends_bytes;
        bytes_at += column.ends[rows];
        return bytes_at <= size && ascends(column.ends, rows);
    };
    const bool is_good = locate(block.keys) && (!columns.has_subkey || locate(block.subkeys)) &&
                         (!columns.has_state || locate(block.states)) && bytes_at == size;
    return is_good ? loaded : nullptr;
}

void BlockBuilder::add(const operators::StateRow& row) {
    CHECK(columns_.has_subkey || row.subkey.empty());
    CHECK(columns_.has_state || row.state.empty());
    keys_.add(row.key);
    if (columns_.has_subkey) subkeys_.add(row.subkey);
    if (columns_.has_state) states_.add(row.state);
}

void BlockBuilder::finish(std::string& out) {
    ByteWriter writer(out);
    writer.fixed(static_cast<uint32_t>(rows()));
    std::vector<Column*> columns = {&keys_};
    if (columns_.has_subkey) columns.push_back(&subkeys_);
    if (columns_.has_state) columns.push_back(&states_);
    for (const Column* column : columns) {
        writer.raw({reinterpret_cast<const char*>(column->ends.data()),
                    column->ends.size() * sizeof(uint32_t)});
    }
    for (Column* column : columns) {
        writer.raw(column->bytes);
        column->ends.resize(1);
        column->bytes.clear();
    }
}

}  // namespace braid::runs
