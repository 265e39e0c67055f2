// SPDX-License-Identifier: Apache-2.0
#include "serving/session/session.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/error_makers.h"

namespace braid::serving {

namespace {

/// How loud a message is, as client_min_messages counts.
int loudness(std::string_view level) {
    if (level == "error") return 3;
    if (level == "warning") return 2;
    return level == "notice" ? 1 : 0;
}

/// What is refused in a read-only transaction before it is looked at.
bool declares(sql::StatementKind kind) {
    using Kind = sql::StatementKind;
    return kind == Kind::kCreateTable || kind == Kind::kCreateMaterializedView ||
           kind == Kind::kCreateView || kind == Kind::kDrop;
}

}  // namespace

Session::Session(const Services& services, Identity identity)
    : services_(services),
      identity_(identity),
      pending_(services.clients),
      view_plans_(services.view_plans, pending_),
      system_(*services.control, settings_, *services.receipts, services.quarantine, &view_plans_),
      kept_(services.clients) {
    begin_statement();
}

void Session::begin_statement() {
    const int64_t now_us = services_.clock->wall_us();
    state_ = pending_.seen_from(services_.control->state(), now_us);
    facts_ = {.process = identity_.process,
              .port = identity_.port,
              .version = services_.version,
              .started_at_us = services_.started_at_us,
              .transaction_at_us = is_in_block() ? transaction_.began_at_us : now_us,
              .statement_at_us = now_us};
    view_plans_.use(state_);
    system_.use(state_, facts_);
}

sql::BindOptions Session::bind_options(const std::vector<Type>& parameter_types) {
    sql::BindOptions options;
    options.time_zone = settings_.format().zone->name();
    options.search_path = settings_.search_path();
    options.parameter_types = parameter_types;
    options.system = &system_;
    options.view_plan_of = [this](VersionId version) { return view_plans_.plan_of(version); };
    return options;
}

Result<std::shared_ptr<const sql::BoundStatement>> Session::bind(
    const PreparedStatement& prepared, const std::vector<Type>& parameter_types) {
    // A view must not hold what this session happens to be.
    system_.forbid_session_functions(prepared.statement.kind ==
                                     sql::StatementKind::kCreateMaterializedView);
    auto bound = sql::bind(prepared.statement, state_->catalog, bind_options(parameter_types));
    system_.forbid_session_functions(false);
    return std::make_shared<const sql::BoundStatement>(TRY(std::move(bound)));
}

Result<PreparedPtr> Session::prepare(const sql::Statement& statement,
                                     std::vector<Type> parameter_types) {
    begin_statement();
    TRY(check_may_run(statement));
    TRY(note_query(statement.kind));
    auto prepared = std::make_shared<PreparedStatement>();
    prepared->statement = statement;
    prepared->declared = std::move(parameter_types);
    if (is_bound_early(statement.kind)) TRY(bind_again(*prepared));
    return prepared;
}

PreparedPtr Session::prepare_empty() const {
    auto prepared = std::make_shared<PreparedStatement>();
    prepared->is_empty = true;
    return prepared;
}

Result<void> Session::bind_again(PreparedStatement& prepared) {
    const bool is_first = prepared.bound_under == nullptr;
    system_.take_depends_on_now();
    // Once its parameters were told to somebody their types are as good as declared.
    auto bound = TRY(bind(prepared, is_first ? prepared.declared : prepared.parameters));
    const bool holds_once = system_.take_depends_on_now();
    std::optional<Schema> output = output_of(*bound);
    const sql::Command& command = bound->command;
    if (const auto* execute = std::get_if<sql::Execute>(&command)) {
        const PreparedPtr named = find(execute->name);
        if (named != nullptr) output = named->output;
    }
    if (!is_first && output != prepared.output) {
        return unsupported("cached plan must not change result type");
    }
    if (is_first) {
        if (const auto* query = std::get_if<plan::Query>(&command)) {
            prepared.parameters = query->parameters;
        } else if (const auto* insert = std::get_if<sql::Insert>(&command)) {
            prepared.parameters = insert->parameters;
        } else if (const auto* erase = std::get_if<sql::Delete>(&command)) {
            prepared.parameters = erase->parameters;
        } else if (const auto* call = std::get_if<sql::Call>(&command)) {
            prepared.parameters = call->parameters;
        }
    }
    prepared.output = std::move(output);
    prepared.bound = std::move(bound);
    prepared.holds_once = holds_once;
    prepared.bound_under = state_;
    prepared.settings_version = settings_.version();
    prepared.read = nullptr;
    return {};
}

bool Session::is_bound_as_now(const PreparedStatement& prepared) const {
    // What EXECUTE runs has a name, which may mean something else by now.
    return prepared.bound != nullptr && prepared.statement.kind != sql::StatementKind::kExecute &&
           prepared.settings_version == settings_.version() &&
           still_holds(*prepared.bound, *prepared.bound_under, *state_);
}

Result<void> Session::refresh(PreparedStatement& prepared) {
    if (!prepared.holds_once && is_bound_as_now(prepared)) return {};
    prepared.bound = nullptr;
    return bind_again(prepared);
}

Result<void> Session::check_still_holds(PreparedStatement& prepared) {
    if (prepared.is_empty || !is_bound_early(prepared.statement.kind)) return {};
    begin_statement();
    if (is_bound_as_now(prepared)) return {};
    prepared.bound = nullptr;
    return bind_again(prepared);
}

/// What PostgreSQL takes a snapshot for fixes the isolation of the transaction, and in a block what
/// REPEATABLE READ reads, whether or not this statement reads anything.
Result<void> Session::note_query(sql::StatementKind kind) {
    using Kind = sql::StatementKind;
    const bool needs_none = kind == Kind::kTransaction || kind == Kind::kSet ||
                            kind == Kind::kReset || kind == Kind::kShow;
    if (needs_none) return {};
    transaction_.has_queried = true;
    if (transaction_.status == TransactionStatus::kInBlock) TRY(pin_snapshot({}));
    return {};
}

/// Where the isolation keeps a snapshot and there is none yet.
Result<void> Session::pin_snapshot(const std::shared_ptr<CancelToken>& cancel) {
    const bool keeps_snapshot = settings_.isolation() != Isolation::kReadCommitted;
    if (!keeps_snapshot || transaction_.snapshot != nullptr) return {};
    transaction_.snapshot = TRY(services_.reader->pin(read_options(cancel)));
    return {};
}

Result<void> Session::check_may_run(const sql::Statement& statement) const {
    if (transaction_.status != TransactionStatus::kFailed) return {};
    if (statement.tag == "COMMIT" || statement.tag == "ROLLBACK") return {};
    return invalid_input(
               "current transaction is aborted, commands ignored until end of transaction block")
        .with_sqlstate("25P02");
}

Result<std::unique_ptr<Cursor>> Session::execute(PreparedStatement& prepared,
                                                 std::vector<Datum> parameters) {
    begin_statement();
    if (prepared.is_empty) return done("");
    TRY(check_may_run(prepared.statement));
    std::shared_ptr<const sql::BoundStatement> bound;
    if (is_bound_early(prepared.statement.kind)) {
        TRY(refresh(prepared));
        bound = prepared.bound;
    } else {
        if (declares(prepared.statement.kind)) TRY(check_writable(prepared.statement.tag));
        bound = TRY(bind(prepared, prepared.declared));
    }
    TRY(note_query(prepared.statement.kind));
    statement_text_ = prepared.statement.text;
    for (const sql::Notice& notice : bound->notices) notices_.push_back(notice);
    const sql::Command& command = bound->command;
    if (const auto* query = std::get_if<plan::Query>(&command)) {
        return run_query(prepared, *query, parameters);
    }
    if (const auto* insert = std::get_if<sql::Insert>(&command))
        return run_insert(*insert, parameters);
    if (const auto* explain = std::get_if<sql::Explain>(&command)) {
        return run_explain(*explain, parameters);
    }
    if (const auto* show = std::get_if<sql::Show>(&command)) return run_show(*show);
    if (const auto* run = std::get_if<sql::Execute>(&command)) return run_execute(*run);
    if (const auto* call = std::get_if<sql::Call>(&command)) return run_call(*call, parameters);
    if (const auto* erase = std::get_if<sql::Delete>(&command)) {
        return run_delete(*erase, parameters);
    }
    if (const auto* transaction = std::get_if<sql::Transaction>(&command)) {
        return run_transaction(*transaction, bound->tag);
    }
    TRY(run_definition(command));
    return done(bound->tag);
}

Result<void> Session::keep(std::string name, PreparedPtr prepared) {
    constexpr size_t kNamedMax = 10'000;
    if (named_.contains(name)) {
        return already_exists("prepared statement \"{}\" already exists", name)
            .with_sqlstate("42P05");
    }
    if (named_.size() >= kNamedMax) {
        return exhausted("more than {} prepared statements", kNamedMax)
            .with_hint("DEALLOCATE those that are not used any more.")
            .with_sqlstate("53200");
    }
    const uint64_t bytes = bytes_of(*prepared);
    named_bytes_ += bytes;
    if (auto held = hold_kept(); !held) {
        named_bytes_ -= bytes;
        return held;
    }
    named_.emplace(std::move(name), std::move(prepared));
    return {};
}

Result<void> Session::hold_kept() {
    const uint64_t settings = settings_.bytes() * (1 + transaction_.savepoints.size());
    if (!kept_.hold(named_bytes_ + settings)) return kept_.refusal();
    return {};
}

PreparedPtr Session::find(std::string_view name) const {
    const auto place = named_.find(name);
    return place == named_.end() ? nullptr : place->second;
}

void Session::forget(std::string_view name) {
    const auto place = named_.find(name);
    if (place == named_.end()) return;
    named_bytes_ -= bytes_of(*place->second);
    named_.erase(place);
    (void)hold_kept();  // it is less than before
}

void Session::forget_all() {
    named_.clear();
    named_bytes_ = 0;
    (void)hold_kept();
}

std::vector<sql::Notice> Session::take_notices() {
    if (notices_.empty()) return {};
    std::vector<sql::Notice> notices = std::exchange(notices_, {});
    const auto level = settings_.show("client_min_messages");
    const int least = level ? loudness(*level) : 0;
    std::erase_if(notices, [&](const sql::Notice& notice) {
        return (notice.severity == sql::Notice::Severity::kWarning ? 2 : 1) < least;
    });
    return notices;
}

void Session::warn(std::string_view sqlstate, std::string message) {
    notices_.push_back({.severity = sql::Notice::Severity::kWarning,
                        .sqlstate = std::string(sqlstate),
                        .message = std::move(message),
                        .detail = {},
                        .hint = {}});
}

std::shared_ptr<CancelToken> Session::new_cancel_token() {
    auto token = std::make_shared<CancelToken>();
    ScopedLock lock(cancel_mutex_);
    running_ = token;
    return token;
}

StatementLimits Session::work_limits() {
    const int64_t timeout_us = settings_.work_timeout_us();
    const int64_t now_us = services_.clock->monotonic_us();
    const int64_t deadline_us = timeout_us == 0 ? INT64_MAX : now_us + timeout_us;
    return {new_cancel_token(), *services_.clock, deadline_us};
}

void Session::cancel() {
    ScopedLock lock(cancel_mutex_);
    if (running_ != nullptr) running_->cancelled.store(true);
}

std::unique_ptr<Cursor> Session::done(std::string tag) const {
    auto cursor = std::make_unique<Cursor>();
    cursor->tag_ = std::move(tag);
    return cursor;
}

std::unique_ptr<Cursor> Session::rows_of(Schema schema, std::vector<std::vector<std::string>> rows,
                                         std::string tag) const {
    auto cursor = done(std::move(tag));
    Batch batch{.length = rows.size(), .columns = {}};
    for (size_t i = 0; i < schema.fields.size(); ++i) {
        ColumnBuilder builder(schema.fields[i].type, rows.size());
        for (const auto& row : rows) builder.append_text(row[i]);
        batch.columns.push_back(builder.finish());
    }
    cursor->schema_ = std::move(schema);
    if (batch.length > 0) cursor->ready_.push_back(std::move(batch));
    return cursor;
}

void Session::note_finished(const std::string& statement,
                            std::shared_ptr<const runs::ReceiptSource> receipt) {
    receipt_ = std::move(receipt);
    services_.receipts->add(services_.clock->wall_us(), statement, receipt_);
}

Result<bool> Cursor::next(Batch& batch) {
    if (answer_ == nullptr) {
        if (given_ == ready_.size()) return false;
        batch = std::move(ready_[given_++]);
        return true;
    }
    auto more = answer_->next(batch);
    if (more && *more) return true;
    // Nothing of it is needed any more: what it pins is given back at once.
    const auto answer = std::move(answer_);
    if (more) session_->note_finished(statement_, answer->receipt());
    return more;
}

std::string Cursor::tag(uint64_t rows) const {
    return counts_rows_ ? tag_ + ' ' + std::to_string(rows) : tag_;
}

}  // namespace braid::serving
