// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_scan.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "base/check.h"
#include "base/error_makers.h"
#include "base/hash.h"
#include "columnar/key_codec.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using operators::GroupTable;

constexpr size_t kBlockRows = 4096;
constexpr size_t kBlockBytes = 1 << 20;  // of keys and states, beyond which a block is full

/// The run with most rows, if there is more than one source; streaming it saves merging it.
int largest_run(const runs::Tiling& tiling) {
    int largest = -1;
    uint64_t rows = 0;
    for (size_t index = 0; index < tiling.runs().size(); ++index) {
        if (tiling.runs()[index]->run().rows <= rows) continue;
        rows = tiling.runs()[index]->run().rows;
        largest = static_cast<int>(index);
    }
    return largest;
}

}  // namespace

/// Reads a section of subkeys beside the groups: both are in key order.
struct ViewScan::SubkeyCursor {
    operators::RowCursorPtr cursor;
    operators::StateRow row;  // valid until the cursor moves
    bool has_row = false;

    Result<void> advance() {
        has_row = TRY(cursor->next(row));
        return {};
    }
};

ViewScan::ViewScan(operators::BoundView view, const StatementLimits& limits)
    : view_(std::move(view)), watch_(limits), merged_(view_.plan->aggregates), held_(limits) {}

ViewScan::~ViewScan() = default;

Result<RowSourcePtr> ViewScan::open(operators::BoundView view, runs::Tiling tiling,
                                    const ViewPiece& piece, const ViewRows& wanted,
                                    uint64_t merged_bytes_max) {
    const StatementLimits& limits = wanted.context.limits;
    std::unique_ptr<ViewScan> scan(new ViewScan(std::move(view), limits));
    const std::vector<plan::Aggregate>& aggregates = scan->view_.plan->aggregates;
    scan->finisher_ =
        std::make_unique<ViewFinisher>(TRY(ViewFinisher::create(scan->view_, wanted)));
    scan->states_.emplace(aggregates, scan->finisher_->wanted_aggregates());
    scan->tiling_ = std::move(tiling);
    const int big = largest_run(scan->tiling_);
    if (TRY(gather(scan->tiling_, piece, big, limits, merged_bytes_max, scan->merged_))) {
        TRY(scan->held_.take(scan->merged_.bytes_used()));
        if (big >= 0 && !piece.range.is_empty) {
            TRY(scan->start(TRY(scan->sections_of(big, piece.range))));
        }
    } else {
        scan->merged_ = GroupTable(aggregates);
        TRY(scan->start(TRY(ordered_sections(scan->tiling_, piece, aggregates, scan->held_))));
    }
    // An aggregate without GROUP BY has a row even when there was no event.
    if (scan->view_.plan->keys.empty() && !scan->streaming_ && scan->merged_.size() == 0 &&
        !piece.range.is_empty) {
        scan->merged_.ensure_group("");
    }
    return RowSourcePtr(std::move(scan));
}

Result<std::vector<operators::RowCursorPtr>> ViewScan::sections_of(int run,
                                                                   const KeyRange& range) const {
    std::vector<operators::RowCursorPtr> sections;
    const uint32_t count = 1 + plan::subkey_sections(view_.plan->aggregates);
    for (uint32_t section = 0; section < count; ++section) {
        sections.push_back(
            TRY(tiling_.runs()[static_cast<size_t>(run)]->scan(section, range.from, range.to)));
    }
    return sections;
}

Result<void> ViewScan::start(std::vector<operators::RowCursorPtr> sections) {
    rows_ = std::move(sections.front());
    for (size_t section = 1; section < sections.size(); ++section) {
        auto cursor = std::make_unique<SubkeyCursor>();
        cursor->cursor = std::move(sections[section]);
        TRY(cursor->advance());
        subkeys_.push_back(std::move(cursor));
    }
    streaming_ = true;
    return {};
}

/// Visits a row that streams by and what its key has under subkeys: all of that is passed.
Result<void> ViewScan::take_row(const operators::StateRow& row,
                                const operators::RowVisitor& visit) {
    TRY(watch_.row());
    TRY(visit(0, row));
    for (uint32_t section = 1; section <= subkeys_.size(); ++section) {
        SubkeyCursor& cursor = *subkeys_[section - 1];
        while (cursor.has_row && cursor.row.key == row.key) {
            TRY(watch_.row());
            TRY(visit(section, cursor.row));
            TRY(cursor.advance());
        }
    }
    return {};
}

Result<size_t> ViewScan::stream_block() {
    const plan::ViewPlan& plan = *view_.plan;
    key_builders_.clear();
    for (const plan::ExprPtr& key : plan.keys) key_builders_.emplace_back(key->type, kBlockRows);
    const operators::RowVisitor merge = [this](uint32_t section, const operators::StateRow& row) {
        return merged_.merge_row(section, row);
    };
    const operators::RowVisitor finish = [this](uint32_t section, const operators::StateRow& row) {
        return states_->add(section, row);
    };
    operators::StateRow row;
    size_t rows = 0;
    size_t bytes = 0;
    while (rows < kBlockRows && bytes < kBlockBytes) {
        if (!TRY(rows_->next(row))) {
            streaming_ = false;
            break;
        }
        if (tiling_.has_expired(row.key)) {
            TRY(take_row(row, [](uint32_t, const operators::StateRow&) { return Result<void>(); }));
            continue;
        }
        if (merged_.find(row.key) != GroupTable::kNoGroup) {
            TRY(take_row(row, merge));
            continue;
        }
        TRY(take_row(row, finish));
        std::string_view left = row.key;
        for (size_t index = 0; index < plan.keys.size(); ++index) {
            TRY(decode_key_value(left, plan.keys[index]->type, key_builders_[index]));
        }
        bytes += row.key.size() + row.state.size();
        ++rows;
    }
    return rows;
}

FinishInput ViewScan::take_block(size_t rows) {
    FinishInput input{.length = rows, .keys = {}, .aggregates = states_->take()};
    for (ColumnBuilder& builder : key_builders_) input.keys.push_back(builder.finish());
    return input;
}

Result<FinishInput> ViewScan::take_merged() {
    FinishInput input;
    size_t bytes = 0;
    while (input.length < kBlockRows && bytes < kBlockBytes &&
           next_group_ + input.length < merged_.size()) {
        const auto group = static_cast<GroupTable::Group>(next_group_ + input.length++);
        bytes += merged_.key_of(group).size();
    }
    std::vector<GroupTable::Group> groups(input.length);
    std::iota(groups.begin(), groups.end(), next_group_);
    next_group_ += static_cast<GroupTable::Group>(input.length);
    input.keys = TRY(operators::decode_keys(merged_, groups, view_.plan->key_schema));
    input.aggregates = finish_wanted(merged_, groups, finisher_->wanted_aggregates());
    return input;
}

/// The next block of groups, finished; false at the end.
Result<bool> ViewScan::next_block(FinishedRows& finished) {
    while (streaming_) {
        const size_t rows = TRY(stream_block());
        if (rows == 0) continue;
        finished = finisher_->finish(take_block(rows));
        return true;
    }
    if (next_group_ == merged_.size()) return false;
    finished = finisher_->finish(TRY(take_merged()));
    return true;
}

Result<bool> ViewScan::next(Batch& batch) {
    while (!failure_) {
        FinishedRows finished;
        if (!TRY(next_block(finished))) return false;
        failure_ = std::move(finished.failure);
        if (finished.rows.length == 0) continue;
        batch = std::move(finished.rows);
        return true;
    }
    return *failure_;
}

namespace {

class ViewPieces final : public RowPieces {
  public:
    ViewPieces(operators::BoundView view, runs::Tiling tiling, ViewRows wanted,
               std::vector<ViewPiece> pieces, uint64_t merged_bytes_max)
        : view_(std::move(view)),
          tiling_(std::move(tiling)),
          wanted_(std::move(wanted)),
          pieces_(std::move(pieces)),
          merged_bytes_max_(merged_bytes_max) {}

    size_t count() const override { return pieces_.size(); }
    Result<RowSourcePtr> next() override {
        const size_t number = next_++;
        if (number >= pieces_.size()) return RowSourcePtr();
        const ViewPiece piece = std::move(pieces_[number]);
        return ViewScan::open(view_, tiling_, piece, wanted_, merged_bytes_max_);
    }

  private:
    const operators::BoundView view_;
    const runs::Tiling tiling_;
    const ViewRows wanted_;
    std::vector<ViewPiece> pieces_;  // each of who has taken it
    const uint64_t merged_bytes_max_;
    std::atomic<size_t> next_ = 0;
};

}  // namespace

Result<RowPiecesPtr> open_view_pieces(operators::BoundView view, runs::Tiling tiling,
                                      const KeyRange& range, ViewRows wanted,
                                      const PieceLimits& limits) {
    const uint32_t sections = plan::subkey_sections(view.plan->aggregates);
    auto pieces = TRY(cut_view(tiling, range, sections, limits));
    return std::make_unique<ViewPieces>(std::move(view), std::move(tiling), std::move(wanted),
                                        std::move(pieces), 4 * limits.merged_bytes_max);
}

}  // namespace braid::read
