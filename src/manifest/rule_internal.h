// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"

namespace braid::manifest {

/// Conflict unless the table's segments are still those of the epoch.
Result<void> check_epoch(const TableState& table, uint64_t epoch);

/// The commit rule at work: a state to which changes are applied one by one. After an error the
/// state is half changed and must be thrown away.
class Rule {
  public:
    Rule(State base, int64_t now_us) : state_(std::move(base)), now_us_(now_us) {}

    Result<void> operator()(const CreateTable& change);
    Result<void> operator()(const Grow& change);
    Result<void> operator()(const DropTable& change);
    Result<void> operator()(const CreateView& change);
    Result<void> operator()(const DropView& change);
    Result<void> operator()(const CreatePlainView& change);
    Result<void> operator()(const DropPlainView& change);
    Result<void> operator()(const TakeOver& change);
    Result<void> operator()(const AllocateIds& change);
    Result<void> operator()(const SetFunctionData& change);
    Result<void> operator()(const AllowFiles& change);
    Result<void> operator()(const Seal& change);
    Result<void> operator()(const Backfill& change);
    Result<void> operator()(const Archive& change);
    Result<void> operator()(const ReplaceSegments& change);
    Result<void> operator()(const ReleaseSegments& change);
    Result<void> operator()(const Erase& change);
    Result<void> operator()(const Erased& change);
    Result<void> operator()(const ChooseCut& change);
    Result<void> operator()(const Publish& change);
    Result<void> operator()(const Park& change);
    Result<void> operator()(const Judge& change);
    Result<void> operator()(const Compact& change);
    Result<void> operator()(const Release& change);
    Result<void> operator()(const ForgetCuts& change);
    Result<void> operator()(const Sweep& change);

    State take() && { return std::move(state_); }

  private:
    Result<TableState*> table(TableId id);
    /// Every view version that is fed from the table.
    std::set<VersionId> versions_of(TableId table) const;
    const catalog::ViewVersion* find_version(VersionId version) const;
    void set_populated(VersionId version, const TableState& table);
    Result<void> check_free_name(std::string_view name) const;
    Result<void> take_id(ObjectId id);
    Result<void> take_run_id(RunId id);
    /// The run fits the change: kind, box, sums; its id is fresh, and is used up now. It may lack
    /// partitions that came while it was made, and of which the box holds nothing.
    Result<void> admit(const Run& run, RunKind kind, const Box& box);
    /// Exactly one run for each version, each admitted with the box that is its own.
    Result<void> admit_all(std::span<const Run> runs, const std::set<VersionId>& versions,
                           RunKind kind, const std::function<Result<Box>(const Run&)>& box_of);
    /// The runs fit the cut in flight: one for each version that starts at or below it.
    Result<void> admit_at_cut(TableId id, const TableState& table, Cut cut,
                              std::span<const Run> runs, const Positions& start);
    /// The publish takes what was erased from the views, if anything waits for that.
    Result<void> check_erases(const TableState& table, const Publish& change);
    /// That it has done so.
    void note_published(TableId id, TableState& table);
    /// Runs that were admitted take the place of what is below the cut in flight.
    Result<void> publish_runs(TableId id, TableState& table, const std::vector<Run>& runs,
                              const std::vector<Run>& base_runs = {});
    /// `base` may be null.
    Result<void> publish_version(const Run& run, const Run* base, const TableState& table,
                                 const Cut& cut);
    /// The box that a run of a publish must have, where the dataset begins there.
    Result<Box> box_below(const Cut& cut, const Positions& start, const Run& run) const;
    /// The dataset may begin where a publish says, and its runs begin where they should.
    Result<void> check_start(TableId id, const TableState& table, const Publish& change) const;
    /// The published runs are in.
    Result<void> move_start(TableId id, TableState& table, const Positions& start);
    /// Publishes the candidate if none of its audits waits any more.
    Result<void> settle(TableId id, TableState& table);
    void drop_candidate(TableState& table);
    void drop_candidate_run(TableState& table, VersionId version);
    void judge(uint64_t audit, Verdict verdict);
    void retire(const SharedList<Run>::Items& runs);
    /// What the events of a seal, whose box began at `from`, were held against; then its clock.
    Result<void> take_horizons(TableState& table, const Positions& from, const Seal& change);
    /// The stream's clock has seen a time; the horizon follows by whole steps.
    void raise_clock(TableId id, TableState& table, std::optional<int64_t> clock_us);
    /// The shortest time that something of the stream is kept; nothing: all is, for ever.
    std::optional<int64_t> shortest_retention(TableId id) const;
    /// Gives the audits their numbers and returns them.
    std::vector<uint64_t> record(const std::vector<Audit>& audits);
    void forget_unbacked_cuts(const std::map<RunId, VersionId>& released);

    State state_;
    int64_t now_us_;
};

}  // namespace braid::manifest
