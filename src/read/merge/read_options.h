// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "columnar/text_io.h"
#include "model/statement_limits.h"
#include "runs/snapshot.h"

namespace braid::read {

/// One consistent view of streams and views: a manifest version, the ticks pinned per stream, and
/// how far each stream is visible. A transaction that is REPEATABLE READ keeps one for all its
/// statements. Thread-safe, immutable.
class PinnedSnapshot;

/// What a transaction has inserted and not stored yet, as it stood when a statement of it began:
/// records in the order in which they came. LIVE statements see it behind all that is stored.
struct OwnRows {
    using Records = std::shared_ptr<const std::vector<std::string>>;
    std::map<TableId, std::vector<Records>> records;
    /// Streams that only the transaction knows: there is nothing but its own rows in them.
    std::map<TableId, catalog::Table> made;

    bool has(TableId table) const { return records.contains(table) || made.contains(table); }
};

struct ReadOptions {
    runs::ReadMode mode = runs::ReadMode::kLive;
    uint64_t cut_number = 0;  // with kAtCut; 0 = the newest
    TextFormat format;        // session zone
    /// The statement reads this snapshot; null: a fresh one, for this statement alone.
    std::shared_ptr<const PinnedSnapshot> snapshot;
    /// Null: there are none.
    std::shared_ptr<const OwnRows> own;
    /// Frontiers that this session has seen, per stream: answers never step back behind them.
    /// Updated.
    std::map<TableId, Positions>* seen = nullptr;
    std::shared_ptr<CancelToken> cancel;
    int64_t timeout_us = 30'000'000;
};

}  // namespace braid::read
