// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid::serving {

/// The body of POST /v1/sql in JSON.
struct SqlRequest {
    std::string query;
    /// Values of $1, $2, … as PostgreSQL's text input takes them; nullopt is null.
    std::vector<std::optional<std::string>> params;
};

/// {"query": "…", "params": [1, "two", true, null]}, read strictly (RFC 8259): nothing nested,
/// nothing unknown, nothing twice. InvalidInput 22P02 with the byte where it went wrong.
Result<SqlRequest> parse_sql_request(std::string_view body);

}  // namespace braid::serving
