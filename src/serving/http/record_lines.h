// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid::serving {

/// Splits a request body into records at line feeds: a byte order mark in front and a carriage
/// return before a line feed are dropped, blank lines are skipped, the last line needs no end. The
/// records point into the body. Exhausted (54000) for a line beyond kRecordBytesMax, with its
/// number; nothing of the body is then taken.
Result<std::vector<std::string_view>> split_records(std::string_view body);

/// The body is one JSON array, which a sender that does not know of lines would send.
bool looks_like_json_array(std::string_view body);

}  // namespace braid::serving
