// SPDX-License-Identifier: Apache-2.0
#include "columnar/arrow_output.h"

#include "base/hash.h"

namespace braid {

ArrowOutput::ArrowOutput(std::unique_ptr<Appendable> file) : file_(std::move(file)) {}

arrow::Status ArrowOutput::Write(const void* data, int64_t size) {
    const Bytes bytes(static_cast<const std::byte*>(data), static_cast<size_t>(size));
    crc_ = crc32c(as_text(bytes), crc_);
    auto written = file_->append(bytes);
    if (written) return arrow::Status::OK();
    failure_ = std::move(written).error();
    return arrow::Status::IOError(failure_->message());
}

arrow::Status ArrowOutput::Close() {
    is_closed_ = true;
    return arrow::Status::OK();
}

arrow::Result<int64_t> ArrowOutput::Tell() const { return static_cast<int64_t>(file_->size()); }

bool ArrowOutput::closed() const { return is_closed_; }

}  // namespace braid
