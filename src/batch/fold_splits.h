// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store.h"
#include "batch/view_builder.h"
#include "catalog/catalog.h"
#include "dataset/splits.h"
#include "model/box.h"
#include "model/horizon.h"
#include "operators/fold/view_folder.h"
#include "runs/run_file.h"

namespace braid::batch {

/// What is folded, and by which views.
struct FoldJob {
    Store& store;  // of the segments
    Store& local;  // spills
    const catalog::Table& table;
    std::vector<operators::BoundView> views;
    /// Events outside [from, end) are left out wherever a split holds them.
    Positions from;
    Positions end;
    std::string spill_directory;
    /// What the events are held against, rising (manifest::TableState::horizons).
    std::vector<Horizon> horizons = {};
    /// Groups that have expired by it are no part of the runs; nothing: all are.
    std::optional<int64_t> horizon_us = {};
};

/// What was folded.
struct Folded {
    std::vector<manifest::Run> runs;  // by view
    /// The greatest event time that moves the stream's clock; nothing where neither the stream nor
    /// a view retains.
    std::optional<int64_t> clock_us;
};

struct FoldLimits {
    /// How they are written as well.
    WriteOptions write;
    /// What the tables of all views and threads hold together; beyond it they spill to sorted runs.
    /// Besides each thread has at most three slices at hand.
    uint64_t memory_bytes_max = 4ULL << 30;
};

/// Asked and told from any of the threads, several at once.
struct FoldWatch {
    std::function<Result<void>()> before_piece;
    /// With the events of the slice that was folded last, 0 before the first; an error ends the
    /// fold with it.
    std::function<Result<void>(uint64_t events)> after_slice;
};

/// Folds splits into one run for each view, in order: a pure function of the segments, the plans
/// and their function data. Rows, digest, account and failed events are the same however the events
/// are divided into splits, on however many threads, and however often it spills. Threads take the
/// splits; what they fold meets in shards, so no thread has tables of its own. Nothing is put: the
/// file is the caller's, as are ids, version, kind and box.
Result<Folded> fold_splits(const FoldJob& job, std::span<const dataset::Split> splits,
                           const FoldLimits& limits, const FoldWatch& watch, runs::RunFile& file);

}  // namespace braid::batch
