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

Result<void> gather_run(const runs::Tiling& tiling, const runs::RunReader& run,
                        const KeyRange& range, RowWatch& watch, GroupTable& into) {
    operators::StateRow row;
    for (uint32_t section = 0; section <= plan::subkey_sections(into.aggregates()); ++section) {
        const auto rows = TRY(run.scan(section, range.from, range.to));
        while (TRY(rows->next(row))) {
            TRY(watch.row());
            if (tiling.has_expired(row.key)) continue;
            TRY(into.merge_row(section, row));
        }
    }
    return {};
}

Result<void> gather_tick(const runs::Tiling& tiling, const ViewPiece& piece, size_t number,
                         const GroupTable& table, GroupTable& into) {
    const KeyRange& range = piece.range;
    if (range.from.empty() && range.to.empty() && !tiling.floor) {
        into.merge(table);
        return {};
    }
    if (range.is_point) {
        const GroupTable::Group group = table.find(range.from);
        const bool is_there = group != GroupTable::kNoGroup && !tiling.has_expired(range.from);
        if (is_there) into.merge(table, {&group, 1});
        return {};
    }
    into.merge(table, groups_in(tiling, piece, number, table));
    return {};
}

/// By aggregate; nothing where not wanted.
std::vector<operators::Evaluated> finish_wanted(const GroupTable& table,
                                                std::span<const GroupTable::Group> groups,
                                                const std::vector<bool>& wanted) {
    std::vector<operators::Evaluated> finished(wanted.size());
    for (size_t index = 0; index < wanted.size(); ++index) {
        if (wanted[index]) finished[index] = table.finish(static_cast<int>(index), groups);
    }
    return finished;
}

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

std::vector<GroupTable::Group> groups_in(const runs::Tiling& tiling, const ViewPiece& piece,
                                         size_t number, const GroupTable& table) {
    std::vector<GroupTable::Group> groups;
    if (!piece.groups.empty()) {
        groups = piece.groups[number];
    } else {
        for (GroupTable::Group group = 0; group < table.size(); ++group) {
            if (piece.range.contains(table.key_of(group))) groups.push_back(group);
        }
    }
    if (tiling.floor) {
        std::erase_if(groups, [&](auto group) { return tiling.has_expired(table.key_of(group)); });
    }
    return groups;
}

Result<void> gather(const runs::Tiling& tiling, const ViewPiece& piece, int skip_run,
                    const StatementLimits& limits, GroupTable& into) {
    const KeyRange& range = piece.range;
    if (range.is_empty) return {};
    RowWatch watch(limits);
    const auto gather_one = [&](uint32_t index) -> Result<void> {
        if (static_cast<int>(index) == skip_run) return {};
        return gather_run(tiling, *tiling.runs()[index], range, watch, into);
    };
    if (range.is_point) {
        TRY(tiling.base->probes().visit(hash64(range.from), gather_one));
    } else {
        for (uint32_t index = 0; index < tiling.runs().size(); ++index) TRY(gather_one(index));
    }
    return visit_tick_tables(tiling, [&](size_t number, const GroupTable& table) -> Result<void> {
        TRY(limits.check());
        return gather_tick(tiling, piece, number, table, into);
    });
}

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
                                    const ViewPiece& piece, const ViewRows& wanted) {
    std::unique_ptr<ViewScan> scan(new ViewScan(std::move(view), wanted.context.limits));
    scan->finisher_ =
        std::make_unique<ViewFinisher>(TRY(ViewFinisher::create(scan->view_, wanted)));
    scan->states_.emplace(scan->view_.plan->aggregates, scan->finisher_->wanted_aggregates());
    scan->tiling_ = std::move(tiling);
    const int big = largest_run(scan->tiling_);
    TRY(gather(scan->tiling_, piece, big, wanted.context.limits, scan->merged_));
    TRY(scan->held_.take(scan->merged_.bytes_used()));
    if (big >= 0 && !piece.range.is_empty) TRY(scan->start(big, piece.range));
    // An aggregate without GROUP BY has a row even when there was no event.
    if (scan->view_.plan->keys.empty() && !scan->streaming_ && scan->merged_.size() == 0 &&
        !piece.range.is_empty) {
        scan->merged_.ensure_group("");
    }
    return RowSourcePtr(std::move(scan));
}

Result<void> ViewScan::start(int big_run, const KeyRange& range) {
    const runs::RunReader& run = *tiling_.runs()[static_cast<size_t>(big_run)];
    rows_ = TRY(run.scan(0, range.from, range.to));
    const uint32_t sections = plan::subkey_sections(view_.plan->aggregates);
    for (uint32_t section = 1; section <= sections; ++section) {
        auto cursor = std::make_unique<SubkeyCursor>();
        cursor->cursor = TRY(run.scan(section, range.from, range.to));
        TRY(cursor->advance());
        subkeys_.push_back(std::move(cursor));
    }
    streaming_ = true;
    return {};
}

/// Visits a row of the big run and what its key has under subkeys: all of that is passed.
Result<void> ViewScan::take_big_row(const operators::StateRow& row,
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
            TRY(take_big_row(row,
                             [](uint32_t, const operators::StateRow&) { return Result<void>(); }));
            continue;
        }
        if (merged_.find(row.key) != GroupTable::kNoGroup) {
            TRY(take_big_row(row, merge));
            continue;
        }
        TRY(take_big_row(row, finish));
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
               std::vector<ViewPiece> pieces)
        : view_(std::move(view)),
          tiling_(std::move(tiling)),
          wanted_(std::move(wanted)),
          pieces_(std::move(pieces)) {}

    size_t count() const override { return pieces_.size(); }
    Result<RowSourcePtr> next() override {
        const size_t number = next_++;
        if (number >= pieces_.size()) return RowSourcePtr();
        const ViewPiece piece = std::move(pieces_[number]);
        return ViewScan::open(view_, tiling_, piece, wanted_);
    }

  private:
    const operators::BoundView view_;
    const runs::Tiling tiling_;
    const ViewRows wanted_;
    std::vector<ViewPiece> pieces_;  // each of who has taken it
    std::atomic<size_t> next_ = 0;
};

}  // namespace

Result<RowPiecesPtr> open_view_pieces(operators::BoundView view, runs::Tiling tiling,
                                      const KeyRange& range, ViewRows wanted,
                                      const PieceLimits& limits) {
    const uint32_t sections = plan::subkey_sections(view.plan->aggregates);
    auto pieces = TRY(cut_view(tiling, range, sections, limits));
    return std::make_unique<ViewPieces>(std::move(view), std::move(tiling), std::move(wanted),
                                        std::move(pieces));
}

Result<void> collect_run(const runs::RunReader& run, std::string_view key, uint32_t sections,
                         std::vector<PointRows>& into) {
    std::string state;
    if (!TRY(run.find(key, state))) return {};
    PointRows& rows = into.emplace_back();
    rows.add(0, {.key = key, .subkey = {}, .state = state});
    const operators::RowVisitor add = [&](uint32_t section,
                                          const operators::StateRow& row) -> Result<void> {
        rows.add(section, row);
        return {};
    };
    for (uint32_t section = 1; section <= sections; ++section) {
        TRY(run.find_rows(section, key, add));
    }
    return {};
}

void collect_tick(const GroupTable& tick, std::string_view key, std::vector<PointRows>& into) {
    const GroupTable::Group group = tick.find(key);
    if (group == GroupTable::kNoGroup) return;
    PointRows& rows = into.emplace_back();
    const Result<void> added = tick.visit_rows_of(
        {&group, 1}, [&](uint32_t section, const operators::StateRow& row) -> Result<void> {
            rows.add(section, row);
            return {};
        });
    CHECK(added.has_value());
}

Result<Batch> finish_point(const operators::BoundView& view, std::string_view key,
                           const std::vector<PointRows>& sources, ViewFinisher& finisher) {
    CHECK(!sources.empty());
    const plan::ViewPlan& plan = *view.plan;
    FinishInput input;
    input.length = 1;
    std::string_view left = key;
    for (const plan::ExprPtr& expr : plan.keys) {
        ColumnBuilder builder(expr->type, 1);
        TRY(decode_key_value(left, expr->type, builder));
        input.keys.push_back(builder.finish());
    }
    const auto given = [](FinishedRows finished) -> Result<Batch> {
        if (finished.failure) return *std::move(finished.failure);
        return std::move(finished.rows);
    };
    if (sources.size() == 1) {
        operators::StateFinisher one(plan.aggregates, finisher.wanted_aggregates());
        TRY(sources.front().visit(key, [&](uint32_t section, const operators::StateRow& row) {
            return one.add(section, row);
        }));
        input.aggregates = one.take();
        return given(finisher.finish(std::move(input)));
    }
    GroupTable merged(plan.aggregates);
    for (const PointRows& rows : sources) {
        TRY(rows.visit(key, [&](uint32_t section, const operators::StateRow& row) {
            return merged.merge_row(section, row);
        }));
    }
    const GroupTable::Group only = 0;
    input.aggregates = finish_wanted(merged, {&only, 1}, finisher.wanted_aggregates());
    return given(finisher.finish(std::move(input)));
}

}  // namespace braid::read
