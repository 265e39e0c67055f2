// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "columnar/column.h"
#include "operators/expr/evaluator.h"

namespace braid::operators {

/// Where a state had no value to append: NULL, and why.
inline void finish_row(Result<void> finished, uint32_t row, ColumnBuilder& builder,
                       std::vector<RowError>& errors) {
    if (finished) return;
    builder.append_null();
    errors.push_back({row, std::move(finished).error()});
}

}  // namespace braid::operators
