// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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

/// Rows of one section, by key, then subkey.
class RowCursor {
  public:
    virtual ~RowCursor() = default;
    /// False at the end. Views are valid until the next call.
    virtual Result<bool> next(StateRow& row) = 0;
};

using RowCursorPtr = std::unique_ptr<RowCursor>;

/// Views are valid during the call.
using RowVisitor = std::function<Result<void>(uint32_t section, const StateRow& row)>;

}  // namespace braid::operators
