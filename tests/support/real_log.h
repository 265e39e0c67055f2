// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace braid::testing {

/// The 10,000 lines of examples/reference_job/access.log.xz. Empty when it cannot be read.
std::vector<std::string> real_log_lines();

}  // namespace braid::testing
