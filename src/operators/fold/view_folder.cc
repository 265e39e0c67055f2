// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/view_folder.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <ranges>

#include "base/check.h"

namespace braid::operators {

namespace {

bool same_context(const EvaluationContext& left, const EvaluationContext& right) {
    const std::string left_zone = left.format.zone ? left.format.zone->name() : "";
    const std::string right_zone = right.format.zone ? right.format.zone->name() : "";
    return left_zone == right_zone && left.enrich == right.enrich;
}

/// Slices with fewer rows are not worth numbering.
constexpr size_t kNumberedRowsMin = 256;
/// Numbering rows pays where it leaves at most so many keys of a hundred rows.
constexpr size_t kKeysPercentMax = 80;
constexpr int kSlicesToSkip = 15;

/// The event of a row of the slice: nothing else here knows how rows and offsets go together.
EventId event_of(const DecodedSlice& slice, uint32_t row) {
    return {slice.partition, slice.offsets[row]};
}

/// The distinct expressions of views.
class ExprList {
  public:
    int add(const plan::ExprPtr& expr) {
        if (!expr) return -1;
        const auto index = static_cast<int>(exprs_.size());
        const auto [known, is_new] = index_.emplace(plan::fingerprint(*expr), index);
        if (is_new) exprs_.push_back(expr);
        return known->second;
    }
    std::vector<plan::ExprPtr> take() { return std::move(exprs_); }

  private:
    std::vector<plan::ExprPtr> exprs_;
    std::map<std::string, int> index_;
};

bool may_fail(const plan::Expr& expr) {
    return expr.kind == plan::Expr::Kind::kCall ||
           std::ranges::any_of(expr.arguments,
                               [](const plan::ExprPtr& each) { return may_fail(*each); });
}

/// What an aggregate takes in: FILTER guards the argument, as CASE would. A row that it leaves out
/// gives NULL, which no aggregate with an argument counts.
plan::ExprPtr guarded_argument(const plan::Aggregate& aggregate, const plan::ExprPtr& argument) {
    if (!aggregate.filter || !may_fail(*argument)) return argument;
    return plan::make(plan::Expr::Kind::kCase, argument->type,
                      {aggregate.filter, argument, plan::constant(Datum::null(argument->type))});
}

/// Rows of a boolean column that are true and lie in `rows`, which shrinks to them.
void keep_true(const Column& condition, std::vector<uint32_t>& rows) {
    if (condition.encoding() == Column::Encoding::kFlat) {
        const auto values = condition.values<uint8_t>();
        const auto validity = condition.validity();
        size_t kept = 0;
        for (const uint32_t row : rows) {
            rows[kept] = row;
            kept +=
                static_cast<size_t>(values[row] != 0 && (validity.empty() || validity[row] != 0));
        }
        rows.resize(kept);
        return;
    }
    std::erase_if(rows, [&](uint32_t row) {
        return condition.is_null(row) || condition.at<uint8_t>(row) == 0;
    });
}

}  // namespace

Result<plan::ViewPlanPtr> BoundViews::plan_of(VersionId version) {
    return TRY(view_of(version)).plan;
}

Result<std::unique_ptr<ViewFolder>> ViewFolder::create(std::vector<BoundView> views) {
    std::unique_ptr<ViewFolder> folder(new ViewFolder());
    folder->views_ = std::move(views);
    folder->layouts_.resize(folder->views_.size());
    std::vector<size_t> left(folder->views_.size());
    std::iota(left.begin(), left.end(), size_t{0});
    while (!left.empty()) {
        const EvaluationContext& first = folder->views_[left.front()].context;
        const auto middle = std::ranges::stable_partition(left, [&](size_t view) {
                                return same_context(first, folder->views_[view].context);
                            }).begin();
        TRY(folder->add_group(std::vector<size_t>(left.begin(), middle)));
        left.erase(left.begin(), middle);
    }
    return folder;
}

Result<void> ViewFolder::add_group(std::vector<size_t> views) {
    ExprList exprs;
    Group group;
    std::vector<int> filters;  // by selection
    for (const size_t view : views) {
        const plan::ViewPlan& plan = *views_[view].plan;
        Layout& layout = layouts_[view];
        layout.filter = exprs.add(plan.filter);
        for (const plan::ExprPtr& key : plan.keys) layout.keys.push_back(exprs.add(key));
        for (const plan::Aggregate& aggregate : plan.aggregates) {
            std::vector<int>& arguments = layout.arguments.emplace_back();
            for (const plan::ExprPtr& argument : aggregate.arguments) {
                arguments.push_back(exprs.add(guarded_argument(aggregate, argument)));
            }
            layout.filters.push_back(exprs.add(aggregate.filter));
        }
        const auto same = std::ranges::find(filters, layout.filter);
        layout.selection = static_cast<size_t>(same - filters.begin());
        if (same == filters.end()) filters.push_back(layout.filter);
    }
    group.program = TRY(Program::compile(exprs.take(), views_[views.front()].context));
    group.views = std::move(views);
    group.selections.resize(filters.size());
    plan_keys(group);
    groups_.push_back(std::move(group));
    return {};
}

/// Columns next to each other that several views have become one part.
void ViewFolder::plan_keys(Group& group) {
    std::map<int, int> views_of_expr;
    for (const size_t view : group.views) {
        for (const int key : layouts_[view].keys) ++views_of_expr[key];
    }
    for (const size_t view : group.views) {
        Layout& layout = layouts_[view];
        const std::span<const int> keys = layout.keys;
        for (size_t from = 0; from < keys.size();) {
            const auto is_shared = [&](size_t key) { return views_of_expr[keys[key]] > 1; };
            size_t to = from + 1;
            while (to < keys.size() && is_shared(to) == is_shared(from)) ++to;
            const int part = group.nodes.add(keys.subspan(from, to - from));
            group.nodes.count_view(part);
            layout.whole = from == 0 ? part : group.nodes.join(layout.whole, part);
            layout.parts.push_back(part);
            from = to;
        }
    }
    for (const size_t view : group.views) {
        Layout& layout = layouts_[view];
        layout.has_shared_part = std::ranges::any_of(
            layout.parts, [&](int part) { return group.nodes.is_shared(part); });
    }
}

std::vector<bool> ViewFolder::wanted(size_t input_columns) const {
    std::vector<bool> wanted(input_columns, false);
    for (const Group& group : groups_) {
        for (const int column : group.program->columns())
            wanted[static_cast<size_t>(column)] = true;
    }
    return wanted;
}

void ViewFolder::fold(const DecodedSlice& slice, std::span<const FoldTarget> targets,
                      const ErrorSink& sink) {
    CHECK_EQ(targets.size(), views_.size());
    const bool all_good = slice.good.size() == slice.batch.length;
    for (Group& group : groups_) {
        const std::vector<Evaluated> values = all_good
                                                  ? group.program->run(slice.batch)
                                                  : group.program->run(slice.batch, slice.good);
        group.is_selected.assign(group.selections.size(), false);
        for (const size_t view : group.views) {
            targets[view].account->quarantined += slice.bad.size();
            fold_view(view, group, {slice, values, sink}, targets[view]);
        }
    }
}

bool ViewFolder::has_errors(size_t view, const Slice& slice) const {
    const Layout& layout = layouts_[view];
    const auto fails = [&](int index) {
        return index >= 0 && !slice.values[static_cast<size_t>(index)].errors.empty();
    };
    return fails(layout.filter) || std::ranges::any_of(layout.keys, fails) ||
           std::ranges::any_of(layout.filters, fails) ||
           std::ranges::any_of(layout.arguments | std::views::join, fails);
}

void ViewFolder::quarantine(size_t view, const Evaluated& evaluated, const Slice& slice,
                            const FoldTarget& target) {
    if (evaluated.errors.empty()) return;
    auto error = evaluated.errors.begin();
    const size_t failed = std::erase_if(own_.rows, [&](uint32_t row) {
        while (error != evaluated.errors.end() && error->row < row) ++error;
        if (error == evaluated.errors.end() || error->row != row) return false;
        const uint32_t place = slice.decoded.good[row];
        const EventId event = event_of(slice.decoded, place);
        if (target.failed != nullptr) target.failed->add(event, error->error.message());
        if (slice.sink) slice.sink(view, place, error->error);
        return true;
    });
    target.account->quarantined += failed;
    target.account->failed += failed;
}

void ViewFolder::select_slowly(size_t view, const Slice& slice, const FoldTarget& target) {
    const Layout& layout = layouts_[view];
    const auto check = [&](int index) {
        if (index >= 0) quarantine(view, slice.values[static_cast<size_t>(index)], slice, target);
    };
    if (layout.filter >= 0) {
        check(layout.filter);
        const size_t before = own_.rows.size();
        keep_true(slice.values[static_cast<size_t>(layout.filter)].column, own_.rows);
        own_.filtered = before - own_.rows.size();
    }
    // Only rows that passed the filter are asked for the rest, as SQL would.
    for (const int key : layout.keys) check(key);
    for (const int filter : layout.filters) check(filter);
    for (const int argument : layout.arguments | std::views::join) check(argument);
}

Selection& ViewFolder::select(size_t view, Group& group, const Slice& slice,
                              const FoldTarget& target) {
    const Layout& layout = layouts_[view];
    const bool has_errors = this->has_errors(view, slice);
    const size_t good_rows = slice.decoded.good.size();
    Selection& selection = has_errors ? own_ : group.selections[layout.selection];
    if (has_errors || !group.is_selected[layout.selection]) {
        selection.start(slice.values, group.nodes, numberer_);
        selection.rows.resize(good_rows);
        std::iota(selection.rows.begin(), selection.rows.end(), 0U);
        if (has_errors) {
            select_slowly(view, slice, target);
        } else {
            group.is_selected[layout.selection] = true;
            if (layout.filter >= 0) {
                keep_true(slice.values[static_cast<size_t>(layout.filter)].column, selection.rows);
            }
            selection.filtered = good_rows - selection.rows.size();
        }
    }
    target.account->filtered += selection.filtered;
    target.account->counted += selection.rows.size();
    return target.floor == nullptr ? selection
                                   : drop_expired(view, group, slice, target, selection);
}

/// Views with the same filter share a selection, but not what has expired.
Selection& ViewFolder::drop_expired(size_t view, Group& group, const Slice& slice,
                                    const FoldTarget& target, Selection& selection) {
    const auto key = static_cast<size_t>(layouts_[view].keys[target.floor->key()]);
    const Column& times = slice.values[key].column;
    const auto has_expired = [&](uint32_t row) { return target.floor->has_expired(times, row); };
    if (std::ranges::none_of(selection.rows, has_expired)) return selection;
    if (&selection != &own_) {
        own_.start(slice.values, group.nodes, numberer_);
        own_.rows = selection.rows;
    }
    const size_t expired = std::erase_if(own_.rows, has_expired);
    target.account->counted -= expired;
    target.account->expired += expired;
    return own_;
}

const RowNumbers* ViewFolder::number_keys(Layout& layout, const Slice& slice,
                                          Selection& selection) {
    const size_t rows = selection.rows.size();
    if (rows < kNumberedRowsMin) return nullptr;
    if (layout.slices_to_skip > 0) {
        --layout.slices_to_skip;
        return nullptr;
    }
    const RowNumbers* numbers = nullptr;
    if (layout.has_shared_part) {
        numbers = &selection.numbers(layout.whole);
    } else if (layout.keys.size() == 1) {
        // What numbering other keys costs, only sharing it brings in.
        const Column& key = slice.values[static_cast<size_t>(layout.keys.front())].column;
        if (numberer_.number_if_cheap(key, selection.rows, key_numbers_)) numbers = &key_numbers_;
    }
    if (numbers != nullptr && numbers->count() * 100 <= rows * kKeysPercentMax) return numbers;
    layout.slices_to_skip = kSlicesToSkip;
    return nullptr;
}

void ViewFolder::encode(const Layout& layout, const Group& group, const Slice& slice,
                        Selection& selection, const RowNumbers* numbers) {
    const auto encode_rows = [&](std::span<const int> exprs, EncodedKeys& out) {
        std::vector<Column> columns;
        for (const int expr : exprs) {
            columns.push_back(slice.values[static_cast<size_t>(expr)].column);
        }
        if (numbers == nullptr) return encode_keys(columns, selection.rows, out);
        key_rows_.clear();
        for (const uint32_t place : numbers->firsts) key_rows_.push_back(selection.rows[place]);
        encode_keys(columns, key_rows_, out);
    };
    if (!layout.has_shared_part || selection.rows.size() < kNumberedRowsMin) {
        return encode_rows(layout.keys, keys_);
    }
    part_keys_.resize(layout.parts.size());
    parts_.clear();
    for (size_t part = 0; part < layout.parts.size(); ++part) {
        const int node = layout.parts[part];
        if (group.nodes.is_shared(node)) {
            const EncodedKeys& encoded = selection.encoded(node);
            parts_.push_back({&encoded, selection.numbers(node).of_row.data(),
                              numbers == nullptr ? nullptr : numbers->firsts.data()});
        } else {
            encode_rows(group.nodes.exprs_of(node), part_keys_[part]);
            pad_part(part_keys_[part]);
            parts_.push_back({&part_keys_[part], nullptr, nullptr});
        }
    }
    join_keys(parts_, numbers == nullptr ? selection.rows.size() : numbers->count(), keys_);
}

void ViewFolder::fold_view(size_t view, Group& group, const Slice& slice,
                           const FoldTarget& target) {
    Selection& selection = select(view, group, slice, target);
    if (selection.rows.empty()) return;
    Layout& layout = layouts_[view];
    const RowNumbers* numbers = number_keys(layout, slice, selection);
    encode(layout, group, slice, selection, numbers);
    std::vector<AggregateInput> inputs(layout.arguments.size());
    for (size_t index = 0; index < inputs.size(); ++index) {
        for (const int argument : layout.arguments[index]) {
            inputs[index].arguments.push_back(selection.column(argument));
        }
        if (layout.filters[index] >= 0) {
            inputs[index].filter = selection.column(layout.filters[index]);
        }
    }
    EventPlaces events{slice.decoded.partition, {}};
    const bool needs_places = target.table->needs_places();
    if (needs_places) {
        offsets_.clear();
        for (const uint32_t row : selection.rows) {
            offsets_.push_back(event_of(slice.decoded, slice.decoded.good[row]).offset);
        }
        events.offsets = offsets_;
    }
    const EventPlaces* given = needs_places ? &events : nullptr;
    if (target.shards != nullptr) {
        const std::span<const uint32_t> places =
            numbers == nullptr ? std::span<const uint32_t>() : numbers->of_row;
        shard_splitter_.split(keys_, places, inputs, given, *target.shards);
    } else if (numbers == nullptr) {
        target.table->fold(keys_, inputs, given);
    } else {
        target.table->fold(keys_, numbers->of_row, inputs, given);
    }
}

}  // namespace braid::operators
