// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace braid::testing {

/// A moment, in microseconds since 1970, as timestamptz prints it in UTC.
std::string utc_text(int64_t unix_us);

}  // namespace braid::testing
