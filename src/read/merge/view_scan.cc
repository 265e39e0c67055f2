// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_scan.h"

#include <algorithm>
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
    const auto gather_one = [&](uint32_t index) -> Result<void> {
        if (static_cast<int>(index) == skip_run) return {};
        return gather_run(*tiling.runs()[index], range, set_count, into);
    };
    if (range.is_point) {
        TRY(tiling.base->probes().visit(hash64(range.from), gather_one));
    } else {
        for (uint32_t index = 0; index < tiling.runs().size(); ++index) TRY(gather_one(index));
    }
    for (const runs::TickPtr& tick : tiling.ticks) {
        const GroupTable* table = tick->table(tiling.version());
        if (table == nullptr) {
            return internal_error("a tick lacks view version {}", tiling.version().value);
        }
        TRY(gather_tick(*table, range, into));
    }
    return {};
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
                                    const ViewRows& wanted) {
    std::unique_ptr<ViewScan> scan(new ViewScan(std::move(view)));
    scan->finisher_ =
        std::make_unique<ViewFinisher>(TRY(ViewFinisher::create(scan->view_, wanted)));
    scan->states_.emplace(scan->view_.plan->aggregates, scan->finisher_->wanted_aggregates());
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
    const runs::RunReader& run = *tiling_.runs()[static_cast<size_t>(big_run)];
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
    for (const plan::ExprPtr& key : plan.keys) key_builders_.emplace_back(key->type, kBlockRows);
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
        TRY(states_->add(state, set_sizes));
        std::string_view left = key;
        for (size_t index = 0; index < plan.keys.size(); ++index) {
            TRY(decode_key_value(left, plan.keys[index]->type, key_builders_[index]));
        }
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
    input.length = std::min<size_t>(kBlockRows, merged_.size() - next_group_);
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

Result<void> collect_run(const runs::RunReader& run, std::string_view key, int set_count,
                         std::vector<PointState>& into) {
    PointState point;
    if (!TRY(run.find(key, point.state))) return {};
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
    if (states.size() == 1) {
        std::vector<uint64_t> set_sizes;
        for (const auto& set : states.front().sets) set_sizes.push_back(set.size());
        operators::StateFinisher one(plan.aggregates, finisher.wanted_aggregates());
        TRY(one.add(states.front().state, set_sizes));
        input.aggregates = one.take();
        return given(finisher.finish(std::move(input)));
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
    input.aggregates = finish_wanted(merged, {&only, 1}, finisher.wanted_aggregates());
    return given(finisher.finish(std::move(input)));
}

}  // namespace braid::read
