// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace braid::operators {

/// One row of states. Section 0 has a row for each group: its key, no subkey, the states of all
/// aggregates without subkeys. Section n >= 1 has the rows of the n-th aggregate with subkeys: one
/// for each subkey of a key, with a state where the aggregate keeps one (a set keeps none). Rows
/// are told apart by (key, subkey); equal ones merge by ⊕ of their states.
struct StateRow {
    std::string_view key;
    std::string_view subkey;
    std::string_view state;
};

/// Views are valid during the call.
using RowVisitor = std::function<Result<void>(uint32_t section, const StateRow& row)>;

}  // namespace braid::operators
