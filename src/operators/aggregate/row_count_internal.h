// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace braid::operators {

/// Counts of rows never come near 2^63; forged states might. They stop there, which is still
/// commutative and associative.
inline int64_t add_counts(int64_t left, int64_t right) {
    return left > INT64_MAX - right ? INT64_MAX : left + right;
}

}  // namespace braid::operators
