// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "plan/view_plan.h"
#include "serving/session/source_row.h"

namespace braid::serving {

/// What a session asks of the rest of the node beside reading. Given by `app`, which hands each
/// call to the part that does it. Thread-safe; every call returns only when its effect is durable
/// and visible.
class Control {
  public:
    virtual ~Control() = default;

    virtual manifest::StatePtr state() const = 0;
    virtual std::shared_ptr<log::PartitionedLog> log_of(
        TableId table) const = 0;  // null if dropped

    /// How the sources of a stream stand; none if it does not exist.
    virtual std::vector<SourceRow> sources_of(TableId table) const = 0;
    /// What will keep records of this table from coming, as things are: one sentence each.
    virtual std::vector<std::string> source_troubles(const catalog::Table& table) const = 0;

    /// The definition comes without ids; they are given here.
    virtual Result<void> create_table(catalog::Table table) = 0;
    virtual Result<void> drop_table(TableId table) = 0;
    /// Back-fills before it returns, unless `with_no_data`.
    virtual Result<void> create_view(std::string name, plan::ViewPlan plan, std::string time_zone,
                                     bool with_no_data) = 0;
    virtual Result<void> drop_view(ViewId view) = 0;
    virtual Result<void> create_plain_view(std::string name, std::string definition,
                                           bool or_replace) = 0;
    virtual Result<void> drop_plain_view(ObjectId view) = 0;
    /// Seal, archive, cut, recompute, publish: for all views of the view's stream. Coalesced.
    virtual Result<void> refresh(ViewId view) = 0;
};

}  // namespace braid::serving
