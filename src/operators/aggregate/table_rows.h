// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_row.h"

namespace braid::operators {

/// The rows of one section of some groups of a table, which are given in key order. The table must
/// outlive the cursor and may not change meanwhile. It holds four bytes for each group, and
/// as many for each subkey of one group at a time (quicksort, a part at a time as it is asked for).
/// One thread at a time.
RowCursorPtr table_rows(const GroupTable& table, std::vector<GroupTable::Group> groups,
                        uint32_t section);

}  // namespace braid::operators
