// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "operators/aggregate/state_row.h"
#include "operators/fold/retention.h"
#include "plan/view_plan.h"
#include "runs/key_range.h"
#include "runs/run_file.h"

namespace braid::batch {

/// Asked now and then by whoever works for long, from any of its threads; an error ends the work
/// and is given back. Empty: nothing ends it before its end.
using GoOn = std::function<Result<void>()>;

using RunReaders = std::vector<std::shared_ptr<const runs::RunReader>>;

/// How many ranges pay for so many threads: several for each, so that none has to wait long for the
/// last.
size_t range_count_for(size_t threads);

/// At most so many ranges, which follow one another and hold all keys: about equal by where the
/// parts of these runs begin and how large they are; reads nothing.
std::vector<runs::KeyRange> key_ranges(std::span<const manifest::Run> runs, size_t count);

/// ⊕ of sorted runs, of a range of their keys, as one sorted stream, in memory that does not depend
/// on their size (runs/merged_rows.h): by section, the failed events last, then by key and subkey.
/// What adjacent ranges give makes up the whole: failed events have no such key and belong to the
/// range that begins at the beginning. What lies below the floor, if there is one, is left out,
/// here and below.
Result<void> merge_runs(const RunReaders& runs, const std::vector<plan::Aggregate>& aggregates,
                        const runs::KeyRange& range, const operators::RowVisitor& into,
                        const operators::KeyFloor* floor = nullptr);

/// The same as parts of a run in a file, in which others may write at the same time: a pure
/// function of the runs' files. runs::join makes one run of adjacent ranges. Id, version, kind, box
/// and account are the caller's to fill in.
Result<manifest::Run> merge_range(const RunReaders& runs,
                                  const std::vector<plan::Aggregate>& aggregates,
                                  const runs::KeyRange& range, runs::RunFile& file,
                                  runs::RunWriterOptions options = {}, const GoOn& go_on = {},
                                  const operators::KeyFloor* floor = nullptr);

/// The digest that a run holding the ⊕ of these runs would have, by ranges on so many threads.
Result<Digest> digest_of_merge(const RunReaders& runs,
                               const std::vector<plan::Aggregate>& aggregates,
                               std::span<const runs::KeyRange> ranges, size_t threads,
                               const GoOn& go_on = {}, const operators::KeyFloor* floor = nullptr);

/// A visitor that asks `go_on`, which outlives it, at every so many rows. For one thread.
operators::RowVisitor asking(const GoOn& go_on, operators::RowVisitor visit);

}  // namespace braid::batch
