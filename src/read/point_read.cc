// SPDX-License-Identifier: Apache-2.0
#include "read/point_read.h"

#include <algorithm>
#include <optional>

#include "base/error_makers.h"
#include "base/hash.h"
#include "columnar/key_codec.h"
#include "read/merge/key_range.h"
#include "read/statement.h"

namespace braid::read {

namespace {

using plan::Node;

/// The one row, or none.
class PointAnswer final : public Answer {
  public:
    PointAnswer(std::shared_ptr<const plan::Query> query, Batch rows, runs::ReceiptSource receipt)
        : query_(std::move(query)),
          rows_(std::move(rows)),
          receipt_(std::make_shared<const runs::ReceiptSource>(std::move(receipt))) {}

    const Schema& schema() const override { return query_->output; }
    Result<bool> next(Batch& batch) override {
        if (is_given_ || rows_.length == 0) return false;
        is_given_ = true;
        batch = std::move(rows_);
        return true;
    }
    std::shared_ptr<const runs::ReceiptSource> receipt() const override { return receipt_; }

  private:
    const std::shared_ptr<const plan::Query> query_;
    Batch rows_;
    const std::shared_ptr<const runs::ReceiptSource> receipt_;
    bool is_given_ = false;
};

bool reads_no_query(const plan::Expr& expr) {
    if (expr.kind == plan::Expr::Kind::kSubquery || expr.kind == plan::Expr::Kind::kOuterColumn)
        return false;
    return std::ranges::all_of(expr.arguments,
                               [](const auto& each) { return reads_no_query(*each); });
}

operators::KeyFloorPtr floor_at(const operators::BoundView& view, const manifest::State& state,
                                TableId table) {
    const manifest::TableState* of = view.retention ? state.table(table) : nullptr;
    return of == nullptr ? nullptr : view.floor_at(of->horizon_us);
}

}  // namespace

Result<std::shared_ptr<PreparedRead>> PointRead::try_prepare(const ReadParts& parts,
                                                             const plan::Query& query) {
    std::shared_ptr<PointRead> read(new PointRead(parts, query));
    const Node* node = read->query_->root.get();
    if (node->kind == Node::Kind::kProject) {
        for (const auto& expr : node->exprs) {
            if (!reads_no_query(*expr)) return std::shared_ptr<PreparedRead>();
        }
        read->project_ = node;
        node = node->inputs.front().get();
    }
    if (node->kind != Node::Kind::kFilter) return std::shared_ptr<PreparedRead>();
    const Node* scan = node->inputs.front().get();
    if (scan->kind != Node::Kind::kScan || scan->relation.kind != plan::RelationRef::Kind::kView ||
        !enriching_functions(*read->query_->root).empty()) {
        return std::shared_ptr<PreparedRead>();
    }
    read->scan_ = scan;
    read->view_ = TRY(parts.views->view_of(scan->relation.version));
    std::vector<plan::ExprPtr> columns;
    for (size_t index = 0; index < scan->scan_columns.size(); ++index) {
        columns.push_back(
            plan::column_ref(scan->scan_columns[index], scan->output.fields[index].type));
    }
    read->key_values_ = point_of(*read->view_.plan, plan::substitute(node->predicate, columns));
    if (read->key_values_.empty()) return std::shared_ptr<PreparedRead>();
    read->table_ = read->view_.plan->table;
    const manifest::StatePtr head = parts.manifest->head();
    const auto* view = head->catalog.view_of_version(scan->relation.version);
    if (view != nullptr && view->keys_max != 0) read->limited_ = *view;
    return std::shared_ptr<PreparedRead>(std::move(read));
}

Result<std::unique_ptr<PointRead::Machine>> PointRead::machine(const std::vector<Datum>& parameters,
                                                               const ReadOptions& options) {
    std::unique_ptr<Machine> machine;
    {
        const ScopedLock lock(mutex_);
        if (!idle_.empty()) {
            machine = std::move(idle_.back());
            idle_.pop_back();
        }
    }
    if (machine) {
        const StatementLimits limits = parts_.limits_of(options);
        machine->finisher->set_limits(limits);
        if (machine->project) machine->project->set_statement(parameters, limits);
        return machine;
    }
    machine = std::make_unique<Machine>();
    operators::EvaluationContext context;
    context.format = options.format;
    context.parameters = parameters;
    context.limits = parts_.limits_of(options);
    machine->finisher = std::make_unique<ViewFinisher>(
        TRY(ViewFinisher::create(view_, {scan_->scan_columns, nullptr, context})));
    if (project_ != nullptr) {
        machine->project = TRY(operators::Program::compile(project_->exprs, std::move(context)));
    }
    return machine;
}

Result<runs::RunTilingPtr> PointRead::runs_at(const manifest::StatePtr& head) {
    const ScopedLock lock(mutex_);
    if (runs_ && runs_->state == head) return runs_;
    runs_ = TRY(parts_.tiling_of(*parts_.tilings->at(head), scan_->relation.version,
                                 runs::ReadMode::kLive, 0));
    return runs_;
}

Result<void> PointRead::count_groups(const ReadOptions& options) const {
    const auto snapshot = TRY(PinnedSnapshot::take(parts_, {table_}, options));
    const runs::Tiling tiling = TRY(snapshot->tiling_of(parts_, scan_->relation.version));
    return parts_.key_counts->check(*limited_, tiling, parts_.limits_of(options));
}

Result<Batch> PointRead::answer(Machine& machine, const PointRows& rows) const {
    if (rows.is_empty()) return Batch();
    return project(machine, TRY(rows.finish(view_, *machine.finisher)));
}

Result<Batch> PointRead::project(Machine& machine, Batch row) const {
    if (row.length == 0 || !machine.project) return row;
    Batch projected;
    projected.length = row.length;
    for (operators::Evaluated& value : machine.project->run(row)) {
        if (!value.errors.empty()) return value.errors.front().error;
        projected.columns.push_back(std::move(value.column));
    }
    return projected;
}

Result<std::unique_ptr<Answer>> PointRead::scan(const std::string& key,
                                                const std::vector<Datum>& parameters,
                                                const ReadOptions& options) {
    const auto snapshot = TRY(PinnedSnapshot::take(parts_, {table_}, options));
    const runs::Tiling tiling = TRY(snapshot->tiling_of(parts_, scan_->relation.version));
    operators::EvaluationContext context;
    context.format = options.format;
    context.parameters = parameters;
    context.limits = parts_.limits_of(options);
    Batch row = TRY(read_point(view_, tiling, key, {scan_->scan_columns, nullptr, context}));
    std::unique_ptr<Machine> machine = TRY(this->machine(parameters, options));
    row = TRY(project(*machine, std::move(row)));
    put_back(std::move(machine));
    runs::ReceiptSource receipt;
    receipt.mode = "live";
    receipt.manifest = tiling.base->state->number;
    receipt.views.push_back(runs::receipt_view(tiling));
    return std::unique_ptr<Answer>(
        std::make_unique<PointAnswer>(query_, std::move(row), std::move(receipt)));
}

void PointRead::put_back(std::unique_ptr<Machine> machine) {
    const ScopedLock lock(mutex_);
    idle_.push_back(std::move(machine));
}

Result<std::unique_ptr<Answer>> PointRead::run(const std::vector<Datum>& parameters,
                                               const ReadOptions& options) {
    std::string key;
    bool is_null = false;
    for (size_t index = 0; index < key_values_.size(); ++index) {
        const plan::ExprPtr& value = key_values_[index];
        const Datum& datum = value->kind == plan::Expr::Kind::kConstant
                                 ? value->constant
                                 : parameters[static_cast<size_t>(value->column)];
        is_null = is_null || datum.is_null();
        if (!datum.is_null()) encode_key(as_key(datum, view_.plan->keys[index]->type), key);
    }
    const auto log = TRY(parts_.log_of(table_));
    Positions at_least = log->durable_end();
    if (options.seen != nullptr && options.seen->contains(table_)) {
        at_least.raise(options.seen->at(table_));
    }
    const uint32_t sections = plan::subkey_sections(view_.plan->aggregates);
    PointRows rows(std::move(key));
    runs::Tiling tiling;
    manifest::PinnedState pinned;
    runs::ReceiptSource receipt;
    receipt.mode = "live";
    std::optional<Result<void>> judged = Result<void>();
    TRY(parts_.ticks->look(
        table_, at_least, kFoldWaitUsMax,
        [&](const std::vector<runs::TickPtr>& ticks) -> Result<void> {
            pinned = parts_.manifest->pin();
            tiling.base = TRY(runs_at(pinned.state));
            tiling.end = tiling.base->end;
            tiling.floor = floor_at(view_, *pinned.state, table_);
            if (!runs::add_ticks(tiling, ticks)) {
                return internal_error("ticks of view \"{}\" do not continue at {}",
                                      scan_->relation.name, tiling.end.to_string());
            }
            if (!tiling.end.dominates(at_least)) {
                return internal_error("runs and ticks of view \"{}\" end at {} before {}",
                                      scan_->relation.name, tiling.end.to_string(),
                                      at_least.to_string());
            }
            if (limited_) judged = parts_.key_counts->judge(*limited_, tiling);
            for (const runs::TickPtr& tick : tiling.ticks) {
                const operators::GroupTable* table = tick->table_of(tiling.version(), rows.key());
                if (table == nullptr) {
                    return internal_error("a tick lacks view version {}", tiling.version().value);
                }
                if (!is_null && !tiling.has_expired(rows.key())) rows.add_tick(*table);
            }
            // Speed goes on writing to the ticks once the look is over.
            receipt.manifest = tiling.base->state->number;
            receipt.views.push_back(runs::receipt_view(tiling));
            tiling.ticks.clear();
            return {};
        }));
    // There never are fewer later: what fits then fits now.
    TRY(judged ? *std::move(judged) : count_groups(options));
    if (!is_null && !tiling.has_expired(rows.key())) {
        TRY(tiling.base->probes().visit(hash64(rows.key()), [&](uint32_t run) {
            return rows.add_run(*tiling.runs()[run], sections);
        }));
    }
    if (options.seen != nullptr) options.seen->insert_or_assign(table_, tiling.end);
    if (rows.is_too_much()) return scan(rows.key(), parameters, options);
    std::unique_ptr<Machine> machine = TRY(this->machine(parameters, options));
    Batch row = TRY(answer(*machine, rows));
    put_back(std::move(machine));
    return std::unique_ptr<Answer>(
        std::make_unique<PointAnswer>(query_, std::move(row), std::move(receipt)));
}

}  // namespace braid::read
