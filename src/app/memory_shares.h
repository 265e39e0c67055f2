// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "app/node.h"

namespace braid::app {

/// "2GiB", "512 MB", "1073741824": as PostgreSQL writes sizes, or with the binary units of IEC;
/// a number alone is bytes. Nothing where it is no size.
std::optional<uint64_t> parse_size(std::string_view text);

/// Three fifths of what this process may have: of the machine's memory, or of its control group's
/// where that is less.
uint64_t default_memory_limit();

/// Divides a limit among those who hold much: what the states of the speed layer, a batch, DuckDB,
/// the kernel for one statement and for all, clients and the cache of runs may take. What is left
/// is for all others.
void share_memory(uint64_t limit_bytes, NodeOptions& options);

}  // namespace braid::app
