// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "operators/fold/view_folder.h"
#include "read/merge/read_options.h"
#include "read/merge/row_source.h"
#include "runs/tick_source.h"

/// What a transaction sees of its own: rows behind all others, without a place in the log and
/// without the time at which they will be stored (NULL _partition, _offset, _ingested_at).
namespace braid::read {

/// `columns` as in open_stream_scan; records that do not decode are left out.
Result<RowSourcePtr> open_own_rows(const OwnRows& own, const catalog::Table& table,
                                   std::vector<int> columns);

/// The same folded for one view: a tick of no box.
Result<runs::TickPtr> own_tick(const OwnRows& own, const catalog::Table& table, VersionId version,
                               operators::BoundView view);

/// All rows of the first, then all of the second.
RowSourcePtr one_after_the_other(RowSourcePtr first, RowSourcePtr second);

}  // namespace braid::read
