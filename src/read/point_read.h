// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "catalog/catalog.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/point_rows.h"
#include "read/reader.h"

namespace braid::read {

/// A SELECT of one view's columns where every key column equals a constant or parameter: prepared
/// once, answered by one probe per run and tick, without pinning anything. Thread-safe.
class PointRead final : public PreparedRead {
  public:
    /// Null if the query is of another shape.
    static Result<std::shared_ptr<PreparedRead>> try_prepare(const ReadParts& parts,
                                                             const plan::Query& query);
    Result<std::unique_ptr<Answer>> run(const std::vector<Datum>& parameters,
                                        const ReadOptions& options) override;

  private:
    /// What one run needs and may not share with another thread.
    struct Machine {
        std::unique_ptr<ViewFinisher> finisher;
        std::unique_ptr<operators::Program> project;  // null: the scan's columns as they are
    };
    PointRead(const ReadParts& parts, const plan::Query& query)
        : parts_(parts), query_(std::make_shared<const plan::Query>(query)) {}
    Result<std::unique_ptr<Machine>> machine(const std::vector<Datum>& parameters,
                                             const ReadOptions& options);
    Result<runs::RunTilingPtr> runs_at(const manifest::StatePtr& head);
    void put_back(std::unique_ptr<Machine> machine);
    /// Whether the view has more groups than it may have, once ticks may have to be read for it.
    Result<void> count_groups(const ReadOptions& options) const;
    Result<Batch> answer(Machine& machine, const PointRows& rows) const;
    Result<Batch> project(Machine& machine, Batch row) const;
    /// Of a key of which there is too much for a look at it.
    Result<std::unique_ptr<Answer>> scan(const std::string& key,
                                         const std::vector<Datum>& parameters,
                                         const ReadOptions& options);

    const ReadParts& parts_;
    const std::shared_ptr<const plan::Query> query_;
    operators::BoundView view_;
    const plan::Node* scan_ = nullptr;
    const plan::Node* project_ = nullptr;  // null: none above the filter
    std::vector<plan::ExprPtr> key_values_;
    TableId table_;
    std::optional<catalog::MaterializedView> limited_;  // the view, if it has a keys_max

    Mutex mutex_;
    std::vector<std::unique_ptr<Machine>> idle_ GUARDED_BY(mutex_);
    runs::RunTilingPtr runs_ GUARDED_BY(mutex_);  // of the newest manifest version seen
};

}  // namespace braid::read
