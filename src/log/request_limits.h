// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.h"
#include "log/partitioned_log.h"

namespace braid::log {

/// Of an idempotency key.
inline constexpr size_t kKeyBytesMax = 255;

/// What every form of log refuses before it looks further: InvalidInput for a key that is empty or
/// longer than that, and for more than 1 GiB of records.
Result<void> check_request(const AppendRequest& request);

}  // namespace braid::log
