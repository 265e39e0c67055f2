// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "model/fold_account.h"
#include "operators/aggregate/group_table.h"
#include "operators/decode/decoder.h"
#include "operators/expr/evaluator.h"
#include "operators/fold/failed_events.h"
#include "operators/fold/retention.h"
#include "operators/fold/selection_internal.h"
#include "operators/fold/shard_rows.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// A view version ready to run: its plan, the zone it pinned and the function data it pinned.
struct BoundView {
    plan::ViewPlanPtr plan;
    EvaluationContext context;
    /// Null: it keeps its groups for ever.
    ViewRetentionPtr retention = {};

    /// At a horizon of its stream; null: nothing has expired.
    KeyFloorPtr floor_at(std::optional<int64_t> horizon_us) const {
        return retention ? retention->floor_at(horizon_us) : nullptr;
    }
};

/// Gives view versions ready to run. Made by `app` from `sql`, so that speed, batch and read need
/// no parser. Thread-safe, cached.
class BoundViews : public plan::ViewPlans {
  public:
    virtual Result<BoundView> view_of(VersionId version) = 0;
    Result<plan::ViewPlanPtr> plan_of(VersionId version) final;
};

/// Where the states of one view go.
struct FoldTarget {
    GroupTable* table = nullptr;
    FoldAccount* account = nullptr;
    FailedEvents* failed = nullptr;  // null: nobody asks which
    /// Takes what is to be folded in place of the table: an empty one for each shard of the view's
    /// groups. The table is only asked what it needs.
    std::vector<ShardRows>* shards = nullptr;
    /// Rows whose group lies below it have expired: they are counted as such, and not folded. Null:
    /// none has.
    const KeyFloor* floor = nullptr;
};

/// Folds decoded records into the tables of all views of one stream: the same code in speed, in
/// batch and in a back-fill. Expressions that several views share run once per slice; so do their
/// filters, and what their keys have in common is encoded once. A row whose expressions fail is
/// quarantined for that view only. One instance per thread.
class ViewFolder {
  public:
    /// Called for each row that a view quarantines: index of the view, row, error.
    using ErrorSink = std::function<void(size_t view, uint32_t row, const Error& error)>;

    static Result<std::unique_ptr<ViewFolder>> create(std::vector<BoundView> views);

    size_t view_count() const { return views_.size(); }
    const plan::ViewPlan& plan(size_t view) const { return *views_[view].plan; }
    /// Per input column (declared, then system): does some view read it?
    std::vector<bool> wanted(size_t input_columns) const;

    /// One target per view, in order of creation. Hot.
    void fold(const DecodedSlice& slice, std::span<const FoldTarget> targets,
              const ErrorSink& sink = nullptr);

  private:
    /// Views that may share expressions: same zone and function data.
    struct Group {
        std::unique_ptr<Program> program;
        std::vector<size_t> views;
        KeyNodes nodes;
        std::vector<Selection> selections;  // by filter
        std::vector<bool> is_selected;      // in the slice at hand
    };
    /// Where a view's expressions lie among its group's; -1 = none.
    struct Layout {
        int filter = -1;
        std::vector<int> keys;
        std::vector<std::vector<int>> arguments;  // by aggregate
        std::vector<int> filters;
        size_t selection = 0;    // in the group
        int whole = -1;          // node of the key
        std::vector<int> parts;  // its nodes in the order of the key, as far as views share them
        bool has_shared_part = false;
        int slices_to_skip = 0;  // its keys are nearly all different: looked at again after these
    };
    /// The slice at hand.
    struct Slice {
        const DecodedSlice& decoded;
        std::span<const Evaluated> values;
        const ErrorSink& sink;
    };

    ViewFolder() = default;
    Result<void> add_group(std::vector<size_t> views);
    void plan_keys(Group& group);
    void fold_view(size_t view, Group& group, const Slice& slice, const FoldTarget& target);
    /// Did some expression of the view fail for some row?
    bool has_errors(size_t view, const Slice& slice) const;
    /// The rows that the view counts; accounts for the others.
    Selection& select(size_t view, Group& group, const Slice& slice, const FoldTarget& target);
    /// The same where some expression failed for some row.
    void select_slowly(size_t view, const Slice& slice, const FoldTarget& target);
    /// Those of the selected rows that have not expired; accounts for the others.
    Selection& drop_expired(size_t view, Group& group, const Slice& slice, const FoldTarget& target,
                            Selection& selection);
    /// Takes the rows that have an error out of own_.rows.
    void quarantine(size_t view, const Evaluated& evaluated, const Slice& slice,
                    const FoldTarget& target);
    /// The numbers of the rows' keys, where views share them or they cost little, and keys repeat;
    /// else null.
    const RowNumbers* number_keys(Layout& layout, const Slice& slice, Selection& selection);
    /// Into keys_, one for each number or else for each row.
    void encode(const Layout& layout, const Group& group, const Slice& slice, Selection& selection,
                const RowNumbers* numbers);

    std::vector<BoundView> views_;
    std::vector<Group> groups_;
    std::vector<Layout> layouts_;
    // Scratch, reused between slices.
    Selection own_;  // of one view
    RowNumberer numberer_;
    RowNumbers key_numbers_;  // of a view that shares no part of its key
    ShardSplitter shard_splitter_;
    EncodedKeys keys_;
    std::vector<uint32_t> key_rows_;
    std::vector<EncodedKeys> part_keys_;
    std::vector<KeyPart> parts_;
    std::vector<Offset> offsets_;
};

}  // namespace braid::operators
