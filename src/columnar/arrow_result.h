// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include <arrow/result.h>
#include <arrow/status.h>

#include "base/result.h"

namespace braid::internal {

/// Lets TRY take Arrow's own results: the one place where its statuses become ours.
inline Error as_error(const arrow::Status& status) {
    ErrorCode code = ErrorCode::kInternal;
    if (status.IsIOError()) code = ErrorCode::kIo;
    if (status.IsOutOfMemory() || status.IsCapacityError()) code = ErrorCode::kExhausted;
    if (status.IsInvalid() || status.IsSerializationError()) code = ErrorCode::kCorrupt;
    if (status.IsNotImplemented()) code = ErrorCode::kUnsupported;
    return Error(code, status.message());
}

inline Result<void> as_result(const arrow::Status& status) {
    if (status.ok()) return {};
    return as_error(status);
}

template <typename T>
Result<T> as_result(arrow::Result<T>&& result) {
    if (result.ok()) return std::move(result).ValueUnsafe();
    return as_error(result.status());
}
template <typename T>
Result<T> as_result(arrow::Result<T>& result) {
    return as_result(std::move(result));
}

}  // namespace braid::internal
