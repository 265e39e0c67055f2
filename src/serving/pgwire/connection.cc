// SPDX-License-Identifier: Apache-2.0
#include "serving/pgwire/connection.h"

#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/trace.h"

namespace braid::serving::pgwire {

namespace {

constexpr int64_t kWriteTimeoutUs = 60'000'000;
constexpr size_t kFlushBytes = 64 * 1024;
constexpr uint64_t kPortalBytes = 1024;
constexpr uint64_t kSuspendedBytes = 256 * 1024;

/// About what a portal takes of memory before it is run.
uint64_t bytes_of(const Bind& bind) {
    uint64_t bytes = kPortalBytes;
    for (const auto& value : bind.values) bytes += sizeof(Datum) + (value ? value->size() : 0);
    return bytes;
}

void count_error(Metrics& metrics, const Error& error) {
    metrics
        .get("braid_pg_errors_total", Metrics::Kind::kCounter,
             "Errors that clients of PostgreSQL's protocol were told, by SQLSTATE.",
             fmt::format("sqlstate=\"{}\"", error.sqlstate()))
        .add(1);
}

char status_letter(TransactionStatus status) {
    switch (status) {
        case TransactionStatus::kIdle:
            return 'I';
        case TransactionStatus::kInBlock:
            return 'T';
        case TransactionStatus::kFailed:
            return 'E';
    }
    return 'I';
}

}  // namespace

Connection::Connection(net::Stream& stream, const Services& services, CancelRegistry& cancels,
                       net::HangupWatch& hangups, uint16_t port)
    : stream_(stream),
      services_(services),
      cancels_(cancels),
      hangups_(hangups),
      port_(port),
      reader_(stream, *services.clock, services.clients) {}

void Connection::run(bool over_limit) {
    if (!start(over_limit)) return;
    serve();
    cancels_.remove(key_);
}

void Connection::serve() {
    send_ready();
    while (!is_broken_) {
        auto message = reader_.next(kMessageBytesMax, idle_us_max());
        is_ready_ = false;
        if (!message) {
            if (message.error().code() == ErrorCode::kTimeout) return send_fatal(waited_too_long());
            if (message.error().code() != ErrorCode::kIo) send_fatal(message.error());
            return;
        }
        if (!*message || !handle(**message)) return;
    }
}

/// As in PostgreSQL only between statements: what stands before a Sync is not idle.
int64_t Connection::idle_us_max() const {
    if (!is_ready_) return 0;
    return session_->settings().idle_timeout_us(session_->status() != TransactionStatus::kIdle);
}

Error Connection::waited_too_long() const {
    if (session_->status() == TransactionStatus::kIdle) {
        return timeout("terminating connection due to idle-session timeout")
            .with_hint(
                "Connect again; SET idle_session_timeout to a longer time, or to 0 for none.")
            .with_sqlstate("57P05");
    }
    return timeout("terminating connection due to idle-in-transaction timeout")
        .with_hint(
            "Connect again and end transactions sooner; SET idle_in_transaction_session_timeout to "
            "a longer time, or to 0 for none.")
        .with_sqlstate("25P03");
}

bool Connection::handle(const MessageReader::Message& message) {
    auto parsed = message.refusal ? Result<FrontendMessage>(*message.refusal)
                                  : parse_message(message.type, message.body);
    if (!parsed) {
        // Its length was right, so the next message can still be found.
        if (skips_to_sync_) return true;
        send_error(parsed.error());
        if (message.type == 'Q' || message.type == 'S') {
            send_ready();
        } else {
            skip_to_sync();
        }
        return true;
    }
    if (std::holds_alternative<Terminate>(*parsed)) return false;
    if (const auto* query = std::get_if<Query>(&*parsed)) {
        if (!skips_to_sync_) handle_query(*query);
    } else if (std::holds_alternative<Sync>(*parsed)) {
        handle_sync();
    } else if (std::holds_alternative<Flush>(*parsed)) {
        (void)flush();
    } else if (!skips_to_sync_) {
        auto handled = handle_extended(*parsed);
        if (!handled) {
            send_error(handled.error());
            skip_to_sync();
        } else {
            (void)flush_if_large();
        }
    }
    return true;
}

/// What was refused is told at once: a client that asks for its answers with Flush, or waits for
/// one before it sends the next message, would never send the Sync behind it.
void Connection::skip_to_sync() {
    skips_to_sync_ = true;
    (void)flush();
}

Result<void> Connection::handle_extended(const FrontendMessage& message) {
    if (const auto* parse = std::get_if<Parse>(&message)) return handle(*parse);
    if (const auto* bind = std::get_if<Bind>(&message)) return handle(*bind);
    if (const auto* describe = std::get_if<Describe>(&message)) return handle(*describe);
    if (const auto* execute = std::get_if<Execute>(&message)) return handle(*execute);
    if (const auto* close = std::get_if<Close>(&message)) return handle(*close);
    const auto* unasked = std::get_if<Unasked>(&message);
    if (unasked != nullptr && unasked->type == 'F') {
        return unsupported("the function call protocol is not supported");
    }
    // COPY data without a COPY: PostgreSQL drops it, because a client may be sending when COPY
    // fails.
    if (unasked != nullptr && unasked->type != 'p') return {};
    return invalid_input("unexpected message").with_sqlstate("08P01");
}

void Connection::handle_query(const Query& query) {
    unnamed_ = nullptr;
    portals_.erase("");
    auto ran = run_query(query);
    if (!ran) send_error(ran.error());
    if (session_->status() == TransactionStatus::kIdle) portals_.clear();
    send_ready();
}

Result<void> Connection::run_query(const Query& query) {
    const auto statements = TRY(sql::parse(query.text));
    if (statements.empty()) {
        out_.empty_query();
        return {};
    }
    for (size_t i = 0; i < statements.size(); ++i) {
        TRY(run_statement(statements[i], i + 1 == statements.size()));
    }
    return {};
}

Result<void> Connection::run_statement(const sql::Statement& statement, bool is_last) {
    const auto guard = hangups_.watch(&stream_, [this] { session_->cancel(); });
    Portal portal;
    portal.prepared = TRY(session_->prepare(statement, {}));
    if (!portal.prepared->parameters.empty()) {
        return not_found("there is no parameter $1").with_sqlstate("42P02");
    }
    portal.cursor = TRY(session_->execute(*portal.prepared, {}));
    send_notices();
    if (portal.cursor->schema()) out_.row_description(*portal.cursor->schema(), {});
    uint64_t rows = 0;
    TRY(send_rows(portal, 0, rows));
    // The last one is not said to be complete before its transaction is.
    if (is_last) TRY(session_->finish_implicit());
    send_notices();
    out_.command_complete(portal.cursor->tag(rows));
    return {};
}

Result<PreparedPtr> Connection::find_statement(std::string_view name) const {
    PreparedPtr found = name.empty() ? unnamed_ : session_->find(name);
    if (found != nullptr) return found;
    if (name.empty()) {
        return not_found("unnamed prepared statement does not exist").with_sqlstate("26000");
    }
    return not_found("prepared statement \"{}\" does not exist", name).with_sqlstate("26000");
}

Result<void> Connection::handle(const Parse& parse) {
    if (parse.statement.empty()) unnamed_ = nullptr;
    const auto statements = TRY(sql::parse(parse.text));
    if (statements.size() > 1) {
        return invalid_input("cannot insert multiple commands into a prepared statement")
            .with_sqlstate("42601");
    }
    std::vector<Type> types;
    for (const uint32_t oid : parse.parameter_oids) types.push_back(bound_type(oid));
    PreparedPtr prepared = statements.empty()
                               ? session_->prepare_empty()
                               : TRY(session_->prepare(statements[0], std::move(types)));
    prepared->declared_oids = parse.parameter_oids;
    if (parse.statement.empty()) {
        unnamed_ = std::move(prepared);
    } else {
        TRY(session_->keep(std::string(parse.statement), std::move(prepared)));
    }
    out_.parse_complete();
    return {};
}

Result<void> Connection::handle(const Bind& bind) {
    PreparedPtr prepared = TRY(find_statement(bind.statement));
    if (!prepared->is_empty) TRY(session_->check_may_run(prepared->statement));
    TRY(session_->check_still_holds(*prepared));
    if (bind.values.size() != prepared->parameters.size()) {
        return invalid_input(
                   "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                   bind.values.size(), bind.statement, prepared->parameters.size())
            .with_sqlstate("08P01");
    }
    const size_t columns = prepared->output ? prepared->output->fields.size() : 0;
    if (bind.result_is_binary.size() > 1 && bind.result_is_binary.size() != columns) {
        return invalid_input("bind message has {} result formats but query has {} columns",
                             bind.result_is_binary.size(), columns)
            .with_sqlstate("08P01");
    }
    Portal portal;
    portal.parameters = TRY(read_parameters(bind, *prepared));
    portal.prepared = std::move(prepared);
    portal.result_is_binary = bind.result_is_binary;
    portal.bytes = bytes_of(bind);
    portal.held = MemoryClaim(services_.clients);
    if (!portal.held.hold(portal.bytes)) return portal.held.refusal();
    if (bind.portal.empty()) {
        portals_.erase("");
    } else if (portals_.contains(bind.portal)) {
        return already_exists("cursor \"{}\" already exists", bind.portal).with_sqlstate("42P03");
    }
    portals_.emplace(bind.portal, std::move(portal));
    out_.bind_complete();
    return {};
}

Result<std::vector<Datum>> Connection::read_parameters(const Bind& bind,
                                                       const PreparedStatement& prepared) {
    std::vector<Datum> values;
    for (size_t i = 0; i < bind.values.size(); ++i) {
        const auto& formats = bind.parameter_is_binary;
        const bool is_binary = !formats.empty() && formats[formats.size() == 1 ? 0 : i];
        const uint32_t oid = i < prepared.declared_oids.size() ? prepared.declared_oids[i] : 0;
        auto value = read_parameter(bind.values[i], is_binary, oid, prepared.parameters[i],
                                    session_->settings().format());
        if (!value)
            return std::move(value).error().with_context(
                fmt::format("portal parameter ${}", i + 1));
        values.push_back(*std::move(value));
    }
    return values;
}

Result<void> Connection::handle(const Describe& describe) {
    if (describe.is_portal) {
        const auto portal = portals_.find(describe.name);
        if (portal == portals_.end()) {
            return not_found("portal \"{}\" does not exist", describe.name).with_sqlstate("34000");
        }
        if (portal->second.prepared->output) {
            out_.row_description(*portal->second.prepared->output, portal->second.result_is_binary);
        } else {
            out_.no_data();
        }
        return {};
    }
    const PreparedPtr prepared = TRY(find_statement(describe.name));
    if (session_->status() != TransactionStatus::kFailed) {
        TRY(session_->check_still_holds(*prepared));
    }
    std::vector<uint32_t> oids;
    for (size_t i = 0; i < prepared->parameters.size(); ++i) {
        const uint32_t declared =
            i < prepared->declared_oids.size() ? prepared->declared_oids[i] : 0;
        oids.push_back(described_oid(declared, prepared->parameters[i]));
    }
    out_.parameter_description(oids);
    if (prepared->output) {
        out_.row_description(*prepared->output, {});
    } else {
        out_.no_data();
    }
    return {};
}

Result<void> Connection::handle(const Close& close) {
    if (close.is_portal) {
        if (const auto portal = portals_.find(close.name); portal != portals_.end()) {
            portals_.erase(portal);
        }
    } else if (close.name.empty()) {
        unnamed_ = nullptr;
    } else {
        session_->forget(close.name);
    }
    out_.close_complete();
    return {};
}

Result<void> Connection::handle(const Execute& execute) {
    const auto place = portals_.find(execute.portal);
    if (place == portals_.end()) {
        return not_found("portal \"{}\" does not exist", execute.portal).with_sqlstate("34000");
    }
    Portal& portal = place->second;
    if (portal.prepared->is_empty) {
        out_.empty_query();
        return {};
    }
    const auto guard = hangups_.watch(&stream_, [this] { session_->cancel(); });
    if (portal.cursor == nullptr) {
        portal.cursor = TRY(session_->execute(*portal.prepared, portal.parameters));
    } else if (!portal.cursor->schema()) {
        return invalid_input("portal \"{}\" cannot be run", execute.portal).with_sqlstate("55000");
    }
    send_notices();
    uint64_t rows = 0;
    if (!TRY(send_rows(portal, execute.rows_max, rows))) {
        // Its answer waits where it stands.
        if (!portal.held.hold(portal.bytes + kSuspendedBytes)) return portal.held.refusal();
        out_.portal_suspended();
        return {};
    }
    out_.command_complete(portal.cursor->tag(rows));
    return {};
}

Result<bool> Connection::send_rows(Portal& portal, uint64_t rows_max, uint64_t& rows) {
    if (!portal.cursor->schema() || portal.ended) return true;
    const RowWriter writer(*portal.cursor->schema(), portal.result_is_binary,
                           session_->settings().format(), session_->system());
    while (rows_max == 0 || rows < rows_max) {
        if (portal.next_row == portal.batch.length) {
            portal.batch = {};
            portal.next_row = 0;
            if (!TRY(portal.cursor->next(portal.batch))) {
                portal.ended = true;
                return true;
            }
        }
        writer.write(portal.batch, portal.next_row++, out_);
        ++rows;
        TRY(flush_if_large());
    }
    return false;
}

void Connection::handle_sync() {
    skips_to_sync_ = false;
    auto finished = session_->finish_implicit();
    if (!finished) send_error(finished.error());
    if (session_->status() == TransactionStatus::kIdle) portals_.clear();
    send_ready();
}

void Connection::send_notices() {
    for (const sql::Notice& notice : session_->take_notices()) out_.notice(notice);
}

void Connection::send_changed_settings() {
    const Settings& settings = session_->settings();
    if (reported_version_ == settings.version()) return;
    reported_version_ = settings.version();
    for (const SettingFacts& facts : setting_facts()) {
        if (!facts.is_reported) continue;
        const auto value = settings.show(facts.name);
        if (!value) continue;
        const auto [known, is_first] = reported_.try_emplace(std::string(facts.name), *value);
        if (!is_first && known->second == *value) continue;
        known->second = *value;
        out_.parameter_status(facts.name, *value);
    }
}

void Connection::send_ready() {
    send_notices();
    send_changed_settings();
    out_.ready_for_query(status_letter(session_->status()));
    (void)flush();
    is_ready_ = true;
}

void Connection::send_error(const Error& error) {
    count_error(*services_.metrics, error);
    session_->fail();
    send_notices();
    out_.error(error, "ERROR");
}

void Connection::send_fatal(const Error& error) {
    count_error(*services_.metrics, error);
    out_.error(error, "FATAL");
    if (flush()) stream_.finish();
}

Result<void> Connection::flush() {
    auto written = stream_.write_all(out_.buffer(), kWriteTimeoutUs);
    out_.buffer().clear();
    is_broken_ |= !written;
    return written;
}

Result<void> Connection::flush_if_large() {
    if (out_.size() < kFlushBytes) return {};
    return flush();
}

}  // namespace braid::serving::pgwire
