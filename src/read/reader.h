// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "plan/node.h"
#include "read/merge/read_options.h"
#include "runs/receipt.h"

namespace braid::read {

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
