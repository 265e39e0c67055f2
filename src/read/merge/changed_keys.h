// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "operators/fold/view_folder.h"
#include "read/merge/pinned_snapshot.h"
#include "read/merge/view_finisher.h"
#include "runs/snapshot.h"

/// What became different in a view between two moments: what publications and alerts stand on. An
/// event, however late, has a new offset; so the keys that changed are those of the runs and ticks
/// that lie behind the end of the earlier tiling, whatever their windows are. Between two seals
/// these are the keys of one sealed run, between two slices those of the newest tick.
namespace braid::read {

/// Keys of one view version, as encode_key writes them: ascending, each once.
struct ChangedKeys {
    std::vector<std::string> keys;
    /// Every key is one that events between the two moments have touched, as it is from seal to
    /// seal. False where a run or tick lies across the end of the earlier tiling (a seal of what
    /// was a tick then, a batch run), or a person has accepted another answer meanwhile: then
    /// untouched keys may be among them, whose rows are what they were. None is ever missing.
    bool is_exact = true;
};

/// Keys touched by what `after` holds and `before` does not, and those that have expired between
/// them: where the horizon has moved all keys of `before` are read for these. Both are of one view
/// version; `after` ends nowhere before `before` (else Internal). Reads only keys: as many as the
/// runs and ticks behind the end of `before` have. Pure.
Result<ChangedKeys> changed_keys(const runs::Tiling& before, const runs::Tiling& after);

/// The same of two snapshots, the later of which may also hold answers that a person has accepted.
Result<ChangedKeys> changed_keys(const ReadParts& parts, const PinnedSnapshot& before,
                                 const PinnedSnapshot& after, VersionId version);

/// Changed keys as rows, each with what it was and what it is.
class ChangedRows {
  public:
    /// `wanted` are outputs of the view; its predicate is not asked.
    static Result<std::unique_ptr<ChangedRows>> open(operators::BoundView view, ChangedKeys keys,
                                                     runs::Tiling before, runs::Tiling after,
                                                     const ViewRows& wanted);

    /// `length` rows, in key order. A key that has no row (it was not there yet, or HAVING drops
    /// it) has false in `was` or `is`, and NULL in each of the outputs there.
    struct Block {
        size_t length = 0;
        std::vector<Column> keys;
        std::vector<bool> was;
        std::vector<Column> before;  // the outputs that are wanted
        std::vector<bool> is;
        std::vector<Column> after;
    };
    /// False at the end; else at least one row and at most 4,096. One thread at a time. An output
    /// that cannot be finished is an error (22003), as in a read.
    Result<bool> next(Block& block);

  private:
    class Moment;
    ChangedRows(operators::BoundView view, ChangedKeys keys);

    const operators::BoundView view_;
    const ChangedKeys keys_;
    std::shared_ptr<Moment> before_;
    std::shared_ptr<Moment> after_;
    size_t next_ = 0;
};

}  // namespace braid::read
