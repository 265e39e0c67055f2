// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/catalog.h"

namespace braid::catalog {

/// The words of an option `retention` in microseconds: an interval of fixed length above 0.
/// InvalidInput (22023, with a hint) for others, months and years among them.
Result<int64_t> parse_retention(std::string_view words);

/// As PostgreSQL writes the interval: "7 days", "1 day 12:00:00".
std::string retention_text(int64_t retention_us);

/// How long the events of a stream are kept, in microseconds; 0: for ever.
int64_t retention_of(const Table& table);

}  // namespace braid::catalog
