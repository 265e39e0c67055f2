// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/row_source.h"

namespace braid::read {

/// Which rows of a stream: those that decoded, or those that did not (the quarantine).
enum class StreamRows : uint8_t { kGood, kBad };

/// The events of a stream as rows: segments up to where the archive has got, the log from there to
/// the snapshot's end, in order of partition and offset. `columns` are indexes into (declared
/// columns, plan::system_columns()). A part of the log that was trimmed meanwhile is read from the
/// segments that replaced it.
Result<RowSourcePtr> open_stream_scan(const ReadParts& parts, const PinnedSnapshot& snapshot,
                                      const catalog::Table& table, std::vector<int> columns,
                                      StreamRows which);

}  // namespace braid::read
