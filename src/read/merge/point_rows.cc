// SPDX-License-Identifier: Apache-2.0
#include "read/merge/point_rows.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/key_codec.h"
#include "operators/aggregate/state_finisher.h"
#include "plan/view_plan.h"
#include "read/merge/view_scan.h"

namespace braid::read {

using operators::GroupTable;

namespace {

constexpr size_t kKeptBytesMax = 4096;

}  // namespace

bool PointRows::add(uint32_t section, const operators::StateRow& row) {
    if (++rows_ > kRowsMax) {
        give_up();
        return false;
    }
    bytes_ += row.subkey.size() + row.state.size();
    sources_.back().push_back({section, std::string(row.subkey), std::string(row.state)});
    return true;
}

void PointRows::give_up() {
    is_too_much_ = true;
    sources_ = {};
}

Result<void> PointRows::add_run(const runs::RunReader& run, uint32_t sections) {
    std::string state;
    if (is_too_much_ || !TRY(run.find(key_, state))) return {};
    sources_.emplace_back();
    if (!add(0, {.key = key_, .subkey = {}, .state = state})) return {};
    for (uint32_t section = 1; section <= sections; ++section) {
        Result<void> all = run.find_rows(
            section, key_, [&](uint32_t of, const operators::StateRow& row) -> Result<void> {
                if (!add(of, row)) return exhausted("more rows of a key than are kept");
                return {};
            });
        if (is_too_much_) return {};
        TRY(std::move(all));
    }
    return {};
}

void PointRows::add_tick(const GroupTable& tick) {
    const GroupTable::Group group = tick.find(key_);
    if (is_too_much_ || group == GroupTable::kNoGroup) return;
    size_t rows = rows_ + 1;
    for (uint32_t section = 1; section <= plan::subkey_sections(tick.aggregates()); ++section) {
        rows += tick.subkey_count(section, group);
    }
    if (rows > kRowsMax) return give_up();
    sources_.emplace_back();
    const Result<void> added = tick.visit_rows_of(
        {&group, 1}, [&](uint32_t section, const operators::StateRow& row) -> Result<void> {
            CHECK(add(section, row));
            return {};
        });
    CHECK(added.has_value());
}

Result<void> PointRows::visit(const Source& source, const operators::RowVisitor& visit) const {
    for (const Row& row : source) {
        TRY(visit(row.section, {.key = key_, .subkey = row.subkey, .state = row.state}));
    }
    return {};
}

Result<Batch> PointRows::finish(const operators::BoundView& view, ViewFinisher& finisher) const {
    CHECK(!sources_.empty());
    const plan::ViewPlan& plan = *view.plan;
    FinishInput input;
    input.length = 1;
    std::string_view left = key_;
    for (const plan::ExprPtr& expr : plan.keys) {
        ColumnBuilder builder(expr->type, 1);
        TRY(decode_key_value(left, expr->type, builder));
        input.keys.push_back(builder.finish());
    }
    if (sources_.size() == 1) {
        std::unique_ptr<operators::StateFinisher> one = finisher.take_states();
        TRY(visit(sources_.front(), [&](uint32_t section, const operators::StateRow& row) {
            return one->add(section, row);
        }));
        input.aggregates = one->take();
        // It holds on to the memory of what it has finished last.
        if (bytes_ <= kKeptBytesMax) finisher.keep_states(std::move(one));
    } else {
        GroupTable merged(plan.aggregates);
        for (const Source& source : sources_) {
            TRY(visit(source, [&](uint32_t section, const operators::StateRow& row) {
                return merged.merge_row(section, row);
            }));
        }
        const GroupTable::Group only = 0;
        input.aggregates = finish_wanted(merged, {&only, 1}, finisher.wanted_aggregates());
    }
    FinishedRows finished = finisher.finish(std::move(input));
    if (finished.failure) return *std::move(finished.failure);
    return std::move(finished.rows);
}

Result<Batch> read_point(const operators::BoundView& view, const runs::Tiling& tiling,
                         const std::string& key, const ViewRows& wanted) {
    ViewPiece piece;
    piece.range.from = key;
    piece.range.to = key + '\0';
    piece.range.is_point = true;
    const RowSourcePtr rows = TRY(ViewScan::open(view, tiling, piece, wanted));
    Batch batch;
    if (!TRY(rows->next(batch))) return Batch();
    return batch;
}

}  // namespace braid::read
