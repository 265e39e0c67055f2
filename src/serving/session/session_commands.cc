// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "plan/rewrite.h"
#include "serving/session/json_text.h"
#include "serving/session/receipt_text.h"
#include "serving/session/session.h"

namespace braid::serving {

namespace {

const Type kText = Type::of(TypeKind::kText);

/// Needs no evaluation.
const Datum* plain_value(const plan::Expr& expr, const std::vector<Datum>& parameters) {
    if (expr.kind == plan::Expr::Kind::kConstant) return &expr.constant;
    if (expr.kind != plan::Expr::Kind::kParameter) return nullptr;
    const auto index = static_cast<size_t>(expr.column);
    return index < parameters.size() ? &parameters[index] : nullptr;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t from = 0; from < text.size();) {
        const size_t end = std::min(text.find('\n', from), text.size());
        lines.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return lines;
}

/// A query that gives rows of expressions.
plan::Query values_query(std::vector<std::vector<plan::ExprPtr>> rows) {
    auto node = std::make_shared<plan::Node>();
    node->kind = plan::Node::Kind::kValues;
    for (size_t i = 0; i < rows.front().size(); ++i) {
        node->output.fields.push_back({fmt::format("column{}", i + 1), rows.front()[i]->type});
    }
    node->rows = std::move(rows);
    plan::Query query;
    query.output = node->output;
    query.root = std::move(node);
    return query;
}

/// Rows of a batch as records: what is NULL is left out, as a sender of JSON would.
class RecordWriter {
  public:
    RecordWriter(const Schema& table, const std::vector<int>& columns, const TextFormat& format)
        : format_(format) {
        for (const int column : columns) {
            std::string& key = keys_.emplace_back();
            append_json_string(table.fields[static_cast<size_t>(column)].name, key);
            key += ':';
        }
    }
    std::string write(const Batch& batch, size_t row) const {
        std::string record = "{";
        for (size_t i = 0; i < keys_.size(); ++i) {
            if (batch.columns[i].is_null(row)) continue;
            if (record.size() > 1) record += ',';
            record += keys_[i];
            append_json_value(batch.columns[i], row, format_, JsonNumeric::kNumber, record);
        }
        return record + "}";
    }

  private:
    const TextFormat& format_;
    std::vector<std::string> keys_;
};

/// Rows that need no evaluation as a batch; nullopt if there are others.
std::optional<Batch> plain_rows(const std::vector<std::vector<plan::ExprPtr>>& rows,
                                const std::vector<Datum>& parameters) {
    std::vector<ColumnBuilder> builders;
    for (const plan::ExprPtr& expr : rows.front()) builders.emplace_back(expr->type, rows.size());
    for (const auto& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) {
            const Datum* value = plain_value(*row[i], parameters);
            if (value == nullptr) return std::nullopt;
            if (value->is_null()) {
                builders[i].append_null();
            } else if (value->type.kind == builders[i].type().kind) {
                builders[i].append(*value);
            } else {
                return std::nullopt;
            }
        }
    }
    Batch batch{.length = rows.size(), .columns = {}};
    for (ColumnBuilder& builder : builders) batch.columns.push_back(builder.finish());
    return batch;
}

}  // namespace

read::ReadOptions Session::read_options(const std::shared_ptr<CancelToken>& cancel) {
    read::ReadOptions options;
    options.mode = settings_.read_mode();
    options.cut_number = settings_.cut_number();
    options.format = settings_.format();
    options.snapshot = transaction_.snapshot;
    options.seen = &seen_;
    options.cancel = cancel;
    const int64_t timeout_us = settings_.statement_timeout_us();
    options.timeout_us = timeout_us == 0 ? INT64_MAX : timeout_us;
    return options;
}

Result<std::unique_ptr<read::Answer>> Session::start_reading(
    const plan::Query& query, PreparedStatement* prepared, const std::vector<Datum>& parameters,
    const std::shared_ptr<CancelToken>& cancel) {
    const bool reads_data = std::ranges::any_of(query.reads, [](const plan::RelationRef& ref) {
        return ref.kind == plan::RelationRef::Kind::kView ||
               ref.kind == plan::RelationRef::Kind::kStream;
    });
    if (reads_data) TRY(pin_snapshot(cancel));
    read::ReadOptions options = read_options(cancel);
    options.own = TRY(own_rows(query.reads));
    // The first run of a statement may be its only one; from the second on preparing it pays.
    if (prepared != nullptr && !prepared->holds_once && prepared->runs++ > 0) {
        if (prepared->read == nullptr) {
            prepared->read = TRY(services_.reader->prepare(query, &system_));
        }
        return prepared->read->run(parameters, options);
    }
    return services_.reader->execute(query, parameters, options, &system_);
}

/// Does what set_config says, whose arguments need no evaluation, and puts the values in its place.
Result<plan::Query> Session::with_settings_set(const plan::Query& query,
                                               const std::vector<Datum>& parameters) {
    Result<void> outcome;
    std::function<plan::ExprPtr(const plan::ExprPtr&)> set = [&](const plan::ExprPtr& expr) {
        if (expr == nullptr) return expr;
        const bool is_it = expr->kind == plan::Expr::Kind::kCall &&
                           expr->function->name == "set_config" && expr->arguments.size() == 3;
        if (!is_it) return plan::map_arguments(expr, set);
        const Datum* name = plain_value(*expr->arguments[0], parameters);
        const Datum* value = plain_value(*expr->arguments[1], parameters);
        const Datum* is_local = plain_value(*expr->arguments[2], parameters);
        if (name == nullptr || value == nullptr || is_local == nullptr || name->is_null()) {
            return expr;
        }
        const std::vector<std::string> words{value->is_null() ? "" : value->as<std::string>()};
        auto done = change_setting(name->as<std::string>(), words,
                                   !is_local->is_null() && is_local->as<bool>());
        if (!done && outcome) outcome = done.error();
        return plan::constant(Datum::text(words[0]));
    };
    plan::Query out = query;
    out.root = plan::map_expressions(query.root, 0,
                                     [&](const plan::ExprPtr& expr, int) { return set(expr); });
    if (!outcome) return outcome.error();
    return out;
}

Result<std::unique_ptr<Cursor>> Session::run_query(PreparedStatement& prepared,
                                                   const plan::Query& query,
                                                   const std::vector<Datum>& parameters) {
    for (const std::string& warning : query.warnings) warn("01000", warning);
    const auto cancel = new_cancel_token();
    const bool sets = statement_text_.find("set_config") != std::string::npos;
    auto answer = sets ? TRY(start_reading(TRY(with_settings_set(query, parameters)), nullptr,
                                           parameters, cancel))
                       : TRY(start_reading(query, &prepared, parameters, cancel));
    auto cursor = done("SELECT");
    cursor->session_ = this;
    cursor->schema_ = query.output;
    cursor->answer_ = std::move(answer);
    cursor->counts_rows_ = true;
    cursor->statement_ = statement_text_;
    return cursor;
}

Result<std::unique_ptr<Cursor>> Session::run_insert(const sql::Insert& insert,
                                                    const std::vector<Datum>& parameters) {
    TRY(check_may_insert());
    const auto table = state_->catalog.tables.find(insert.table);
    if (table == state_->catalog.tables.end()) {
        return not_found("relation \"{}\" does not exist", insert.name);
    }
    const RecordWriter writer(table->second.columns, insert.columns, settings_.format());
    uint64_t count = 0;
    const auto add = [&](const Batch& batch) {
        std::vector<std::string> records;
        for (size_t row = 0; row < batch.length; ++row) records.push_back(writer.write(batch, row));
        count += batch.length;
        return pending_.insert(table->second, std::move(records));
    };
    const auto plain =
        insert.query || insert.rows.empty() ? std::nullopt : plain_rows(insert.rows, parameters);
    if (plain) {
        TRY(add(*plain));
    } else if (insert.query || !insert.rows.empty()) {
        const plan::Query query = insert.query ? *insert.query : values_query(insert.rows);
        auto answer = TRY(start_reading(query, nullptr, parameters, new_cancel_token()));
        Batch batch;
        while (TRY(answer->next(batch))) TRY(add(batch));
    }
    return done(fmt::format("INSERT 0 {}", count));
}

Result<std::unique_ptr<Cursor>> Session::run_explain(const sql::Explain& explain,
                                                     const std::vector<Datum>& parameters) {
    const auto* query = std::get_if<plan::Query>(&explain.inner->command);
    const auto* insert = std::get_if<sql::Insert>(&explain.inner->command);
    std::vector<std::string> lines;
    if (insert != nullptr) {
        lines.push_back(fmt::format("Insert on {}", sql::quote_identifier(insert->name)));
        if (insert->query) query = &*insert->query;
        if (explain.analyze) return unsupported("EXPLAIN (ANALYZE) of INSERT is not supported");
    }
    const std::string indent = insert == nullptr ? "" : "  ";
    if (query != nullptr) {
        for (std::string& line : lines_of(plan::to_text(*query->root)))
            lines.push_back(indent + line);
    }
    std::string facts;  // JSON members
    if (explain.analyze && query != nullptr) {
        const int64_t started_us = services_.clock->monotonic_us();
        auto answer = TRY(start_reading(*query, nullptr, parameters, new_cancel_token()));
        uint64_t rows = 0;
        Batch batch;
        while (TRY(answer->next(batch))) rows += batch.length;
        const double ms =
            static_cast<double>(services_.clock->monotonic_us() - started_us) / 1000.0;
        note_finished(statement_text_, answer->receipt());
        const runs::Receipt receipt = runs::make_receipt(*receipt_);
        lines.push_back(fmt::format("Rows: {}", rows));
        for (std::string& line : receipt_lines(receipt)) lines.push_back(std::move(line));
        lines.push_back(fmt::format("Execution Time: {:.3f} ms", ms));
        facts = fmt::format(R"(, "Rows": {}, "Execution Time": {:.3f}, "Receipt": {})", rows, ms,
                            runs::to_json(receipt));
    }
    if (explain.format == sql::Explain::Format::kText) {
        std::vector<std::vector<std::string>> rows;
        for (std::string& line : lines) rows.push_back({std::move(line)});
        return rows_of({{{"QUERY PLAN", kText}}}, std::move(rows), "EXPLAIN");
    }
    std::string plan;
    for (const std::string& line :
         query == nullptr ? lines : lines_of(plan::to_text(*query->root))) {
        if (!plan.empty()) plan += ", ";
        append_json_string(line, plan);
    }
    return rows_of({{{"QUERY PLAN", kText}}},
                   {{fmt::format(R"([{{"Plan": [{}]{}}}])", plan, facts)}}, "EXPLAIN");
}

Result<std::unique_ptr<Cursor>> Session::run_show(const sql::Show& show) {
    if (show.name == "braid.receipt") {
        if (receipt_ == nullptr) {
            return invalid_input("no statement of this session has a receipt yet")
                .with_sqlstate("55000");
        }
        return rows_of({{{show.name, kText}}}, {{runs::to_json(runs::make_receipt(*receipt_))}},
                       "SHOW");
    }
    if (show.name != "all") {
        std::string value = TRY(settings_.show(show.name));
        return rows_of({{{canonical_setting_name(show.name), kText}}}, {{std::move(value)}},
                       "SHOW");
    }
    std::vector<std::vector<std::string>> rows;
    for (const SettingFacts& facts : setting_facts()) {
        rows.push_back({std::string(facts.name), TRY(settings_.show(facts.name)),
                        std::string(facts.description)});
    }
    return rows_of({{{"name", kText}, {"setting", kText}, {"description", kText}}}, std::move(rows),
                   "SHOW");
}

Result<std::unique_ptr<Cursor>> Session::run_execute(const sql::Execute& execute_statement) {
    const PreparedPtr prepared = find(execute_statement.name);
    if (prepared == nullptr) {
        return not_found("prepared statement \"{}\" does not exist", execute_statement.name)
            .with_sqlstate("26000");
    }
    const size_t wanted = prepared->parameters.size();
    const size_t given = execute_statement.arguments.size();
    if (wanted != given) {
        return invalid_input("wrong number of parameters for prepared statement \"{}\"",
                             execute_statement.name)
            .with_detail(fmt::format("Expected {} parameters but got {}.", wanted, given))
            .with_sqlstate("42601");
    }
    std::vector<Datum> parameters;
    if (given > 0) {
        auto row = plain_rows({execute_statement.arguments}, {});
        if (!row) {
            auto answer = TRY(start_reading(values_query({execute_statement.arguments}), nullptr,
                                            {}, new_cancel_token()));
            row.emplace();
            if (!TRY(answer->next(*row))) return internal_error("an EXECUTE without a row");
        }
        for (size_t i = 0; i < given; ++i) {
            Datum value = row->columns[i].datum(0);
            if (value.is_null()) {
                value = Datum::null(prepared->parameters[i]);
            } else if (value.type.kind != prepared->parameters[i].kind ||
                       is_array(prepared->parameters[i])) {
                std::string text;
                format_text(value, settings_.format(), text);
                value = TRY(parse_text(text, prepared->parameters[i], settings_.format()));
            }
            parameters.push_back(std::move(value));
        }
    }
    return execute(*prepared, std::move(parameters));
}

Result<std::unique_ptr<Cursor>> Session::run_call(const sql::Call& call,
                                                  const std::vector<Datum>& parameters) {
    TRY(check_writable("CALL"));
    if (is_in_block() || !pending_.empty()) {
        return invalid_input("CALL cannot run inside a transaction block").with_sqlstate("25001");
    }
    auto row = plain_rows({{call.argument}}, parameters);
    if (!row) {
        auto answer = TRY(start_reading(values_query({{call.argument}}), nullptr, parameters,
                                        new_cancel_token()));
        row.emplace();
        if (!TRY(answer->next(*row))) return internal_error("a CALL without a row");
    }
    if (row->columns[0].is_null(0)) {
        return invalid_input("the number of an audit is not NULL").with_sqlstate("22004");
    }
    const auto number = static_cast<uint64_t>(row->columns[0].at<int64_t>(0));
    const bool is_accepted = call.procedure == sql::Call::Procedure::kAcceptAudit;
    const uint64_t waiting = TRY(services_.control->judge_audit(number, is_accepted));
    if (waiting > 0) {
        notices_.push_back({.message = fmt::format("{} more audits of the same cut are pending: "
                                                   "nothing is published yet",
                                                   waiting)});
    }
    return done("CALL");
}

/// Commands that give no rows. What they declare or drop is taken into the transaction.
Result<void> Session::run_definition(const sql::Command& command) {
    if (const auto* set = std::get_if<sql::Set>(&command)) return run_set(*set);
    if (const auto* reset = std::get_if<sql::Reset>(&command)) {
        settings_.begin_implicit();
        if (reset->name != "all") return settings_.reset(reset->name);
        settings_.reset_all();
        return {};
    }
    if (const auto* prepare_statement = std::get_if<sql::Prepare>(&command)) {
        auto prepared =
            TRY(prepare(prepare_statement->statement, prepare_statement->parameter_types));
        return keep(prepare_statement->name, std::move(prepared));
    }
    if (const auto* deallocate = std::get_if<sql::Deallocate>(&command)) {
        if (deallocate->name.empty()) {
            forget_all();
        } else if (find(deallocate->name) == nullptr) {
            return not_found("prepared statement \"{}\" does not exist", deallocate->name)
                .with_sqlstate("26000");
        }
        forget(deallocate->name);
        return {};
    }
    if (const auto* discard = std::get_if<sql::Discard>(&command)) return run_discard(*discard);

    if (const auto* refresh_view = std::get_if<sql::Refresh>(&command))
        return run_refresh(*refresh_view);
    if (const auto* table = std::get_if<sql::CreateTable>(&command)) {
        TRY(check_writable("CREATE TABLE"));
        if (table->exists_already) return {};
        TRY(define(TRY(services_.control->complete(table->table))));
        for (std::string& trouble : services_.control->source_troubles(table->table)) {
            warn("01000", std::move(trouble));
        }
        return {};
    }
    if (const auto* view = std::get_if<sql::CreateMaterializedView>(&command)) {
        return run_create_view(*view);
    }
    if (const auto* view = std::get_if<sql::CreateView>(&command)) {
        return run_create_plain_view(*view);
    }
    if (const auto* drop = std::get_if<sql::Drop>(&command)) return run_drop(*drop);
    return internal_error("a command that nobody runs");
}

Result<void> Session::run_create_view(const sql::CreateMaterializedView& create) {
    TRY(check_writable("CREATE MATERIALIZED VIEW"));
    if (create.exists_already) return {};
    auto view = TRY(services_.control->complete(create.name, *create.plan, create.time_zone));
    view.versions.front().wants_backfill = !create.with_no_data;
    view.keys_max = create.keys_max;
    view.retention_us = create.retention_us;
    return define({manifest::CreateView{std::move(view)}});
}

Result<void> Session::run_create_plain_view(const sql::CreateView& create) {
    TRY(check_writable("CREATE VIEW"));
    std::vector<manifest::Change> changes;
    const catalog::PlainView* old = state_->catalog.find_plain_view(create.name);
    if (old != nullptr && create.or_replace) changes.emplace_back(manifest::DropPlainView{old->id});
    const ObjectId id = TRY(services_.control->new_id());
    changes.emplace_back(manifest::CreatePlainView{{.id = id,
                                                    .name = create.name,
                                                    .definition = create.definition,
                                                    .created_at_us = services_.clock->wall_us()}});
    return define(std::move(changes));
}

/// What it does cannot be taken back, so it is no part of anything larger.
Result<void> Session::run_refresh(const sql::Refresh& refresh_view) {
    TRY(check_writable("REFRESH MATERIALIZED VIEW"));
    if (refresh_view.with_no_data) {
        return unsupported("REFRESH MATERIALIZED VIEW … WITH NO DATA is not supported");
    }
    if (is_in_block() || !pending_.empty()) {
        return Error(
                   invalid_input("REFRESH MATERIALIZED VIEW cannot run inside a transaction block"))
            .with_hint("Run it as a message of its own.")
            .with_sqlstate("25001");
    }
    return services_.control->refresh(refresh_view.view, work_limits());
}

namespace {

/// Parameters are constants from then on: whoever goes on with it knows no session.
plan::ExprPtr with_values(const plan::ExprPtr& expr, const std::vector<Datum>& parameters) {
    if (expr->kind == plan::Expr::Kind::kParameter) {
        return plan::constant(parameters[static_cast<size_t>(expr->column)]);
    }
    return plan::map_arguments(
        expr, [&](const plan::ExprPtr& each) { return with_values(each, parameters); });
}

}  // namespace

/// As a refresh: and what it takes away does not come back.
Result<std::unique_ptr<Cursor>> Session::run_delete(const sql::Delete& erase,
                                                    const std::vector<Datum>& parameters) {
    TRY(check_writable("DELETE"));
    if (is_in_block() || !pending_.empty()) {
        return Error(invalid_input("DELETE cannot run inside a transaction block"))
            .with_detail("Events are erased for good: that cannot be taken back.")
            .with_hint("Run it as a message of its own.")
            .with_sqlstate("25001");
    }
    const plan::ExprPtr predicate = with_values(erase.predicate, parameters);
    const uint64_t erased =
        TRY(services_.control->erase(erase.table, predicate, settings_.format(), work_limits()));
    tell_what_is_left(erase.table);
    return done(fmt::format("DELETE {}", erased));
}

/// What views hold of events that a retention has taken away cannot be taken out of them.
void Session::tell_what_is_left(TableId id) {
    const manifest::StatePtr state = services_.control->state();
    const manifest::TableState* table = state->table(id);
    if (table == nullptr) return;
    const auto has_base = [&](const catalog::MaterializedView* view) {
        return std::ranges::any_of(state->runs_of(view->current),
                                   [&](const auto& run) { return table->is_base(run); });
    };
    const auto views = state->catalog.views_of(id);
    const auto found = std::ranges::find_if(views, has_base);
    if (found == views.end()) return;
    notices_.push_back(
        {.severity = sql::Notice::Severity::kWarning,
         .sqlstate = "01000",
         .message = fmt::format("events that have left stream \"{}\" by its retention stay "
                                "counted in its views",
                                state->catalog.tables.at(id).name),
         .detail = fmt::format("View \"{}\" still has what it counted of them below {}.",
                               (*found)->name, table->start.to_string()),
         .hint = "A view that is dropped and created again counts what is left."});
}

Result<void> Session::run_drop(const sql::Drop& drop) {
    TRY(check_writable("DROP"));
    std::vector<manifest::Change> changes;
    for (const sql::Drop::Object& each : drop.objects) {
        switch (each.kind) {
            case sql::ObjectKind::kTable:
                changes.emplace_back(manifest::DropTable{each.id});
                break;
            case sql::ObjectKind::kMaterializedView:
                changes.emplace_back(manifest::DropView{each.id});
                break;
            case sql::ObjectKind::kView:
                changes.emplace_back(manifest::DropPlainView{each.id});
                break;
        }
    }
    return define(std::move(changes));
}

Result<void> Session::run_set(const sql::Set& set) {
    if (set.is_local && !is_in_block()) {
        warn("25P01", "SET LOCAL can only be used in transaction blocks");
    }
    if (set.name.starts_with("transaction_") && set.values.size() == 1) {
        TRY(check_mode(set.name, set.values[0]));
    }
    if (!set.to_default) return change_setting(set.name, set.values, set.is_local);
    settings_.begin_implicit();
    return settings_.reset(set.name);
}

Result<void> Session::change_setting(std::string_view name, std::span<const std::string> words,
                                     bool is_local) {
    settings_.begin_implicit();
    Settings::Mark before = settings_.mark();
    TRY(settings_.set(name, words, is_local));
    auto held = hold_kept();
    if (!held) settings_.go_back(std::move(before));
    return held;
}

Result<void> Session::run_discard(const sql::Discard& discard) {
    if (!discard.all) {
        if (discard.plans) {
            for (auto& [name, prepared] : named_) prepared->read = nullptr;
        }
        return {};
    }
    if (is_in_block()) {
        return invalid_input("DISCARD ALL cannot run inside a transaction block")
            .with_sqlstate("25001");
    }
    settings_.reset_all();
    forget_all();
    return {};
}

}  // namespace braid::serving
