// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "base/result.h"
#include "base/store.h"

namespace braid::dataset {

/// Arrow's way to the bytes of a segment. Opening reads the whole file once, for its checksum; from
/// then on each piece that is read must be what it was then, so a file that changes under its
/// reader is refused by name. Nothing is mapped. Reading at positions is thread-safe.
class SegmentInput final : public arrow::io::RandomAccessFile {
  public:
    static Result<std::shared_ptr<SegmentInput>> open(Store& store, const std::string& path);

    uint64_t bytes() const { return bytes_; }
    /// CRC-32C of the whole file.
    uint32_t crc() const { return crc_; }

    arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override;
    arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override;
    arrow::Result<int64_t> Read(int64_t size, void* out) override;
    arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override;
    arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(bytes_); }
    arrow::Result<int64_t> Tell() const override { return at_; }
    arrow::Status Seek(int64_t position) override;
    arrow::Status Close() override;
    bool closed() const override { return is_closed_; }

  private:
    explicit SegmentInput(std::string path) : path_(std::move(path)) {}
    Result<void> read_all();
    Result<void> read_piece(uint64_t piece, char* into) const;
    uint64_t size_of(uint64_t piece) const;

    const std::string path_;
    std::unique_ptr<ReadableFile> file_;
    uint64_t bytes_ = 0;
    uint32_t crc_ = 0;
    std::vector<uint32_t> piece_crcs_;
    int64_t at_ = 0;
    bool is_closed_ = false;
};

}  // namespace braid::dataset
