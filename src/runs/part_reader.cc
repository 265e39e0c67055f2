// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <arrow/array/array_binary.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "runs/part_reader_internal.h"

namespace braid::runs {

namespace {

/// The dataset has the events of every run below a cut.
constexpr const char* kHint =
    "REFRESH MATERIALIZED VIEW computes the view again; CALL braid.accept_audit then takes the "
    "place of what cannot be read.";

Error damaged(const std::string& path, std::string_view what) {
    return corrupt("run file \"{}\" is damaged: {}", path, what).with_hint(kHint);
}

Error not_described(const std::string& path) {
    return damaged(path, "it is not the file that the manifest describes");
}

/// The bytes of one column of a record batch, which must lie in the mapped file; false if they do
/// not.
bool locate(const arrow::Array& array, std::string_view file, const int32_t*& ends,
            const char*& bytes) {
    const auto& column = static_cast<const arrow::BinaryArray&>(array);
    ends = column.raw_value_offsets();
    bytes = reinterpret_cast<const char*>(column.raw_data());
    const auto inside = [&](const void* from, size_t size) {
        const auto* start = static_cast<const char*>(from);
        return size == 0 || (start >= file.data() && start + size <= file.data() + file.size());
    };
    const auto rows = static_cast<size_t>(array.length());
    return column.null_count() == 0 && inside(ends, (rows + 1) * sizeof(int32_t)) && ends[0] >= 0 &&
           ends[rows] >= ends[0] && inside(bytes, static_cast<size_t>(ends[rows]));
}

}  // namespace

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

PartReader::PartReader(std::string path, std::shared_ptr<const MappedFile> mapped)
    : path_(std::move(path)), mapped_(std::move(mapped)) {}

PartReader::~PartReader() = default;

Result<std::unique_ptr<const PartReader>> PartReader::open(FileSystem& files,
                                                           const manifest::Part& part) {
    auto mapped = files.map(part.file);
    if (!mapped) {
        if (mapped.error().code() != ErrorCode::kNotFound) return std::move(mapped).error();
        return corrupt("run file \"{}\" is missing", part.file).with_hint(kHint);
    }
    std::unique_ptr<PartReader> reader(new PartReader(part.file, *std::move(mapped)));
    TRY(reader->check_tail(part));
    TRY(reader->open_arrow(part));
    return reader;
}

/// Where the part of the file begins that is no block. Read from bytes that are not checked yet.
Result<uint64_t> PartReader::tail_start() const {
    const Bytes bytes = mapped_->bytes();
    if (bytes.size() < kTailFixedBytes) return damaged(path_, "it is cut short");
    int32_t footer_bytes = 0;
    std::memcpy(&footer_bytes, bytes.data() + bytes.size() - kTailFixedBytes, sizeof footer_bytes);
    const uint64_t tail_bytes =
        kTailFixedBytes + kEndMarkBytes + static_cast<uint32_t>(footer_bytes);
    if (footer_bytes < 0 || tail_bytes > bytes.size())
        return damaged(path_, "its footer is not there");
    return bytes.size() - tail_bytes;
}

Result<void> PartReader::check_tail(const manifest::Part& part) const {
    const Bytes bytes = mapped_->bytes();
    if (bytes.size() != part.bytes) {
        return damaged(path_, fmt::format("it has {} bytes, not {}", bytes.size(), part.bytes));
    }
    const uint64_t start = TRY(tail_start());
    if (crc32c(as_text(bytes.subspan(start))) != part.crc) return damaged(path_, "its footer");
    return {};
}

Result<void> PartReader::open_arrow(const manifest::Part& part) {
    const Bytes bytes = mapped_->bytes();
    const auto buffer = std::make_shared<arrow::Buffer>(
        reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int64_t>(bytes.size()));
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.use_threads = false;
    arrow_ =
        TRY(internal::as_result(arrow::ipc::RecordBatchFileReader::Open(
                                    std::make_shared<arrow::io::BufferReader>(buffer), options))
                .context(fmt::format("opening run file \"{}\"", path_)));
    index_ = TRY(read_index(arrow_->metadata().get(), path_));
    TRY(check_index(part, TRY(tail_start())));
    blocks_.resize(index_.blocks.size());
    loaded_ = std::vector<std::atomic<bool>>(index_.blocks.size());
    return {};
}

Result<void> PartReader::check_index(const manifest::Part& part, uint64_t tail_start) const {
    uint64_t rows = 0;
    uint64_t end = 0;
    bool ascends = true;
    for (const PartIndex::Block& block : index_.blocks) {
        ascends = ascends && block.end > end && block.rows > 0;
        end = block.end;
        rows += block.rows;
    }
    const bool is_described = index_.section == part.section && index_.rows == part.rows &&
                              index_.digest == part.digest && index_.first_key == part.first_key &&
                              index_.last_key == part.last_key;
    if (!is_described) return not_described(path_);
    if (!ascends || end != tail_start || rows != index_.rows || index_.blocks.empty() ||
        !arrow_->schema()->Equals(*part_schema(), false) ||
        static_cast<size_t>(arrow_->num_record_batches()) != index_.blocks.size()) {
        return damaged(path_, "its index does not fit it");
    }
    return {};
}

Result<const Block*> PartReader::block(size_t index) const {
    if (!loaded_[index].load(std::memory_order_acquire)) [[unlikely]]
        TRY(load(index));
    return &blocks_[index];
}

Result<void> PartReader::load(size_t index) const {
    const ScopedLock lock(mutex_);
    if (loaded_[index].load(std::memory_order_relaxed)) return {};
    const std::string_view file = as_text(mapped_->bytes());
    const uint64_t start = index == 0 ? 0 : index_.blocks[index - 1].end;
    const PartIndex::Block& described = index_.blocks[index];
    if (crc32c(file.substr(start, described.end - start)) != described.crc) {
        return damaged(path_, fmt::format("bytes {} to {}", start, described.end));
    }
    const auto batch = TRY(internal::as_result(arrow_->ReadRecordBatch(static_cast<int>(index)))
                               .context(fmt::format("reading run file \"{}\"", path_)));
    Block block{.rows = static_cast<size_t>(batch->num_rows())};
    if (block.rows != described.rows ||
        !locate(*batch->column(0), file, block.key_ends, block.key_bytes) ||
        !locate(*batch->column(1), file, block.value_ends, block.value_bytes) ||
        block.key(0) != described.first_key) {
        return damaged(path_, fmt::format("block {} is not what the index says", index));
    }
    blocks_[index] = block;
    loaded_[index].store(true, std::memory_order_release);
    return {};
}

size_t PartReader::block_of(std::string_view key) const {
    const auto after =
        std::ranges::upper_bound(index_.blocks, key, {}, &PartIndex::Block::first_key);
    return after == index_.blocks.begin() ? 0
                                          : static_cast<size_t>(after - index_.blocks.begin()) - 1;
}

size_t PartReader::block_before(std::string_view key) const {
    const auto at = std::ranges::lower_bound(index_.blocks, key, {}, &PartIndex::Block::first_key);
    return at == index_.blocks.begin() ? 0 : static_cast<size_t>(at - index_.blocks.begin()) - 1;
}

}  // namespace braid::runs
