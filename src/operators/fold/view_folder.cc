// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/view_folder.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace braid::operators {

namespace {

bool same_context(const EvaluationContext& left, const EvaluationContext& right) {
    const std::string left_zone = left.format.zone ? left.format.zone->name() : "";
    const std::string right_zone = right.format.zone ? right.format.zone->name() : "";
    return left_zone == right_zone && left.enrich == right.enrich;
}

int add_expr(const plan::ExprPtr& expr, std::vector<plan::ExprPtr>& exprs) {
    if (!expr) return -1;
    exprs.push_back(expr);
    return static_cast<int>(exprs.size()) - 1;
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
    std::vector<plan::ExprPtr> exprs;
    for (const size_t view : views) {
        const plan::ViewPlan& plan = *views_[view].plan;
        Layout& layout = layouts_[view];
        layout.filter = add_expr(plan.filter, exprs);
        for (const plan::ExprPtr& key : plan.keys) layout.keys.push_back(add_expr(key, exprs));
        for (const plan::Aggregate& aggregate : plan.aggregates) {
            layout.arguments.push_back(add_expr(aggregate.argument, exprs));
            layout.filters.push_back(add_expr(aggregate.filter, exprs));
        }
    }
    Group group;
    group.program = TRY(Program::compile(std::move(exprs), views_[views.front()].context));
    group.views = std::move(views);
    groups_.push_back(std::move(group));
    return {};
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
        for (const size_t view : group.views) {
            targets[view].account->quarantined += slice.bad.size();
            fold_view(view, values, slice.good, targets[view], sink);
        }
    }
}

void ViewFolder::quarantine(size_t view, const Evaluated& evaluated, std::span<const uint32_t> good,
                            FoldAccount& account, const ErrorSink& sink) {
    if (evaluated.errors.empty()) return;
    auto error = evaluated.errors.begin();
    account.quarantined += std::erase_if(rows_, [&](uint32_t row) {
        while (error != evaluated.errors.end() && error->row < row) ++error;
        if (error == evaluated.errors.end() || error->row != row) return false;
        if (sink) sink(view, good[row], error->error);
        return true;
    });
}

void ViewFolder::choose_rows(size_t view, const std::vector<Evaluated>& values,
                             std::span<const uint32_t> good, FoldAccount& account,
                             const ErrorSink& sink) {
    const Layout& layout = layouts_[view];
    rows_.resize(good.size());
    std::iota(rows_.begin(), rows_.end(), 0U);
    const auto check = [&](int index) {
        if (index >= 0) quarantine(view, values[static_cast<size_t>(index)], good, account, sink);
    };
    if (layout.filter >= 0) {
        check(layout.filter);
        const size_t before = rows_.size();
        keep_true(values[static_cast<size_t>(layout.filter)].column, rows_);
        account.filtered += before - rows_.size();
    }
    // Only rows that passed the filter are asked for the rest, as SQL would.
    for (const int key : layout.keys) check(key);
    for (const int filter : layout.filters) check(filter);
    for (const int argument : layout.arguments) check(argument);
    account.counted += rows_.size();
}

void ViewFolder::fold_view(size_t view, const std::vector<Evaluated>& values,
                           std::span<const uint32_t> good, const FoldTarget& target,
                           const ErrorSink& sink) {
    choose_rows(view, values, good, *target.account, sink);
    if (rows_.empty()) return;
    const Layout& layout = layouts_[view];
    const bool all_rows = rows_.size() == good.size();
    const auto chosen = [&](int index) -> Column {
        if (index < 0) return {};
        const Column& column = values[static_cast<size_t>(index)].column;
        return all_rows ? column : column.gather(rows_);
    };
    std::vector<Column> keys;
    keys.reserve(layout.keys.size());
    for (const int key : layout.keys) keys.push_back(values[static_cast<size_t>(key)].column);
    encode_keys(keys, rows_, keys_);
    std::vector<Column> arguments;
    std::vector<Column> filters;
    for (size_t index = 0; index < layout.arguments.size(); ++index) {
        arguments.push_back(chosen(layout.arguments[index]));
        filters.push_back(chosen(layout.filters[index]));
    }
    target.table->fold(keys_, arguments, filters);
}

}  // namespace braid::operators
