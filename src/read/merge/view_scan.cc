// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_scan.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/key_codec.h"

namespace braid::read {

namespace {

using operators::GroupTable;

constexpr size_t kBlockRows = 4096;

Result<void> gather_run(const runs::RunReader& run, const KeyRange& range, int set_count,
                        GroupTable& into) {
    std::string_view key;
    std::string_view value;
    auto rows = TRY(run.scan(0, range.from, range.to));
    while (TRY(rows->next(key, value))) TRY(into.merge_state(key, value));
    for (int set = 0; set < set_count; ++set) {
        auto values = TRY(run.scan(static_cast<uint32_t>(set) + 1, range.from, range.to));
        while (TRY(values->next(key, value))) TRY(into.merge_set_value(set, key, value));
    }
    return {};
}

int count_sets(const std::vector<plan::Aggregate>& aggregates) {
    return static_cast<int>(std::ranges::count(aggregates, plan::AggregateKind::kCountDistinct,
                                               &plan::Aggregate::kind));
}

void merge_group(const GroupTable& from, GroupTable::Group group, int set_count, GroupTable& into,
                 Result<void>& outcome) {
    std::string state;
    from.encode_state(group, state);
    const std::string_view key = from.key_of(group);
    outcome = into.merge_state(key, state);
    for (int set = 0; set < set_count && outcome; ++set) {
        from.for_each_set_value(set, group, [&](std::string_view value) {
            if (outcome) outcome = into.merge_set_value(set, key, value);
        });
    }
}

/// The run with most rows, if there is more than one source; streaming it saves merging it.
int largest_run(const runs::Tiling& tiling) {
    int largest = -1;
    uint64_t rows = 0;
    for (size_t index = 0; index < tiling.runs.size(); ++index) {
        if (tiling.runs[index]->run().rows <= rows) continue;
        rows = tiling.runs[index]->run().rows;
        largest = static_cast<int>(index);
    }
    return largest;
}

}  // namespace

Result<void> gather_tick(const GroupTable& tick, const KeyRange& range, GroupTable& into) {
    if (range.from.empty() && range.to.empty()) {
        into.merge(tick);
        return {};
    }
    const int set_count = count_sets(tick.aggregates());
    Result<void> outcome;
    if (range.is_point) {
        const GroupTable::Group group = tick.find(range.from);
        if (group != GroupTable::kNoGroup) merge_group(tick, group, set_count, into, outcome);
        return outcome;
    }
    for (GroupTable::Group group = 0; group < tick.size() && outcome; ++group) {
        if (range.contains(tick.key_of(group))) merge_group(tick, group, set_count, into, outcome);
    }
    return outcome;
}

Result<void> gather(const runs::Tiling& tiling, const KeyRange& range, int skip_run,
                    GroupTable& into) {
    if (range.is_empty) return {};
    const int set_count = count_sets(into.aggregates());
    for (size_t index = 0; index < tiling.runs.size(); ++index) {
        if (static_cast<int>(index) == skip_run) continue;
        TRY(gather_run(*tiling.runs[index], range, set_count, into));
    }
    for (const runs::TickPtr& tick : tiling.ticks) {
        const GroupTable* table = tick->table(tiling.version);
        if (table == nullptr) {
            return internal_error("a tick lacks view version {}", tiling.version.value);
        }
        TRY(gather_tick(*table, range, into));
    }
    return {};
}

Result<ViewFinisher> ViewFinisher::create(const operators::BoundView& view,
                                          std::span<const int> outputs) {
    ViewFinisher finisher;
    const plan::ViewPlan& plan = *view.plan;
    std::vector<plan::ExprPtr> computed;
    for (const int output : outputs) {
        const plan::ExprPtr& expr = plan.outputs[static_cast<size_t>(output)].expr;
        if (expr->kind == plan::Expr::Kind::kColumn) {
            finisher.picks_.push_back(expr->column);
        } else {
            finisher.picks_.push_back(-1 - static_cast<int>(computed.size()));
            computed.push_back(expr);
        }
    }
    finisher.has_having_ = plan.having != nullptr;
    if (plan.having) computed.push_back(plan.having);
    if (!computed.empty()) {
        finisher.program_ = TRY(operators::Program::compile(std::move(computed), view.context));
    }
    return finisher;
}

Result<Batch> ViewFinisher::finish(std::vector<Column> keys, std::vector<Column> aggregates) {
    Batch input;
    input.columns = std::move(keys);
    std::ranges::move(aggregates, std::back_inserter(input.columns));
    input.length = input.columns.empty() ? 1 : input.columns.front().length();
    std::vector<operators::Evaluated> values;
    std::vector<uint32_t> kept(input.length);
    std::iota(kept.begin(), kept.end(), 0U);
    if (program_) {
        values = program_->run(input);
        if (has_having_) {
            const operators::Evaluated& having = values.back();
            if (!having.errors.empty()) return having.errors.front().error;
            std::erase_if(kept, [&](uint32_t row) {
                return having.column.is_null(row) || having.column.at<uint8_t>(row) == 0;
            });
        }
    }
    Batch output;
    output.length = kept.size();
    for (const int pick : picks_) {
        if (pick >= 0) {
            output.columns.push_back(input.columns[static_cast<size_t>(pick)]);
            continue;
        }
        const operators::Evaluated& value = values[static_cast<size_t>(-1 - pick)];
        for (const operators::RowError& error : value.errors) {
            if (std::ranges::binary_search(kept, error.row)) return error.error;
        }
        output.columns.push_back(value.column);
    }
    if (kept.size() == input.length) return output;
    for (Column& column : output.columns) column = column.gather(kept);
    return output;
}

/// Reads a set section beside the main rows: both are in key order.
struct ViewScan::SetCursor {
    std::unique_ptr<runs::RunCursor> cursor;
    std::string key;
    std::string value;
    bool has_row = false;

    Result<void> advance() {
        std::string_view next_key;
        std::string_view next_value;
        has_row = TRY(cursor->next(next_key, next_value));
        if (has_row) {
            key.assign(next_key);
            value.assign(next_value);
        }
        return {};
    }
};

ViewScan::ViewScan(operators::BoundView view)
    : view_(std::move(view)), merged_(view_.plan->aggregates) {}

ViewScan::~ViewScan() = default;

Result<RowSourcePtr> ViewScan::open(operators::BoundView view, runs::Tiling tiling, KeyRange range,
                                    std::vector<int> outputs) {
    std::unique_ptr<ViewScan> scan(new ViewScan(std::move(view)));
    scan->finisher_ =
        std::make_unique<ViewFinisher>(TRY(ViewFinisher::create(scan->view_, outputs)));
    scan->tiling_ = std::move(tiling);
    scan->range_ = std::move(range);
    const int big = largest_run(scan->tiling_);
    TRY(gather(scan->tiling_, scan->range_, big, scan->merged_));
    if (big >= 0 && !scan->range_.is_empty) TRY(scan->start(big));
    // An aggregate without GROUP BY has a row even when there was no event.
    if (scan->view_.plan->keys.empty() && !scan->streaming_ && scan->merged_.size() == 0 &&
        !scan->range_.is_empty) {
        scan->merged_.ensure_group("");
    }
    return RowSourcePtr(std::move(scan));
}

Result<void> ViewScan::start(int big_run) {
    const runs::RunReader& run = *tiling_.runs[static_cast<size_t>(big_run)];
    rows_ = TRY(run.scan(0, range_.from, range_.to));
    for (int set = 0; set < view_.plan->set_count(); ++set) {
        auto cursor = std::make_unique<SetCursor>();
        cursor->cursor = TRY(run.scan(static_cast<uint32_t>(set) + 1, range_.from, range_.to));
        TRY(cursor->advance());
        sets_.push_back(std::move(cursor));
    }
    streaming_ = true;
    return {};
}

/// Values of the big run's set of this key: all of them are passed.
Result<uint64_t> ViewScan::count_set(size_t set, std::string_view key) {
    SetCursor& cursor = *sets_[set];
    uint64_t count = 0;
    while (cursor.has_row && cursor.key == key) {
        ++count;
        TRY(cursor.advance());
    }
    return count;
}

Result<void> ViewScan::merge_big_row(std::string_view key, std::string_view state) {
    TRY(merged_.merge_state(key, state));
    for (size_t set = 0; set < sets_.size(); ++set) {
        SetCursor& cursor = *sets_[set];
        while (cursor.has_row && cursor.key == key) {
            TRY(merged_.merge_set_value(static_cast<int>(set), key, cursor.value));
            TRY(cursor.advance());
        }
    }
    return {};
}

Result<size_t> ViewScan::stream_block() {
    const plan::ViewPlan& plan = *view_.plan;
    key_builders_.clear();
    aggregate_builders_.clear();
    for (const plan::ExprPtr& key : plan.keys) key_builders_.emplace_back(key->type, kBlockRows);
    for (const auto& each : plan.aggregates)
        aggregate_builders_.emplace_back(each.result_type, kBlockRows);
    std::vector<uint64_t> set_sizes(sets_.size());
    std::string_view key;
    std::string_view state;
    size_t rows = 0;
    while (rows < kBlockRows) {
        if (!TRY(rows_->next(key, state))) {
            streaming_ = false;
            break;
        }
        if (merged_.find(key) != GroupTable::kNoGroup) {
            TRY(merge_big_row(key, state));
            continue;
        }
        for (size_t set = 0; set < sets_.size(); ++set) set_sizes[set] = TRY(count_set(set, key));
        TRY(operators::finish_state(plan.aggregates, state, set_sizes, aggregate_builders_));
        std::string_view left = key;
        for (size_t index = 0; index < plan.keys.size(); ++index) {
            TRY(decode_key_value(left, plan.keys[index]->type, key_builders_[index]));
        }
        ++rows;
    }
    return rows;
}

Result<Batch> ViewScan::take_block() {
    std::vector<Column> keys;
    std::vector<Column> aggregates;
    for (ColumnBuilder& builder : key_builders_) keys.push_back(builder.finish());
    for (ColumnBuilder& builder : aggregate_builders_) aggregates.push_back(builder.finish());
    return finisher_->finish(std::move(keys), std::move(aggregates));
}

Result<bool> ViewScan::next_merged(Batch& batch) {
    while (next_group_ < merged_.size()) {
        const auto count = std::min<size_t>(kBlockRows, merged_.size() - next_group_);
        std::vector<GroupTable::Group> groups(count);
        std::iota(groups.begin(), groups.end(), next_group_);
        next_group_ += static_cast<GroupTable::Group>(count);
        std::vector<Column> keys =
            TRY(operators::decode_keys(merged_, groups, view_.plan->key_schema));
        std::vector<Column> aggregates;
        for (size_t index = 0; index < view_.plan->aggregates.size(); ++index) {
            aggregates.push_back(TRY(merged_.finish(static_cast<int>(index), groups)));
        }
        Batch finished = TRY(finisher_->finish(std::move(keys), std::move(aggregates)));
        if (finished.length == 0) continue;
        batch = std::move(finished);
        return true;
    }
    return false;
}

Result<bool> ViewScan::next(Batch& batch) {
    while (streaming_) {
        if (TRY(stream_block()) == 0) continue;
        Batch finished = TRY(take_block());
        if (finished.length == 0) continue;
        batch = std::move(finished);
        return true;
    }
    return next_merged(batch);
}

Result<void> collect_run(const runs::RunReader& run, std::string_view key, int set_count,
                         std::vector<PointState>& into) {
    const auto state = TRY(run.find(key));
    if (!state) return {};
    PointState point;
    point.state.assign(*state);
    point.sets.resize(static_cast<size_t>(set_count));
    for (int set = 0; set < set_count; ++set) {
        TRY(run.find_set(set, key, [&](std::string_view value) {
            point.sets[static_cast<size_t>(set)].emplace_back(value);
        }));
    }
    into.push_back(std::move(point));
    return {};
}

void collect_tick(const GroupTable& tick, std::string_view key, int set_count,
                  std::vector<PointState>& into) {
    const GroupTable::Group group = tick.find(key);
    if (group == GroupTable::kNoGroup) return;
    PointState point;
    tick.encode_state(group, point.state);
    point.sets.resize(static_cast<size_t>(set_count));
    for (int set = 0; set < set_count; ++set) {
        tick.for_each_set_value(set, group, [&](std::string_view value) {
            point.sets[static_cast<size_t>(set)].emplace_back(value);
        });
    }
    into.push_back(std::move(point));
}

Result<Batch> finish_point(const operators::BoundView& view, std::string_view key,
                           const std::vector<PointState>& states, ViewFinisher& finisher) {
    CHECK(!states.empty());
    const plan::ViewPlan& plan = *view.plan;
    std::vector<Column> keys;
    std::string_view left = key;
    for (const plan::ExprPtr& expr : plan.keys) {
        ColumnBuilder builder(expr->type, 1);
        TRY(decode_key_value(left, expr->type, builder));
        keys.push_back(builder.finish());
    }
    std::vector<Column> aggregates;
    if (states.size() == 1) {
        std::vector<ColumnBuilder> builders;
        for (const auto& each : plan.aggregates) builders.emplace_back(each.result_type, 1);
        std::vector<uint64_t> set_sizes;
        for (const auto& set : states.front().sets) set_sizes.push_back(set.size());
        TRY(operators::finish_state(plan.aggregates, states.front().state, set_sizes, builders));
        for (ColumnBuilder& builder : builders) aggregates.push_back(builder.finish());
        return finisher.finish(std::move(keys), std::move(aggregates));
    }
    GroupTable merged(plan.aggregates);
    for (const PointState& point : states) {
        TRY(merged.merge_state(key, point.state));
        for (size_t set = 0; set < point.sets.size(); ++set) {
            for (const std::string& value : point.sets[set]) {
                TRY(merged.merge_set_value(static_cast<int>(set), key, value));
            }
        }
    }
    const GroupTable::Group only = 0;
    for (size_t index = 0; index < plan.aggregates.size(); ++index) {
        aggregates.push_back(TRY(merged.finish(static_cast<int>(index), std::span(&only, 1))));
    }
    return finisher.finish(std::move(keys), std::move(aggregates));
}

}  // namespace braid::read
