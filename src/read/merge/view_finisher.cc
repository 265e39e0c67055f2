// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_finisher.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "columnar/text_io.h"
#include "read/merge/key_range.h"

namespace braid::read {

namespace {

using operators::Evaluated;
using operators::RowError;
using plan::ExprPtr;

constexpr size_t kKeyBytesShownMax = 200;

const Error* error_at(const std::vector<RowError>& errors, uint32_t row) {
    const auto found = std::ranges::lower_bound(errors, row, {}, &RowError::row);
    return found == errors.end() || found->row != row ? nullptr : &found->error;
}

bool is_true(const Column& column, uint32_t row) {
    return !column.is_null(row) && column.at<uint8_t>(row) != 0;
}

}  // namespace

struct ViewFinisher::Values {
    Batch input;                        // keys…, aggregates…
    std::vector<Evaluated> aggregates;  // their errors
    std::vector<Evaluated> computed;    // by expression of program_
    Batch output;                       // before any row is dropped
    std::vector<Evaluated> conjuncts;   // only when some value has an error

    bool has_errors() const {
        const auto fails = [](const Evaluated& each) { return !each.errors.empty(); };
        return std::ranges::any_of(aggregates, fails) || std::ranges::any_of(computed, fails);
    }
};

Result<ViewFinisher> ViewFinisher::create(const operators::BoundView& view,
                                          const ViewRows& wanted) {
    ViewFinisher finisher(view.plan);
    const plan::ViewPlan& plan = *view.plan;
    finisher.format_ = view.context.format.zone ? view.context.format : utc_format();
    finisher.wanted_aggregates_.assign(plan.aggregates.size(), false);
    std::vector<ExprPtr> computed;
    std::vector<ExprPtr> positions(plan.outputs.size());
    for (const int output : wanted.outputs) {
        const plan::Output& of = plan.outputs[static_cast<size_t>(output)];
        const auto position = static_cast<int>(finisher.outputs_.size());
        positions[static_cast<size_t>(output)] = plan::column_ref(position, of.expr->type);
        finisher.outputs_.push_back(
            finisher.add_source(of.expr, "column \"" + of.name + "\"", computed));
    }
    if (plan.having) finisher.having_ = finisher.add_source(plan.having, "HAVING", computed);
    if (!computed.empty()) {
        operators::EvaluationContext context = view.context;
        context.limits = wanted.context.limits;
        finisher.program_ =
            TRY(operators::Program::compile(std::move(computed), std::move(context)));
    }
    std::vector<ExprPtr> conjuncts;
    for (const ExprPtr& conjunct : conjuncts_of(wanted.predicate)) {
        const std::vector<int> columns = plan::columns_of(*conjunct);
        const bool is_given = std::ranges::all_of(
            columns, [&](int output) { return positions[static_cast<size_t>(output)] != nullptr; });
        if (!is_given) continue;
        conjuncts.push_back(plan::substitute(conjunct, positions));
        finisher.conjunct_columns_.push_back(plan::columns_of(*conjuncts.back()));
    }
    if (!conjuncts.empty()) {
        finisher.conjuncts_ =
            TRY(operators::Program::compile(std::move(conjuncts), wanted.context));
    }
    return finisher;
}

void ViewFinisher::set_limits(const StatementLimits& limits) {
    if (program_) program_->set_statement({}, limits);
}

ViewFinisher::Source ViewFinisher::add_source(const ExprPtr& expr, std::string name,
                                              std::vector<ExprPtr>& computed) {
    Source source;
    source.name = std::move(name);
    source.columns = plan::columns_of(*expr);
    if (expr->kind == plan::Expr::Kind::kColumn) {
        source.column = expr->column;
    } else {
        source.expr = static_cast<int>(computed.size());
        computed.push_back(expr);
    }
    for (const int column : source.columns) {
        const int aggregate = column - static_cast<int>(plan_->keys.size());
        if (aggregate >= 0) wanted_aggregates_[static_cast<size_t>(aggregate)] = true;
    }
    return source;
}

const Error* ViewFinisher::error_of(const Source& source, const Values& values,
                                    uint32_t row) const {
    for (const int column : source.columns) {
        const int aggregate = column - static_cast<int>(plan_->keys.size());
        if (aggregate < 0) continue;
        const Evaluated& from = values.aggregates[static_cast<size_t>(aggregate)];
        if (const Error* error = error_at(from.errors, row)) return error;
    }
    if (source.expr < 0) return nullptr;
    return error_at(values.computed[static_cast<size_t>(source.expr)].errors, row);
}

bool ViewFinisher::is_dropped(const Values& values, uint32_t row) const {
    for (size_t index = 0; index < values.conjuncts.size(); ++index) {
        const bool is_known = std::ranges::none_of(conjunct_columns_[index], [&](int output) {
            return error_of(outputs_[static_cast<size_t>(output)], values, row) != nullptr;
        });
        const Evaluated& conjunct = values.conjuncts[index];
        if (!is_known || error_at(conjunct.errors, row) != nullptr) continue;
        if (!is_true(conjunct.column, row)) return true;
    }
    return false;
}

Error ViewFinisher::describe(const Error& error, const std::string& name, const Values& values,
                             uint32_t row) const {
    std::string key;
    for (size_t index = 0; index < plan_->keys.size(); ++index) {
        if (index != 0) key += ", ";
        key += plan_->key_schema.fields[index].name + "=";
        const Column& column = values.input.columns[index];
        if (column.is_null(row)) {
            key += "NULL";
        } else {
            format_text(column, row, format_, key);
        }
    }
    if (key.size() > kKeyBytesShownMax) {
        size_t size = kKeyBytesShownMax;
        while ((static_cast<uint8_t>(key[size]) & 0xC0) == 0x80) --size;
        key.resize(size);
        key += "…";
    }
    const std::string place = key.empty() ? name : name + " of the group " + key;
    Error described(error.code(), place + ": " + error.message());
    return std::move(described)
        .with_sqlstate(error.sqlstate())
        .with_detail(error.detail())
        .with_hint(error.hint());
}

ViewFinisher::Values ViewFinisher::evaluate(FinishInput input) {
    Values values;
    values.input.length = input.length;
    values.input.columns = std::move(input.keys);
    for (const Evaluated& each : input.aggregates) values.input.columns.push_back(each.column);
    values.aggregates = std::move(input.aggregates);
    if (program_) values.computed = program_->run(values.input);
    values.output.length = input.length;
    for (const Source& source : outputs_) {
        values.output.columns.push_back(
            source.expr < 0 ? values.input.columns[static_cast<size_t>(source.column)]
                            : values.computed[static_cast<size_t>(source.expr)].column);
    }
    return values;
}

std::unique_ptr<operators::StateFinisher> ViewFinisher::take_states() {
    if (states_ != nullptr) return std::move(states_);
    return std::make_unique<operators::StateFinisher>(plan_->aggregates, wanted_aggregates_);
}

FinishedRows ViewFinisher::finish(FinishInput input) {
    Values values = evaluate(std::move(input));
    std::vector<uint32_t> kept(values.input.length);
    std::iota(kept.begin(), kept.end(), 0U);
    if (having_) {
        const Column& having = having_->expr < 0
                                   ? values.input.columns[static_cast<size_t>(having_->column)]
                                   : values.computed[static_cast<size_t>(having_->expr)].column;
        std::erase_if(kept, [&](uint32_t row) {
            return !is_true(having, row) && error_of(*having_, values, row) == nullptr;
        });
    }
    FinishedRows finished;
    if (values.has_errors()) finished.failure = judge(values, kept);
    finished.rows = std::move(values.output);
    if (kept.size() == finished.rows.length) return finished;
    finished.rows.length = kept.size();
    for (Column& column : finished.rows.columns) column = column.gather(kept);
    return finished;
}

/// Leaves the rows before the first that somebody asks for and that has no value.
std::optional<Error> ViewFinisher::judge(Values& values, std::vector<uint32_t>& kept) {
    if (conjuncts_) values.conjuncts = conjuncts_->run(values.output);
    std::vector<const Source*> sources;
    if (having_) sources.push_back(&*having_);
    for (const Source& output : outputs_) sources.push_back(&output);
    std::vector<uint32_t> good;
    std::optional<Error> failure;
    for (const uint32_t row : kept) {
        const auto failed = std::ranges::find_if(sources, [&](const Source* source) {
            return error_of(*source, values, row) != nullptr;
        });
        if (failed == sources.end()) {
            good.push_back(row);
        } else if (!is_dropped(values, row)) {
            failure = describe(*error_of(**failed, values, row), (*failed)->name, values, row);
            break;
        }
    }
    kept = std::move(good);
    return failure;
}

std::vector<operators::Evaluated> finish_wanted(
    const operators::GroupTable& table, std::span<const operators::GroupTable::Group> groups,
    const std::vector<bool>& wanted) {
    std::vector<operators::Evaluated> finished(wanted.size());
    for (size_t index = 0; index < wanted.size(); ++index) {
        if (wanted[index]) finished[index] = table.finish(static_cast<int>(index), groups);
    }
    return finished;
}

}  // namespace braid::read
