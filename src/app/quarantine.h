// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "app/node.h"
#include "serving/system/system_catalog.h"

namespace braid::app {

/// braid.quarantine: the records of all streams that did not decode, from segments and log, and the
/// events for which an expression of a view failed, from its runs and ticks. A stream that cannot
/// be read is one row that says why, beside those of the others.
class Quarantine final : public serving::QuarantineSource {
  public:
    explicit Quarantine(Node& node) : node_(node) {}
    Result<std::vector<Batch>> rows(const read::ReadOptions& options) override;

  private:
    Result<std::vector<Batch>> rows_of_stream(const catalog::Table& table,
                                              const read::ReadOptions& options);

    Node& node_;
};

}  // namespace braid::app
