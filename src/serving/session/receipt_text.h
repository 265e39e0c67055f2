// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "read/reader.h"

namespace braid::serving {

/// The receipt as JSON in one line (decision 11), but without the single runs when it would be
/// longer than `bytes_max`: for an HTTP header.
std::string receipt_json_within(const runs::ReceiptSource& source, size_t bytes_max);

/// The tiling for a person, line by line, as EXPLAIN (ANALYZE) prints it.
std::vector<std::string> receipt_lines(const runs::Receipt& receipt);

}  // namespace braid::serving
