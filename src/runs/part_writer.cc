// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "runs/key_filter.h"
#include "runs/part_format_internal.h"
#include "runs/part_writer_internal.h"

namespace braid::runs {

namespace {

/// Of a varint.
constexpr uint64_t kVarintBytesMax = 10;
/// In the index, beside the first key of a block: end, rows, CRC, length of the key.
constexpr uint64_t kBlockEntryBytes = kVarintBytesMax + 4 + 4 + 5;
/// In the index, beside blocks and keys.
constexpr uint64_t kIndexFixedBytes = 4 + 1 + 8 + sizeof(Digest) + 2 * 5 + 8 + 4;

/// A block holds at most this and kBlockBytesMax, so its ends fit 32 bits.
constexpr uint64_t kRowBytesMax = 1ULL << 30;

size_t bytes_of(const operators::StateRow& row) {
    return row.key.size() + row.subkey.size() + row.state.size();
}

}  // namespace

PartWriter::PartWriter(uint32_t section, PartColumns columns) : rows_(columns) {
    part_.section = section;
    index_.section = section;
    index_.columns = columns;
    ByteWriter header(bytes_);
    header.raw(kPartMagic);
    header.fixed(kPartVersion);
    header.fixed(uint32_t{0});
}

Result<void> PartWriter::add(const operators::StateRow& row) {
    const std::string_view key = row.key;
    const size_t row_bytes = bytes_of(row);
    if (row_bytes > kRowBytesMax) {
        return exhausted("a row of {} bytes is too large for a run", row_bytes);
    }
    if (must_close_block(row_bytes)) close_block();
    if (part_.rows == 0) index_.first_key.assign(key);
    if (rows_.rows() == 0) {
        index_.blocks.push_back({.first_key = std::string(key)});
        index_bytes_ += key.size() + kBlockEntryBytes;
    }
    rows_.add(row);
    if (has_filter()) hashes_.push_back(hash64(key));
    part_.digest.add_row(part_.section, key, row.subkey, row.state);
    ++part_.rows;
    return {};
}

uint64_t PartWriter::bytes_with(const operators::StateRow& row) const {
    const size_t row_bytes = bytes_of(row);
    uint64_t blocks = bytes_.size() + rows_.bytes_with(row_bytes);
    uint64_t index = index_bytes_ + index_.first_key.size() + row.key.size() + kIndexFixedBytes;
    if (rows_.rows() == 0 || must_close_block(row_bytes)) {
        blocks += rows_.bytes_alone(0);
        index += row.key.size() + kBlockEntryBytes;
    }
    const uint64_t filter = has_filter() ? KeyFilter::bytes_for(hashes_.size() + 1) : 0;
    return blocks + filter + index + kFooterBytes;
}

void PartWriter::close_block() {
    PartIndex::Block& block = index_.blocks.back();
    block.rows = static_cast<uint32_t>(rows_.rows());
    rows_.finish(bytes_);
    block.crc = crc32c(std::string_view(bytes_).substr(block_start_));
    block.end = bytes_.size();
    block_start_ = bytes_.size();
}

Result<manifest::Part> PartWriter::finish(RunFile& file) {
    CHECK_GT(part_.rows, uint64_t{0});
    index_.last_key = rows_.last_key();
    close_block();
    const std::string filter = has_filter() ? KeyFilter(hashes_).bytes() : std::string();
    index_.filter_bytes = filter.size();
    index_.filter_crc = crc32c(filter);
    index_.rows = part_.rows;
    index_.digest = part_.digest;
    bytes_ += filter;
    std::string tail = encode_index(index_);
    ByteWriter footer(tail);
    footer.fixed(uint64_t{bytes_.size()});
    footer.fixed(kPartVersion);
    footer.fixed(uint32_t{0});
    footer.raw(kPartMagic);
    bytes_ += tail;
    part_.crc = crc32c(tail);
    part_.file = file.path();
    part_.at = TRY(file.append(bytes_));
    part_.bytes = bytes_.size();
    part_.first_key = std::move(index_.first_key);
    part_.last_key = std::move(index_.last_key);
    return std::move(part_);
}

}  // namespace braid::runs
