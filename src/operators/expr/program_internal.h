// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/expr/body_internal.h"
#include "operators/expr/evaluator.h"
#include "operators/expr/memo_internal.h"
#include "plan/expr.h"

namespace braid::operators {

/// What a function gave for all values of a dictionary, kept as long as batches bring the same
/// dictionary.
struct DictionaryResult {
    Column dictionary;  // held, so that its address cannot come to mean another one
    bool is_computed = false;
    Evaluated values;
};

/// Constants of an IN list, sorted; for binary search.
struct ConstantSet {
    Column values;  // flat, ascending, without NULLs
    bool has_null = false;
};

/// A distinct subexpression of a program.
struct Step {
    plan::Expr::Kind kind = plan::Expr::Kind::kConstant;
    Type type;
    int column = 0;
    Datum constant;
    const plan::Function* function = nullptr;
    Body body;
    std::vector<int> children;
    /// Neither this nor anything below it can fail or is dear: may be computed for rows nobody
    /// needs.
    bool is_cheap = false;
    /// Some expression needs it for every row.
    bool is_unconditional = false;
    /// The same for every row of every batch, until set_statement.
    bool is_fixed = false;

    std::shared_ptr<void> state;
    std::optional<DictionaryResult> dictionary;
    std::unique_ptr<MemoCache> memo;
    std::unique_ptr<ConstantSet> set;
};

class Machine;

/// Rows that are computed together: those of the batch, or a part of the parent's.
struct Frame {
    Frame(Frame* parent, std::vector<uint32_t> rows, Machine& machine);
    Frame(const Batch* batch, size_t length, Machine& machine);

    Frame* parent = nullptr;
    std::vector<uint32_t> rows;  // in the parent, ascending
    const Batch* batch = nullptr;
    std::optional<std::span<const uint32_t>> batch_rows;
    size_t length = 0;
    std::vector<std::unique_ptr<Evaluated>> results;  // by step
    HeldMemory held;                                  // by them, beside the bytes of texts
};

/// Computes the steps of a program; the part of Program::Body that runs.
class Machine {
  public:
    explicit Machine(EvaluationContext context)
        : context_(std::move(context)), folded_(context_.limits) {}

    std::vector<Step>& steps() { return steps_; }
    EvaluationContext& context() { return context_; }
    /// The step's values for all rows of the frame; alive as long as the frame.
    const Evaluated& evaluate(int step, Frame& frame);
    void forget_fixed();
    /// A constant that was folded, which stays: where the statement may not hold it, false.
    bool may_keep(const Datum& constant);

  private:
    Evaluated compute_within_limits(Step& step, Frame& frame);
    Evaluated compute(Step& step, Frame& frame);
    Evaluated run_body(Step& step, std::span<const Column> arguments,
                       std::span<const uint8_t> active, size_t rows);
    Evaluated read_column(const Step& step, Frame& frame);
    bool has_null_parameter(const Step& step) const;
    Evaluated call_function(Step& step, Frame& frame);
    Evaluated call_body(Step& step, std::span<const Evaluated* const> arguments, size_t rows);
    Evaluated call_on_dictionary(Step& step, std::span<const Evaluated* const> arguments,
                                 size_t position);
    const Evaluated& dictionary_values(Step& step, std::span<const Evaluated* const> arguments,
                                       size_t position);
    Evaluated call_memoised(Step& step, const Evaluated& argument);
    Evaluated logic(Step& step, Frame& frame, bool deciding);
    Evaluated not_(Step& step, Frame& frame);
    Evaluated null_test(Step& step, Frame& frame, bool wanted);
    Evaluated distinct_from(Step& step, Frame& frame, bool wanted);
    Evaluated case_(Step& step, Frame& frame);
    Evaluated coalesce(Step& step, Frame& frame);
    Evaluated extreme(Step& step, Frame& frame, bool greatest);
    Evaluated in_list(Step& step, Frame& frame);
    Evaluated in_constants(Step& step, Frame& frame);
    Evaluated in_expressions(Step& step, Frame& frame);

    /// The step's values for `rows` of the frame. Uses the whole frame's values where that costs
    /// nothing; `is_whole` tells that the result is by rows of the frame, not by position in
    /// `rows`.
    struct Part {
        const Evaluated* values = nullptr;
        bool is_whole = false;
        std::unique_ptr<Frame> frame;  // owns `values` unless whole
    };
    Part evaluate_part(int step, Frame& frame, const std::vector<uint32_t>& rows);

    std::vector<Step> steps_;
    EvaluationContext context_;
    HeldMemory folded_;
};

/// Errors of all arguments; where two have one for a row, the first argument's.
std::vector<RowError> merge_errors(std::span<const Evaluated* const> arguments);
/// The rows given of a result.
Evaluated gather(const Evaluated& from, std::span<const uint32_t> rows);
/// `value` for each of `rows` rows.
Evaluated repeat_constant(const Evaluated& one, size_t rows);
/// The column with NULL in the rows where `mask` is 0 (empty mask: none) or that are in `errors`.
Column mask_nulls(Column column, std::span<const uint8_t> mask,
                  const std::vector<RowError>& errors);

}  // namespace braid::operators
