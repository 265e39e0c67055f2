// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "runs/part_format_internal.h"

namespace braid::runs {

namespace {

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
                                                      size_t from, uint32_t rows) {
    const uint64_t ends_bytes = (uint64_t{rows} + 1) * sizeof(uint32_t);
    const uint64_t front = from + sizeof(uint32_t) + 2 * ends_bytes;
    if (front > size) return nullptr;
    uint32_t rows_written = 0;
    std::memcpy(&rows_written, bytes.get() + from, sizeof rows_written);
    std::shared_ptr<LoadedBlock> loaded(new LoadedBlock(std::move(bytes), size));
    Block& block = loaded->block_;
    const char* at = loaded->bytes_.get() + from + sizeof(uint32_t);
    block.rows = rows;
    block.key_ends = reinterpret_cast<const uint32_t*>(at);
    block.value_ends = reinterpret_cast<const uint32_t*>(at + ends_bytes);
    block.key_bytes = at + 2 * ends_bytes;
    if (rows_written != rows || !ascends(block.key_ends, rows) ||
        !ascends(block.value_ends, rows) ||
        front + block.key_ends[rows] + block.value_ends[rows] != size) {
        return nullptr;
    }
    block.value_bytes = block.key_bytes + block.key_ends[rows];
    return loaded;
}

void BlockBuilder::add(std::string_view key, std::string_view value) {
    keys_.append(key);
    values_.append(value);
    key_ends_.push_back(static_cast<uint32_t>(keys_.size()));
    value_ends_.push_back(static_cast<uint32_t>(values_.size()));
}

void BlockBuilder::finish(std::string& out) {
    ByteWriter writer(out);
    const auto write_ends = [&](std::vector<uint32_t>& ends) {
        writer.raw({reinterpret_cast<const char*>(ends.data()), ends.size() * sizeof(uint32_t)});
        ends.resize(1);
    };
    writer.fixed(static_cast<uint32_t>(rows()));
    write_ends(key_ends_);
    write_ends(value_ends_);
    writer.raw(keys_);
    writer.raw(values_);
    keys_.clear();
    values_.clear();
}

}  // namespace braid::runs
