// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "operators/expr/numeric_blob.h"

namespace braid::read {

/// What the aggregates of ours hand to the finishing functions, as bytes within one process.
struct NumericGathered {
    int64_t count = 0;
    operators::NumericBlob total{};  // or the average
    bool has_overflowed = false;     // more digits than a numeric holds
    bool is_average = false;         // only where the total has overflowed and it has not
    char unused[1] = {};
};

struct FloatGathered {
    double count = 0;
    double sum = 0;
    double average = 0;
    double squares = 0;
    bool has_overflowed = false;
    char unused[7] = {};
};

/// What the finishing functions make of it; the numbers stand in generated SQL.
enum class Finish : int {
    kSum = 0,
    kAverage = 1,
    kVarSamp = 2,
    kVarPop = 3,
    kStddevSamp = 4,
    kStddevPop = 5,
};

}  // namespace braid::read
