// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "operators/expr/evaluator.h"
#include "read/merge/row_source.h"

namespace braid::read {

/// A function that gives rows of one column: generate_series and unnest, with PostgreSQL's
/// behaviour. The arguments are values by now.
struct TableCall {
    enum class Function : uint8_t { kGenerateSeries, kUnnest };
    Function function = Function::kGenerateSeries;
    std::vector<Type> arguments;
    Type element;
};

/// The elements of one call, a bounded piece at a time. Owned by one reader.
class Elements {
  public:
    virtual ~Elements() = default;
    /// Appends at most `count` elements; false once there is none left.
    virtual Result<bool> next(size_t count, ColumnBuilder& out) = 0;
};

/// `context` must outlive the elements.
Result<std::unique_ptr<Elements>> open_elements(const TableCall& call,
                                                const std::vector<Datum>& arguments,
                                                const operators::EvaluationContext& context);

/// The rows of a call as a leaf: the element, then, if asked for, its number from 1.
Result<RowSourcePtr> open_table_call(const TableCall& call, const std::vector<Datum>& arguments,
                                     std::vector<int> columns, const Schema& output,
                                     const operators::EvaluationContext& context);

}  // namespace braid::read
