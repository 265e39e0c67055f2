// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "dataset/segment.h"
#include "manifest/manifest.h"

namespace braid::dataset {

/// Events of a stream: offsets by partition, ascending.
using EventSet = std::map<PartitionId, std::vector<int64_t>>;

/// Writes a segment again, as `path` (merged_path()), with a tombstone in the place of each of the
/// events: the row stays, with its partition, offset and ingest time; record, columns and error are
/// gone. Nothing in the file tells what they were, bounds and dictionaries included. Where the
/// store can exchange directories it is put below `unlisted/`, else where it is to be listed:
/// `put_at`, of path_to_put(). Corrupt where the segment is not what was committed, or lacks one of
/// the events.
Result<manifest::Segment> erase_events(Store& store, const SegmentSpec& spec,
                                       const manifest::Segment& segment, const EventSet& events,
                                       const std::string& path, const std::string& put_at);

}  // namespace braid::dataset
