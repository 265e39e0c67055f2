// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/store.h"
#include "dataset/segment.h"
#include "manifest/manifest.h"

namespace braid::dataset {

/// What a segment is called that takes the place of some, neighbours of one day: the first's name
/// and an id that nothing else has.
std::string merged_path(const manifest::Segment& first, RunId id);

/// Writes the rows of segments, neighbours of one ingest day in the order of the table's list, as
/// one, byte for byte as they are, in order of partition and offset. It is put below `unlisted/`;
/// what is given names it by `path`, where it is to be listed once it is committed. Memory: some
/// rows of each segment and the row group that is written. Columns that several decoders have made
/// are decoded again by whoever reads them. Corrupt where a file is not what was committed.
///
/// `go_on` is told how many rows were written since it was asked last; its error ends the work.
Result<manifest::Segment> merge_segments(Store& store, const SegmentSpec& spec,
                                         std::span<const manifest::Segment> segments,
                                         const std::string& path,
                                         const std::function<Result<void>(uint64_t rows)>& go_on);

}  // namespace braid::dataset
