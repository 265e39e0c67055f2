// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "log/partitioned_log.h"

namespace braid::log {

/// What every form of log refuses before it looks further: InvalidInput for a key that is empty or
/// longer than 255 bytes, and for more than 1 GiB of records.
Result<void> check_request(const AppendRequest& request);

}  // namespace braid::log
