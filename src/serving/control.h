// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_share.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "columnar/text_io.h"
#include "log/partitioned_log.h"
#include "manifest/manifest.h"
#include "model/statement_limits.h"
#include "model/tasks.h"
#include "plan/expr.h"
#include "plan/view_plan.h"
#include "read/reader.h"
#include "serving/source_row.h"

namespace braid::serving {

/// All that a transaction does, for its end. It happens in one step, or not at all.
struct TransactionWork {
    /// Changes of the catalog, in the order in which they were asked for.
    std::vector<manifest::Change> changes;

    struct Rows {
        catalog::Table table;
        std::vector<read::OwnRows::Records> records;
    };
    std::vector<Rows> inserts;  // one entry a table
    MemoryClaim held;           // for them
    /// Of the statement that waits for the history of views.
    StatementLimits limits;
};

/// What a session asks of the rest of the node beside reading. Given by `app`, which hands each
/// call to the part that does it. Thread-safe; a call that changes something returns only when its
/// effect is durable and visible.
class Control {
  public:
    virtual ~Control() = default;

    virtual manifest::StatePtr state() const = 0;
    /// NotFound if the stream was dropped; why it could not be opened, if it could not.
    virtual Result<std::shared_ptr<log::PartitionedLog>> log_of(TableId table) const = 0;
    /// What ails a stream: it could not be opened, its source could not, or it is no longer folded.
    virtual std::optional<Error> failure_of(TableId table) const = 0;

    /// How the sources of a stream stand; none if it does not exist.
    virtual std::vector<SourceRow> sources_of(TableId table) const = 0;
    /// The long work that is going on.
    virtual std::vector<TaskReport> tasks() const = 0;
    /// What will keep records of this table from coming, as things are: one sentence each.
    virtual std::vector<std::string> source_troubles(const catalog::Table& table) const = 0;

    /// A number for something that is declared; never used again.
    virtual Result<ObjectId> new_id() = 0;
    /// The definition as it can be committed: with ids, and for a table with what else must change.
    /// What can never work is refused.
    virtual Result<std::vector<manifest::Change>> complete(catalog::Table table) = 0;
    virtual Result<catalog::MaterializedView> complete(std::string name, const plan::ViewPlan& plan,
                                                       std::string time_zone) = 0;
    /// Does all of it. New views are back-filled when it returns. Errors are of what somebody else
    /// did meanwhile (42P07, 42P01), of the disk, or 40003 when the transaction will only be
    /// finished by the next start.
    virtual Result<void> commit(const TransactionWork& work) = 0;
    /// Seal, archive, cut, recompute, publish: for all views of the view's stream. Coalesced.
    virtual Result<void> refresh(ViewId view, const StatementLimits& limits) = 0;
    /// Erases the events of a stream for which a predicate over its declared columns, then
    /// plan::system_columns(), is true; gives how many. Nothing is left of them when it returns.
    virtual Result<uint64_t> erase(TableId table, const plan::ExprPtr& predicate,
                                   const TextFormat& format, const StatementLimits& limits) = 0;
    /// A person's word on a pending audit: what batch computed is published, or dropped. Gives how
    /// many audits still stand in the way of publishing.
    virtual Result<uint64_t> judge_audit(uint64_t audit, bool is_accepted) = 0;
};

}  // namespace braid::serving
