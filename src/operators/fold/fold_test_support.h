// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "operators/fold/view_folder.h"

/// A small view bound by hand, for tests of floors that stand on folds and know no SQL.

namespace braid::operators {

/// What the stream declares: k text, n int8.
Schema test_stream_columns();

/// SELECT k, count(*), sum(n), count(DISTINCT n) FROM … WHERE n >= 0 GROUP BY k.
BoundView test_bound_view(VersionId version, TableId table);

/// Every view version is the one above.
class TestViews final : public BoundViews {
  public:
    Result<BoundView> view_of(VersionId version) override;
};

/// "k count sum distinct" for each group, in order of keys.
std::vector<std::string> lines_of(const GroupTable& table);

/// What a fold of JSON records from the first offset on gives.
struct TestFold {
    GroupTable table;
    FoldAccount account;
};
TestFold fold_records(const std::vector<std::string>& records);

}  // namespace braid::operators
