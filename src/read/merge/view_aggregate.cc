// SPDX-License-Identifier: Apache-2.0
#include "read/merge/view_aggregate.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/error_makers.h"
#include "base/mutex.h"
#include "columnar/key_codec.h"
#include "runs/run_file.h"

namespace braid::read {

namespace {

using operators::GroupTable;
using plan::ExprPtr;
using plan::Node;

constexpr size_t kBlockRows = 4096;

/// An aggregate over a scan, with the filters and projections between them folded into expressions
/// over the view's outputs.
struct Flattened {
    const Node* scan = nullptr;
    ExprPtr predicate;  // may be null
    std::vector<ExprPtr>
        columns;  // what the aggregate's input columns are, over the view's outputs
};

ExprPtr both(const ExprPtr& left, const ExprPtr& right) {
    if (!left) return right;
    return plan::make(plan::Expr::Kind::kAnd, Type::of(TypeKind::kBool), {left, right});
}

Result<Flattened> flatten(const Node& node) {
    if (node.kind == Node::Kind::kScan) {
        Flattened flat;
        flat.scan = &node;
        for (size_t index = 0; index < node.scan_columns.size(); ++index) {
            flat.columns.push_back(
                plan::column_ref(node.scan_columns[index], node.output.fields[index].type));
        }
        return flat;
    }
    Flattened flat = TRY(flatten(*node.inputs.front()));
    if (node.kind == Node::Kind::kFilter) {
        flat.predicate = both(flat.predicate, plan::substitute(node.predicate, flat.columns));
        return flat;
    }
    if (node.kind == Node::Kind::kProject) {
        std::vector<ExprPtr> columns;
        for (const ExprPtr& expr : node.exprs)
            columns.push_back(plan::substitute(expr, flat.columns));
        flat.columns = std::move(columns);
        return flat;
    }
    return unsupported("combine works on one materialized view, filtered by its key columns");
}

/// Rewrites an expression over the view's outputs into one over its key columns; null if it reads
/// others.
ExprPtr over_keys(const ExprPtr& expr, const plan::ViewPlan& view) {
    if (!expr) return nullptr;
    std::vector<ExprPtr> keys(view.outputs.size());
    for (const int output : plan::columns_of(*expr)) {
        const int key = view.key_of_output(output);
        if (key < 0) return nullptr;
        keys[static_cast<size_t>(output)] =
            plan::column_ref(key, view.keys[static_cast<size_t>(key)]->type);
    }
    return plan::substitute(expr, keys);
}

plan::AggregateKind kind_of(const plan::AggregateCall& call, bool& known) {
    known = true;
    using Kind = plan::AggregateKind;
    if (call.name == "combine") return Kind::kCombine;
    if (call.name == "count" && call.is_distinct) return Kind::kCountDistinct;
    if (call.name == "count") return call.arguments.empty() ? Kind::kCountRows : Kind::kCount;
    if (call.name == "sum" && !call.is_distinct) return Kind::kSum;
    if (call.name == "avg" && !call.is_distinct) return Kind::kAvg;
    if (call.name == "min") return Kind::kMin;
    if (call.name == "max") return Kind::kMax;
    if (call.name == "bool_and" || call.name == "every") return Kind::kBoolAnd;
    if (call.name == "bool_or") return Kind::kBoolOr;
    if (call.name == "mode") return Kind::kMode;
    known = false;
    return Kind::kCountRows;
}

Error first_error(const operators::Evaluated& evaluated) { return evaluated.errors.front().error; }

Result<std::vector<Column>> evaluate(operators::Program& program, const Batch& batch,
                                     std::span<const uint32_t> rows) {
    std::vector<Column> columns;
    for (operators::Evaluated& value : program.run(batch, rows)) {
        if (!value.errors.empty()) return first_error(value);
        columns.push_back(std::move(value.column));
    }
    return columns;
}

/// What the statement holds for a table that only grows.
class TableMemory {
  public:
    explicit TableMemory(const StatementLimits& limits) : held_(limits) {}
    /// 53200 where it has grown too large.
    Result<void> follow(const GroupTable& table) {
        if (table.bytes_used() <= bytes_) return {};
        TRY(held_.take(table.bytes_used() - bytes_));
        bytes_ = table.bytes_used();
        return {};
    }
    void give_back() {
        held_.give_back();
        bytes_ = 0;
    }

  private:
    HeldMemory held_;
    uint64_t bytes_ = 0;
};

/// Rows that outlive what they were read from.
class RowBuffer {
  public:
    void add(const operators::StateRow& row) {
        for (const std::string_view bytes : {row.key, row.subkey, row.state}) {
            bytes_.append(bytes);
            ends_.push_back(bytes_.size());
        }
    }
    operators::StateRow at(size_t row) const {
        return {.key = part(3 * row), .subkey = part(3 * row + 1), .state = part(3 * row + 2)};
    }
    size_t size() const { return ends_.size() / 3; }
    void clear() {
        bytes_.clear();
        ends_.clear();
    }

  private:
    std::string_view part(size_t index) const {
        const size_t from = index == 0 ? 0 : ends_[index - 1];
        return std::string_view(bytes_).substr(from, ends_[index] - from);
    }

    std::string bytes_;
    std::vector<size_t> ends_;  // of each row's key, subkey, state
};

/// Re-keys states: reads encoded rows, keeps those whose key passes, merges them under the coarser
/// key.
class StateRollup {
  public:
    static Result<std::unique_ptr<StateRollup>> create(const AggregateReading& reading,
                                                       ExprPtr predicate,
                                                       std::vector<ExprPtr> groups) {
        std::unique_ptr<StateRollup> rollup(new StateRollup(reading));
        rollup->has_predicate_ = predicate != nullptr;
        rollup->group_count_ = groups.size();
        if (predicate) groups.push_back(std::move(predicate));
        rollup->program_ = TRY(operators::Program::compile(std::move(groups), reading.context));
        return rollup;
    }

    Result<void> add(uint32_t section, const operators::StateRow& row) {
        if (section != section_ || rows_.size() == kBlockRows) TRY(flush());
        section_ = section;
        rows_.add(row);
        return {};
    }

    Result<void> flush() {
        TRY(limits_.check());
        if (rows_.size() == 0) return {};
        Batch batch;
        batch.length = rows_.size();
        batch.columns = TRY(decode());
        std::vector<uint32_t> rows(rows_.size());
        std::iota(rows.begin(), rows.end(), 0U);
        std::vector<Column> columns = TRY(evaluate(*program_, batch, rows));
        if (has_predicate_) {
            const Column passes = std::move(columns.back());
            columns.pop_back();
            std::erase_if(rows, [&](uint32_t row) {
                return passes.is_null(row) || passes.at<uint8_t>(row) == 0;
            });
        }
        EncodedKeys coarse;
        encode_keys(columns, rows, coarse);
        for (size_t index = 0; index < rows.size(); ++index) {
            operators::StateRow row = rows_.at(rows[index]);
            row.key = coarse.at(index);
            TRY(table_.merge_row(section_, row));
        }
        rows_.clear();
        return memory_.follow(table_);
    }

    /// What was added, once all is flushed.
    GroupTable take_table() {
        memory_.give_back();
        return std::move(table_);
    }

  private:
    explicit StateRollup(const AggregateReading& reading)
        : view_(*reading.view.plan),
          limits_(reading.limits),
          table_(view_.aggregates),
          memory_(reading.limits) {}

    Result<std::vector<Column>> decode() const {
        std::vector<ColumnBuilder> builders;
        for (const ExprPtr& key : view_.keys) builders.emplace_back(key->type, rows_.size());
        for (size_t row = 0; row < rows_.size(); ++row) {
            std::string_view left = rows_.at(row).key;
            for (size_t index = 0; index < builders.size(); ++index) {
                TRY(decode_key_value(left, view_.keys[index]->type, builders[index]));
            }
        }
        std::vector<Column> columns;
        for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
        return columns;
    }

    const plan::ViewPlan& view_;
    const StatementLimits& limits_;
    GroupTable table_;
    TableMemory memory_;
    std::unique_ptr<operators::Program> program_;
    bool has_predicate_ = false;
    size_t group_count_ = 0;
    uint32_t section_ = 0;
    RowBuffer rows_;
};

Result<void> roll_up_run(const runs::Tiling& tiling, const runs::RunReader& run,
                         const KeyRange& range, uint32_t sections, StateRollup& into) {
    operators::StateRow row;
    for (uint32_t section = 0; section <= sections; ++section) {
        auto cursor = TRY(run.scan(section, range.from, range.to));
        while (TRY(cursor->next(row))) {
            if (!tiling.has_expired(row.key)) TRY(into.add(section, row));
        }
    }
    return into.flush();
}

Result<void> roll_up_ticks(const runs::Tiling& tiling, const ViewPiece& piece, StateRollup& into) {
    TRY(visit_tick_tables(tiling, [&](size_t number, const GroupTable& table) {
        return table.visit_rows_of(groups_in(tiling, piece, number, table),
                                   [&](uint32_t section, const operators::StateRow& row) {
                                       return into.add(section, row);
                                   });
    }));
    return into.flush();
}

/// Ordinary aggregates over the finished rows of a view.
struct Ordinary {
    ExprPtr filter;  // may be null
    std::vector<ExprPtr> groups;
    std::vector<plan::Aggregate> aggregates;

    template <typename Visit>
    void each_expr(Visit visit) {
        visit(filter);
        for (ExprPtr& group : groups) visit(group);
        for (plan::Aggregate& aggregate : aggregates) {
            for (ExprPtr& argument : aggregate.arguments) visit(argument);
            visit(aggregate.filter);
        }
    }
    /// Outputs of the view that are read, ascending.
    std::vector<int> outputs() {
        std::set<int> all;
        each_expr([&](const ExprPtr& expr) {
            if (!expr) return;
            const std::vector<int> columns = plan::columns_of(*expr);
            all.insert(columns.begin(), columns.end());
        });
        return {all.begin(), all.end()};
    }
    /// From now on the input has these outputs as columns.
    void read_in_order_of(const std::vector<int>& outputs, const plan::ViewPlan& view) {
        std::vector<ExprPtr> columns(view.outputs.size());
        for (size_t place = 0; place < outputs.size(); ++place) {
            const auto output = static_cast<size_t>(outputs[place]);
            columns[output] =
                plan::column_ref(static_cast<int>(place), view.outputs[output].expr->type);
        }
        each_expr([&](ExprPtr& expr) {
            if (expr) expr = plan::substitute(expr, columns);
        });
    }
};

/// By the same keys as the states.
Result<GroupTable> fold_finished(RowSource& rows, Ordinary ordinary,
                                 const AggregateReading& reading) {
    const std::vector<plan::Aggregate> aggregates = ordinary.aggregates;
    plan::ViewPlan plan;
    plan.filter = std::move(ordinary.filter);
    plan.keys = std::move(ordinary.groups);
    plan.aggregates = std::move(ordinary.aggregates);
    auto folder = TRY(operators::ViewFolder::create(
        {{std::make_shared<const plan::ViewPlan>(std::move(plan)), reading.context}}));
    GroupTable table(aggregates);
    FoldAccount account;
    const operators::FoldTarget target{&table, &account};
    TableMemory memory(reading.limits);
    std::optional<Error> failure;
    operators::DecodedSlice slice;
    while (TRY(rows.next(slice.batch))) {
        TRY(reading.limits.check());
        slice.good.resize(slice.batch.length);
        std::iota(slice.good.begin(), slice.good.end(), 0U);
        folder->fold(slice, std::span(&target, 1), [&](size_t, uint32_t, const Error& error) {
            if (!failure) failure = error;
        });
        if (failure) return *failure;
        TRY(memory.follow(table));
    }
    return table;
}

/// Which of the two tables each aggregate call comes from.
struct Calls {
    std::vector<int> combined;  // view aggregate, or -1
    std::vector<int> ordinary;  // index into `aggregates`, or -1
    std::vector<plan::Aggregate> aggregates;
};

Result<Calls> sort_calls(const Node& node, const Flattened& flat, const plan::ViewPlan& view) {
    Calls calls;
    for (const plan::AggregateCall& call : node.aggregates) {
        bool known = false;
        const plan::AggregateKind kind = kind_of(call, known);
        if (!known) {
            return unsupported("aggregate {} beside combine", call.name);
        }
        if (kind == plan::AggregateKind::kCombine) {
            const ExprPtr argument = plan::substitute(call.arguments.front(), flat.columns);
            const int aggregate = argument->kind == plan::Expr::Kind::kColumn
                                      ? view.aggregate_of_output(argument->column)
                                      : -1;
            if (aggregate < 0 || call.filter) {
                return unsupported("combine takes one aggregate column of a materialized view");
            }
            calls.combined.push_back(aggregate);
            calls.ordinary.push_back(-1);
            continue;
        }
        plan::Aggregate aggregate;
        aggregate.kind = kind;
        for (const ExprPtr& argument : call.arguments) {
            aggregate.arguments.push_back(plan::substitute(argument, flat.columns));
        }
        if (call.filter) aggregate.filter = plan::substitute(call.filter, flat.columns);
        aggregate.result_type = call.result;
        calls.combined.push_back(-1);
        calls.ordinary.push_back(static_cast<int>(calls.aggregates.size()));
        calls.aggregates.push_back(std::move(aggregate));
    }
    return calls;
}

/// States by the coarser key, and ordinary aggregates by the same.
struct Both {
    GroupTable states;
    GroupTable finished;
};

/// ⊕ over what the pieces give. Thread-safe.
class Sum {
  public:
    Sum(Both none, const StatementLimits& limits)
        : both_(std::move(none)), states_memory_(limits), finished_memory_(limits) {}
    Result<void> add(Both piece) {
        const ScopedLock lock(mutex_);
        add_table(both_.states, std::move(piece.states));
        TRY(states_memory_.follow(both_.states));
        add_table(both_.finished, std::move(piece.finished));
        return finished_memory_.follow(both_.finished);
    }
    Both take() {
        const ScopedLock lock(mutex_);
        return std::move(both_);
    }

  private:
    static void add_table(GroupTable& into, GroupTable table) {
        if (into.size() == 0) {
            into = std::move(table);
        } else {
            into.merge(table);
        }
    }

    Mutex mutex_;
    Both both_ GUARDED_BY(mutex_);
    TableMemory states_memory_ GUARDED_BY(mutex_);
    TableMemory finished_memory_ GUARDED_BY(mutex_);
};

/// Re-aggregates a view, piece by piece: the tables of a piece hold no more groups than the piece
/// has, and end as soon as they are added to those of all.
class Rollup {
  public:
    static Result<Rollup> of(const Node& node, const Flattened& flat, const Calls& calls,
                             AggregateReading reading) {
        const plan::ViewPlan& plan = *reading.view.plan;
        Rollup rollup(reading);
        for (const ExprPtr& expr : node.exprs) {
            rollup.ordinary_.groups.push_back(plan::substitute(expr, flat.columns));
            rollup.groups_.push_back(over_keys(rollup.ordinary_.groups.back(), plan));
            if (!rollup.groups_.back()) {
                return unsupported("combine can only be grouped by key columns of the view");
            }
        }
        rollup.predicate_ = over_keys(flat.predicate, plan);
        if (flat.predicate && !rollup.predicate_) {
            return unsupported("combine can only be filtered by key columns of the view");
        }
        rollup.range_ = key_range_of(plan, flat.predicate, reading.context.parameters);
        rollup.ordinary_.filter = flat.predicate;
        rollup.ordinary_.aggregates = calls.aggregates;
        rollup.wanted_ = {rollup.ordinary_.outputs(), flat.predicate, reading.context};
        rollup.ordinary_.read_in_order_of(rollup.wanted_.outputs, plan);
        return rollup;
    }

    Result<Both> run(PieceThreads& threads) const {
        std::vector<ViewPiece> pieces =
            TRY(cut_view(reading_.tiling, range_, sections(), threads.limits()));
        Sum sum({GroupTable(reading_.view.plan->aggregates), GroupTable(ordinary_.aggregates)},
                reading_.limits);
        TRY(threads.run(pieces.size(), [&](size_t number) -> Result<void> {
            return sum.add(TRY(read(std::exchange(pieces[number], {}))));
        }));
        return sum.take();
    }

  private:
    explicit Rollup(AggregateReading reading) : reading_(reading) {}

    uint32_t sections() const { return plan::subkey_sections(reading_.view.plan->aggregates); }

    Result<Both> read(const ViewPiece& piece) const {
        const runs::Tiling& tiling = reading_.tiling;
        auto states = TRY(StateRollup::create(reading_, predicate_, groups_));
        if (!piece.range.is_empty) {
            for (const auto& run : tiling.runs()) {
                TRY(roll_up_run(tiling, *run, piece.range, sections(), *states));
            }
            TRY(roll_up_ticks(tiling, piece, *states));
        }
        const RowSourcePtr rows = TRY(ViewScan::open(reading_.view, tiling, piece, wanted_));
        GroupTable finished = TRY(fold_finished(*rows, ordinary_, reading_));
        return Both{states->take_table(), std::move(finished)};
    }

    const AggregateReading reading_;
    KeyRange range_;
    ExprPtr predicate_;            // over the view's keys; may be null
    std::vector<ExprPtr> groups_;  // likewise
    Ordinary ordinary_;
    ViewRows wanted_;
};

/// The answer, finished block by block.
class AggregateRows final : public RowSource {
  public:
    AggregateRows(const Node& node, std::vector<int> combined, std::vector<int> ordinary, Both both)
        : combined_(std::move(combined)), ordinary_(std::move(ordinary)), both_(std::move(both)) {
        for (size_t index = 0; index < node.exprs.size(); ++index) {
            keys_.fields.push_back(node.output.fields[index]);
        }
    }

    Result<bool> next(Batch& batch) override {
        const size_t count = std::min(kBlockRows, both_.finished.size() - next_);
        if (count == 0) return false;
        std::vector<GroupTable::Group> finished(count);
        std::iota(finished.begin(), finished.end(), next_);
        next_ += static_cast<GroupTable::Group>(count);
        std::vector<GroupTable::Group> states;
        for (const GroupTable::Group group : finished) {
            states.push_back(both_.states.find(both_.finished.key_of(group)));
            if (states.back() == GroupTable::kNoGroup) {
                return internal_error("a combined group lost its states");
            }
        }
        Batch given;
        given.length = count;
        given.columns = TRY(operators::decode_keys(both_.finished, finished, keys_));
        for (size_t call = 0; call < combined_.size(); ++call) {
            given.columns.push_back(TRY(operators::column_of(
                combined_[call] >= 0 ? both_.states.finish(combined_[call], states)
                                     : both_.finished.finish(ordinary_[call], finished))));
        }
        batch = std::move(given);
        return true;
    }

  private:
    const std::vector<int> combined_;  // as in Calls
    const std::vector<int> ordinary_;
    const Both both_;
    Schema keys_;
    GroupTable::Group next_ = 0;
};

}  // namespace

bool has_combine(const Node& node) {
    return node.kind == Node::Kind::kAggregate &&
           std::ranges::any_of(node.aggregates,
                               [](const auto& call) { return call.name == "combine"; });
}

Result<RowSourcePtr> open_view_aggregate(const Node& node, const AggregateReading& reading,
                                         PieceThreads& threads) {
    const Flattened flat = TRY(flatten(*node.inputs.front()));
    Calls calls = TRY(sort_calls(node, flat, *reading.view.plan));
    const Rollup rollup = TRY(Rollup::of(node, flat, calls, reading));
    Both both = TRY(rollup.run(threads));
    if (node.exprs.empty()) {
        both.finished.ensure_group("");
        both.states.ensure_group("");
    }
    return RowSourcePtr(std::make_unique<AggregateRows>(
        node, std::move(calls.combined), std::move(calls.ordinary), std::move(both)));
}

}  // namespace braid::read
