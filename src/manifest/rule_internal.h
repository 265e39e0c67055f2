// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"

namespace braid::manifest {

/// The commit rule at work: a state to which changes are applied one by one. After an error the
/// state is half changed and must be thrown away.
class Rule {
  public:
    Rule(State base, int64_t now_us) : state_(std::move(base)), now_us_(now_us) {}

    Result<void> operator()(const CreateTable& change);
    Result<void> operator()(const DropTable& change);
    Result<void> operator()(const CreateView& change);
    Result<void> operator()(const DropView& change);
    Result<void> operator()(const CreatePlainView& change);
    Result<void> operator()(const DropPlainView& change);
    Result<void> operator()(const TakeOver& change);
    Result<void> operator()(const SetFunctionData& change);
    Result<void> operator()(const AllowFiles& change);
    Result<void> operator()(const Seal& change);
    Result<void> operator()(const Backfill& change);
    Result<void> operator()(const Archive& change);
    Result<void> operator()(const ChooseCut& change);
    Result<void> operator()(const Publish& change);
    Result<void> operator()(const Compact& change);
    Result<void> operator()(const Release& change);

    State take() && { return std::move(state_); }

  private:
    Result<TableState*> table(TableId id);
    /// Every view version that is fed from the table.
    std::set<VersionId> versions_of(TableId table) const;
    catalog::ViewVersion* find_version(VersionId version);
    Result<void> check_free_name(std::string_view name) const;
    Result<void> take_id(ObjectId id);
    Result<void> take_run_id(RunId id);
    /// The run fits the change: kind, box, sums; its id is fresh, and is used up now.
    Result<void> admit(const Run& run, RunKind kind, const Box& box);
    /// Exactly one run for each version, each admitted.
    Result<void> admit_all(std::span<const Run> runs, const std::set<VersionId>& versions,
                           RunKind kind, const Box& box);
    Result<void> publish_version(const Run& run, const TableState& table, const Cut& cut);
    void retire(const SharedList<Run>::Items& runs);
    void record(const std::vector<Audit>& audits);
    void forget_unbacked_cuts(const std::set<RunId>& released);

    State state_;
    int64_t now_us_;
};

/// Where a box lies as seen from a cut.
enum class Side : uint8_t { kBelow, kAbove, kAcross };
Side side_of(const Box& box, const Positions& cut);

}  // namespace braid::manifest
