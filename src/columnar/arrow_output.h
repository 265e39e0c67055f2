// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <arrow/io/interfaces.h>

#include "base/store.h"
#include "columnar/arrow_result.h"

namespace braid {

/// Arrow's way into one of our files, with a running CRC-32C. Closing is left to whoever made the
/// file, and puts it.
class ArrowOutput final : public arrow::io::OutputStream {
  public:
    explicit ArrowOutput(std::unique_ptr<Appendable> file);

    arrow::Status Write(const void* data, int64_t size) override;
    arrow::Status Close() override;
    arrow::Result<int64_t> Tell() const override;
    bool closed() const override;

    uint32_t crc() const { return crc_; }

    /// An Arrow outcome of writing here, with the file system's own error where that was the cause.
    template <typename Outcome>
    auto check(Outcome&& outcome) const
        -> decltype(internal::as_result(std::forward<Outcome>(outcome))) {
        auto result = internal::as_result(std::forward<Outcome>(outcome));
        if (!result && failure_) return *failure_;
        return result;
    }

  private:
    std::unique_ptr<Appendable> file_;
    uint32_t crc_ = 0;
    bool is_closed_ = false;
    std::optional<Error> failure_;
};

}  // namespace braid
