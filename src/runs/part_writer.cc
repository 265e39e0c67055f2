// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <arrow/array/array_binary.h>
#include <arrow/buffer.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/arrow_output.h"
#include "runs/part_format_internal.h"
#include "runs/part_writer_internal.h"

namespace braid::runs {

namespace {

/// Names that crashes may have left behind for one part.
constexpr int kNamesMax = 1000;
/// Arrow writes a record batch in some twenty pieces.
constexpr size_t kBufferBytes = 1U << 20;
/// Above what Arrow puts around a record batch, and around the footer without the index.
constexpr uint64_t kBlockFrameBytes = 512;
constexpr uint64_t kFileFrameBytes = 2048;

/// A file that gathers small pieces and keeps a CRC-32C since it was last asked.
class BlockFile final : public WritableFile {
  public:
    explicit BlockFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

    Result<void> append(Bytes bytes) override {
        crc_ = crc32c(as_text(bytes), crc_);
        buffer_.append(as_text(bytes));
        if (buffer_.size() >= kBufferBytes) return flush();
        return {};
    }
    Result<void> sync() override {
        TRY(flush());
        return file_->sync();
    }
    uint64_t size() const override { return file_->size() + buffer_.size(); }

    uint32_t take_crc() { return std::exchange(crc_, 0); }

  private:
    Result<void> flush() {
        TRY(file_->append(as_bytes(buffer_)));
        buffer_.clear();
        return {};
    }

    std::unique_ptr<WritableFile> file_;
    std::string buffer_;
    uint32_t crc_ = 0;
};

/// Values of one column that wait for their block to be full.
struct PendingColumn {
    std::vector<int32_t> ends = {0};
    std::string bytes;

    void add(std::string_view value) {
        bytes.append(value);
        ends.push_back(static_cast<int32_t>(bytes.size()));
    }
    /// Points into this column.
    std::shared_ptr<arrow::Array> array() const {
        const auto wrapped = [](const void* data, size_t size) {
            return std::make_shared<arrow::Buffer>(static_cast<const uint8_t*>(data),
                                                   static_cast<int64_t>(size));
        };
        return std::make_shared<arrow::BinaryArray>(
            static_cast<int64_t>(ends.size()) - 1,
            wrapped(ends.data(), ends.size() * sizeof(int32_t)),
            wrapped(bytes.data(), bytes.size()));
    }
    void clear() {
        ends.resize(1);
        bytes.clear();
    }
};

class ArrowPartWriter final : public PartWriter {
  public:
    ArrowPartWriter(std::unique_ptr<WritableFile> file, std::string path, uint32_t section)
        : metadata_(std::make_shared<arrow::KeyValueMetadata>()) {
        auto block_file = std::make_unique<BlockFile>(std::move(file));
        file_ = block_file.get();
        output_ = std::make_shared<ArrowOutput>(std::move(block_file));
        part_.file = std::move(path);
        part_.section = section;
        index_.section = section;
    }

    Result<void> begin() {
        // Arrow writes the footer last; what is put into this object until then goes with it.
        writer_ = TRY(output_->check(arrow::ipc::MakeFileWriter(
            output_, part_schema(), arrow::ipc::IpcWriteOptions::Defaults(), metadata_)));
        return {};
    }

    Result<void> add(std::string_view key, std::string_view value) override {
        if (key.size() + value.size() > kRowBytesMax) {
            return exhausted("a state of {} bytes is too large for a run", value.size());
        }
        const uint64_t pending = keys_.bytes.size() + values_.bytes.size();
        if (rows_pending_ == kBlockRows || (rows_pending_ > 0 && pending > kBlockBytesMax)) {
            TRY(write_block());
        }
        if (part_.rows == 0) index_.first_key.assign(key);
        if (rows_pending_ == 0) {
            index_.blocks.push_back({.first_key = std::string(key)});
            index_bytes_ += key.size() + kBlockEntryBytes;
        }
        keys_.add(key);
        values_.add(value);
        part_.digest.add_row(key, value);
        ++part_.rows;
        ++rows_pending_;
        last_key_bytes_ = key.size();
        return {};
    }

    uint64_t bytes_with(std::string_view key, std::string_view value) const override {
        const uint64_t rows = (keys_.bytes.size() + values_.bytes.size()) + key.size() +
                              value.size() + 2 * sizeof(int32_t) * (rows_pending_ + 2);
        const uint64_t index = index_bytes_ + index_.first_key.size() + 2 * key.size();
        // Two block frames: the row may begin a block of its own. Base64 makes four bytes of three.
        return file_->size() + rows + 2 * kBlockFrameBytes + index * 4 / 3 + kFileFrameBytes;
    }

    Result<manifest::Part> finish() override {
        CHECK_GT(part_.rows, uint64_t{0});
        index_.last_key = keys_.bytes.substr(keys_.bytes.size() - last_key_bytes_);
        TRY(write_block());
        index_.rows = part_.rows;
        index_.digest = part_.digest;
        write_index(index_, *metadata_);
        TRY(output_->check(writer_->Close()));
        part_.crc = file_->take_crc();
        TRY(file_->sync());
        part_.bytes = file_->size();
        part_.first_key = index_.first_key;
        part_.last_key = index_.last_key;
        return std::move(part_);
    }

  private:
    /// A block holds at most this and kBlockBytesMax, so its offsets fit 32 bits.
    static constexpr uint64_t kRowBytesMax = 1ULL << 30;
    /// In the index, beside the key: CRC, rows, end, length of the key; and what Arrow's footer
    /// holds.
    static constexpr uint64_t kBlockEntryBytes = 4 + 4 + 10 + 5 + 24;

    Result<void> write_block() {
        const auto batch = arrow::RecordBatch::Make(
            part_schema(), static_cast<int64_t>(rows_pending_), {keys_.array(), values_.array()});
        TRY(output_->check(writer_->WriteRecordBatch(*batch)));
        PartIndex::Block& block = index_.blocks.back();
        block.end = file_->size();
        block.rows = static_cast<uint32_t>(rows_pending_);
        block.crc = file_->take_crc();
        keys_.clear();
        values_.clear();
        rows_pending_ = 0;
        return {};
    }

    BlockFile* file_;  // owned by output_
    std::shared_ptr<ArrowOutput> output_;
    std::shared_ptr<arrow::KeyValueMetadata> metadata_;
    std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
    manifest::Part part_;
    PartIndex index_;
    uint64_t index_bytes_ = 0;
    PendingColumn keys_;
    PendingColumn values_;
    size_t rows_pending_ = 0;
    size_t last_key_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<PartWriter>> PartWriter::create(FileSystem& files,
                                                       const std::string& directory,
                                                       uint32_t section, uint32_t number) {
    for (int name = 0; name < kNamesMax; ++name) {
        const std::string suffix = name == 0 ? std::string() : fmt::format(".{}", name);
        std::string path = fmt::format("{}/{}-{}{}.arrow", directory, section, number, suffix);
        auto file = files.create(path);
        if (!file) {
            // Left by a crash, or of another process that was given the same number: never touched.
            if (file.error().code() == ErrorCode::kAlreadyExists) continue;
            return std::move(file).error();
        }
        auto writer = std::make_unique<ArrowPartWriter>(*std::move(file), std::move(path), section);
        TRY(writer->begin());
        return std::unique_ptr<PartWriter>(std::move(writer));
    }
    return exhausted("no free name for part {}-{} in \"{}\"", section, number, directory);
}

}  // namespace braid::runs
