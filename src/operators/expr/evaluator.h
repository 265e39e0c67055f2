// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/text_io.h"
#include "model/statement_limits.h"
#include "operators/enrich/function_data.h"
#include "plan/expr.h"

namespace braid::operators {

struct RowError {
    uint32_t row;
    Error error;
};

/// What an expression gave for the rows of a batch. Rows in `errors` (ascending) have no value.
struct Evaluated {
    Column column;
    std::vector<RowError> errors;
};

struct Call;

/// What a program may depend on besides its input.
struct EvaluationContext {
    /// Zone of the session, or the one pinned by the view.
    TextFormat format;
    /// For client, os, country, region; may be empty, then those functions fail with 55000.
    std::shared_ptr<const EnrichData> enrich;
    /// Values of $1, $2, …
    std::vector<Datum> parameters;
    /// Bodies of session and catalog functions by key (body_registry.h), looked up before the
    /// registered ones; may be null.
    std::shared_ptr<const std::map<std::string, std::function<Column(Call&)>, std::less<>>> bodies;
    /// Of the statement that this is for; a view has none, so that what it counts hangs on no
    /// clock. Beyond them every row that is still computed fails, with 57014 or 53200.
    StatementLimits limits;
};

/// A set of expressions over one input schema, compiled to run over batches column by column. Equal
/// subexpressions run once, also across expressions. Dictionary and constant columns are computed
/// once per distinct value where a function's other arguments are constant. Errors are per row, and
/// only those that SQL would raise: CASE, COALESCE, AND and OR shield the arguments that they do
/// not need. One instance per thread (it owns caches and scratch memory).
class Program {
  public:
    static Result<std::unique_ptr<Program>> compile(std::vector<plan::ExprPtr> exprs,
                                                    EvaluationContext context);
    ~Program();

    /// One result per expression, each of length batch.length.
    std::vector<Evaluated> run(const Batch& batch);
    /// Only the rows given (ascending); results have length rows.size().
    std::vector<Evaluated> run(const Batch& batch, std::span<const uint32_t> rows);
    /// For another statement of the same text.
    void set_statement(std::vector<Datum> parameters, StatementLimits limits);
    /// Input columns that some expression reads, ascending.
    const std::vector<int>& columns() const;

  private:
    Program();
    struct Body;
    std::unique_ptr<Body> body_;
};

/// For constants in the binder and single rows: evaluates an expression without columns.
Result<Datum> evaluate_constant(const plan::Expr& expr, const EvaluationContext& context);

}  // namespace braid::operators
