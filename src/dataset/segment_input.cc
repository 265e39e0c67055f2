// SPDX-License-Identifier: Apache-2.0
#include "dataset/segment_input.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <arrow/buffer.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "dataset/listed_files.h"

namespace braid::dataset {

namespace {

constexpr uint64_t kPieceBytes = 64U << 10;

arrow::Status as_status(const Error& error) {
    if (error.code() == ErrorCode::kCorrupt) return arrow::Status::Invalid(error.message());
    return arrow::Status::IOError(error.message());
}

}  // namespace

Result<std::shared_ptr<SegmentInput>> SegmentInput::open(Store& store, const std::string& path) {
    std::shared_ptr<SegmentInput> input(new SegmentInput(path));
    auto file = open_file(store, path);
    if (!file && file.error().code() == ErrorCode::kNotFound) {
        return corrupt("segment {} is missing", path);
    }
    input->file_ = TRY(std::move(file));
    TRY(input->read_all());
    return input;
}

Result<void> SegmentInput::read_all() {
    bytes_ = TRY(file_->size());
    std::vector<char> piece(kPieceBytes);
    for (uint64_t from = 0; from < bytes_; from += kPieceBytes) {
        const size_t size = std::min(kPieceBytes, bytes_ - from);
        const std::span<char> whole(piece.data(), size);
        if (TRY(file_->read_at(from, std::as_writable_bytes(whole))) != size) {
            return corrupt("segment {} was cut short while it was read", path_);
        }
        const std::string_view text(piece.data(), size);
        crc_ = crc32c(text, crc_);
        piece_crcs_.push_back(crc32c(text));
    }
    return {};
}

uint64_t SegmentInput::size_of(uint64_t piece) const {
    return std::min(kPieceBytes, bytes_ - piece * kPieceBytes);
}

Result<void> SegmentInput::read_piece(uint64_t piece, char* into) const {
    const size_t size = size_of(piece);
    const std::span<char> whole(into, size);
    const size_t count = TRY(file_->read_at(piece * kPieceBytes, std::as_writable_bytes(whole)));
    if (count != size || crc32c({into, size}) != piece_crcs_[piece]) {
        return corrupt("segment {} has changed while it was read: bytes {} to {}", path_,
                       piece * kPieceBytes, piece * kPieceBytes + size);
    }
    return {};
}

arrow::Result<int64_t> SegmentInput::ReadAt(int64_t position, int64_t size, void* out) {
    if (position < 0 || size < 0) return arrow::Status::Invalid("a negative place");
    uint64_t from = static_cast<uint64_t>(position);
    const uint64_t end = std::min(bytes_, from + static_cast<uint64_t>(size));
    auto* into = static_cast<char*>(out);
    std::vector<char> whole;  // of a piece of which only some is wanted
    while (from < end) {
        const uint64_t piece = from / kPieceBytes;
        const uint64_t skipped = from % kPieceBytes;
        const uint64_t wanted = std::min(end - from, size_of(piece) - skipped);
        const bool is_whole = wanted == size_of(piece);
        if (!is_whole) whole.resize(size_of(piece));
        const auto outcome = read_piece(piece, is_whole ? into : whole.data());
        if (!outcome) return as_status(outcome.error());
        if (!is_whole) std::memcpy(into, whole.data() + skipped, wanted);
        into += wanted;
        from += wanted;
    }
    return into - static_cast<char*>(out);
}

arrow::Result<std::shared_ptr<arrow::Buffer>> SegmentInput::ReadAt(int64_t position, int64_t size) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(size));
    ARROW_ASSIGN_OR_RAISE(const int64_t count, ReadAt(position, size, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(count, false));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

arrow::Result<int64_t> SegmentInput::Read(int64_t size, void* out) {
    ARROW_ASSIGN_OR_RAISE(const int64_t count, ReadAt(at_, size, out));
    at_ += count;
    return count;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> SegmentInput::Read(int64_t size) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(at_, size));
    at_ += buffer->size();
    return buffer;
}

arrow::Status SegmentInput::Seek(int64_t position) {
    if (position < 0) return arrow::Status::Invalid("a negative place");
    at_ = position;
    return arrow::Status::OK();
}

arrow::Status SegmentInput::Close() {
    is_closed_ = true;
    return arrow::Status::OK();
}

}  // namespace braid::dataset
