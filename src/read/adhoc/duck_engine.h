// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/text_io.h"
#include "model/statement_limits.h"
#include "operators/expr/evaluator.h"
#include "plan/node.h"
#include "read/merge/row_pieces.h"
#include "read/merge/row_source.h"

namespace braid::read {

struct DuckLimits {
    uint64_t memory_bytes_max = 1ULL << 30;  // of the whole instance; beyond it 53200
    int threads = 2;
};

/// What one statement brings to DuckDB.
struct DuckStatement {
    /// Must live until run() has returned; what it points to by NodePtr is held.
    const plan::Node* root = nullptr;
    std::vector<Datum> parameters;
    operators::EvaluationContext context;
    /// Leaves (kScan, and aggregates for which is_kernel_leaf answers true) are opened through
    /// this, once per time that DuckDB scans them.
    OpenPieces open_leaf;
    std::function<bool(const plan::Node&)> is_kernel_leaf;
    StatementLimits limits;
};

/// The one DuckDB instance of a process: in memory, locked down (no file, no network, no extension,
/// no spilling), fed only by SQL that is generated here from bound plans. Every statement has a
/// connection of its own. Rows come in through a table function of ours, functions that PostgreSQL
/// defines otherwise are our kernel's bodies, registered once. No text of a statement and no name
/// of a client is ever part of the SQL: columns are c0, c1, …, constants are bound as parameters.
/// Thread-safe. Not to be a static object: DuckDB needs the thread-locals of the thread that
/// closes it.
class DuckEngine {
  public:
    static Result<std::unique_ptr<DuckEngine>> open(DuckLimits limits);
    virtual ~DuckEngine() = default;
    virtual Result<RowSourcePtr> run(DuckStatement statement) = 0;
};

/// The SQL that run() would execute; for EXPLAIN (VERBOSE) and tests.
Result<std::string> generate_sql(const DuckStatement& statement);

}  // namespace braid::read
