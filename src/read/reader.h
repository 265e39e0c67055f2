// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "plan/node.h"
#include "runs/receipt.h"
#include "runs/snapshot.h"

namespace braid::read {

/// Set from another thread to stop a statement (57014). Checked between batches and inside DuckDB.
struct CancelToken {
    std::atomic<bool> cancelled{false};
};

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
    uint64_t memory_bytes_max = 256ULL << 20;
};

/// Rows of a statement, batch by batch.
class Answer {
  public:
    virtual ~Answer() = default;
    virtual const Schema& schema() const = 0;
    /// False at the end. Batches have at most 4,096 rows and at least one.
    virtual Result<bool> next(Batch& batch) = 0;
    /// What its receipt is made of. Complete once next() has returned false; never null.
    virtual std::shared_ptr<const runs::ReceiptSource> receipt() const = 0;
};

/// Rows of relations that are not views or streams: pg_catalog, information_schema, braid.*. Given
/// by `serving`; called on the statement's thread.
class SystemSource {
  public:
    virtual ~SystemSource() = default;
    /// All rows of the relation with the columns asked for, in order.
    virtual Result<std::vector<Batch>> rows(const plan::Node& scan, const ReadOptions& options) = 0;
};

/// A point read, prepared once and run many times without planning: the rows of one view whose key
/// columns equal the parameters. Thread-safe.
class PreparedRead {
  public:
    virtual ~PreparedRead() = default;
    virtual Result<std::unique_ptr<Answer>> run(const std::vector<Datum>& parameters,
                                                const ReadOptions& options) = 0;
};

/// Answers SELECTs: pins one snapshot, takes the tiling of each view, and runs what it can in
/// Braid's kernel (key filters, ⊕, combine, finish, simple projections) and the rest in DuckDB.
/// Thread-safe.
class Reader {
  public:
    virtual ~Reader() = default;
    virtual Result<std::unique_ptr<Answer>> execute(const plan::Query& query,
                                                    const std::vector<Datum>& parameters,
                                                    const ReadOptions& options,
                                                    SystemSource* system) = 0;
    /// Binds what can be decided before the parameters are known; never null on success.
    virtual Result<std::shared_ptr<PreparedRead>> prepare(plan::Query query,
                                                          SystemSource* system) = 0;
    /// A snapshot of everything, for a transaction. A stream that cannot be pinned fails those who
    /// read it, no other.
    virtual Result<std::shared_ptr<const PinnedSnapshot>> pin(const ReadOptions& options) = 0;
};

}  // namespace braid::read
