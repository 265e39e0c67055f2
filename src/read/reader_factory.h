// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "read/merge/pinned_snapshot.h"
#include "read/reader.h"

namespace braid::read {

/// The reader of a node; `memory_bytes_max` bounds DuckDB.
Result<std::unique_ptr<Reader>> make_reader(ReadParts parts, uint64_t memory_bytes_max);

}  // namespace braid::read
