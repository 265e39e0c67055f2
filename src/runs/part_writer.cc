// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "runs/key_filter.h"
#include "runs/part_format_internal.h"
#include "runs/part_writer_internal.h"

namespace braid::runs {

namespace {

/// Names that crashes may have left behind for one part.
constexpr int kNamesMax = 1000;
/// Of a varint.
constexpr uint64_t kVarintBytesMax = 10;
/// In the index, beside the first key of a block: end, rows, CRC, length of the key.
constexpr uint64_t kBlockEntryBytes = kVarintBytesMax + 4 + 4 + 5;
/// In the index, beside blocks and keys.
constexpr uint64_t kIndexFixedBytes = 4 + 1 + 8 + sizeof(Digest) + 2 * 5 + 8 + 4;

class FilePartWriter final : public PartWriter {
  public:
    FilePartWriter(std::unique_ptr<NewFile> file, std::string path, uint32_t section,
                   PartColumns columns)
        : file_(std::move(file)), rows_(columns) {
        part_.file = std::move(path);
        part_.section = section;
        index_.section = section;
        index_.columns = columns;
        ByteWriter header(pending_);
        header.raw(kPartMagic);
        header.fixed(kPartVersion);
        header.fixed(uint32_t{0});
    }

    Result<void> add(const operators::StateRow& row) override {
        const std::string_view key = row.key;
        const size_t row_bytes = bytes_of(row);
        if (row_bytes > kRowBytesMax) {
            return exhausted("a row of {} bytes is too large for a run", row_bytes);
        }
        if (must_close_block(row_bytes)) TRY(write_block());
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

    uint64_t bytes_with(const operators::StateRow& row) const override {
        const std::string_view key = row.key;
        const size_t row_bytes = bytes_of(row);
        uint64_t blocks = file_->size() + pending_.size() + rows_.bytes_with(row_bytes);
        uint64_t index = index_bytes_ + index_.first_key.size() + key.size() + kIndexFixedBytes;
        if (rows_.rows() == 0 || must_close_block(row_bytes)) {
            blocks += rows_.bytes_alone(0);
            index += key.size() + kBlockEntryBytes;
        }
        const uint64_t filter = has_filter() ? KeyFilter::bytes_for(hashes_.size() + 1) : 0;
        return blocks + filter + index + kFooterBytes;
    }

    Result<manifest::Part> finish() override {
        CHECK_GT(part_.rows, uint64_t{0});
        index_.last_key = rows_.last_key();
        TRY(write_block());
        const std::string filter = has_filter() ? KeyFilter(hashes_).bytes() : std::string();
        index_.filter_bytes = filter.size();
        index_.filter_crc = crc32c(filter);
        index_.rows = part_.rows;
        index_.digest = part_.digest;
        TRY(file_->append(as_bytes(filter)));
        std::string tail = encode_index(index_);
        ByteWriter footer(tail);
        footer.fixed(file_->size());
        footer.fixed(kPartVersion);
        footer.fixed(uint32_t{0});
        footer.raw(kPartMagic);
        part_.crc = crc32c(tail);
        TRY(file_->append(as_bytes(tail)));
        TRY(must_be_done(TRY(file_->put()), part_.file));
        part_.bytes = file_->size();
        part_.first_key = std::move(index_.first_key);
        part_.last_key = std::move(index_.last_key);
        return std::move(part_);
    }

  private:
    /// A block holds at most this and kBlockBytesMax, so its ends fit 32 bits.
    static constexpr uint64_t kRowBytesMax = 1ULL << 30;

    static size_t bytes_of(const operators::StateRow& row) {
        return row.key.size() + row.subkey.size() + row.state.size();
    }

    /// Only groups are looked up by key alone.
    bool has_filter() const { return part_.section == 0; }

    bool must_close_block(size_t row_bytes) const {
        return rows_.rows() == kBlockRows ||
               (rows_.rows() > 0 && rows_.bytes_with(row_bytes) > kBlockBytesMax);
    }

    Result<void> write_block() {
        PartIndex::Block& block = index_.blocks.back();
        block.rows = static_cast<uint32_t>(rows_.rows());
        rows_.finish(pending_);
        block.crc = crc32c(pending_);
        TRY(file_->append(as_bytes(pending_)));
        block.end = file_->size();
        pending_.clear();
        return {};
    }

    std::unique_ptr<NewFile> file_;
    manifest::Part part_;
    PartIndex index_;
    uint64_t index_bytes_ = 0;  // of the blocks' entries, at most
    std::string pending_;       // not in the file yet, beside rows_: the header
    BlockBuilder rows_;
    std::vector<uint64_t> hashes_;
};

}  // namespace

Result<std::unique_ptr<PartWriter>> PartWriter::create(Store& store, const std::string& directory,
                                                       uint32_t section, uint32_t number,
                                                       PartColumns columns) {
    for (int name = 0; name < kNamesMax; ++name) {
        const std::string suffix = name == 0 ? std::string() : fmt::format(".{}", name);
        std::string path = fmt::format("{}/{}-{}{}.run", directory, section, number, suffix);
        // Left by a crash, or of another process that was given the same number: never touched.
        if (TRY(store.exists(path))) continue;
        auto file = TRY(store.begin_put(path));
        return std::make_unique<FilePartWriter>(std::move(file), std::move(path), section, columns);
    }
    return exhausted("no free name for part {}-{} in \"{}\"", section, number, directory);
}

}  // namespace braid::runs
