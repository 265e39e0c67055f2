// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "serving/http/error_response.h"
#include "serving/http/http_api.h"
#include "serving/http/json_request.h"
#include "serving/http/result_body.h"
#include "serving/session/receipt_text.h"

namespace braid::serving {

namespace {

constexpr size_t kReceiptBytesMax = 8 * 1024;
constexpr uint32_t kLimitDefault = 1000;
constexpr uint32_t kLimitMax = 10'000;

/// Names of query parameters that are no columns.
constexpr std::array<std::string_view, 3> kReserved = {"limit", "read_mode", "cut"};

bool is_json(const net::HttpRequest& request) {
    const std::string* type = request.header("Content-Type");
    if (type != nullptr) {
        std::string_view media = std::string_view(*type).substr(0, type->find(';'));
        while (media.ends_with(' ')) media.remove_suffix(1);
        if (net::equal_ignoring_case(media, "application/json")) return true;
    }
    // Senders that say nothing, or that it was a form; no SQL begins so.
    const size_t first = request.body.find_first_not_of(" \t\r\n");
    return first != std::string::npos && request.body[first] == '{';
}

Result<SqlRequest> request_of(const net::HttpRequest& request) {
    if (is_json(request)) return parse_sql_request(request.body);
    if (!is_valid_utf8(request.body)) {
        return invalid_input("the request body is not UTF-8").with_sqlstate("22021");
    }
    return SqlRequest{.query = request.body, .params = {}};
}

void add_receipt(const Session& session, net::HttpResponse& response) {
    if (session.receipt() == nullptr) return;
    response.headers.push_back(
        {"Braid-Receipt", receipt_json_within(*session.receipt(), kReceiptBytesMax)});
}

}  // namespace

net::HttpResponse HttpApi::post_sql(const net::HttpRequest& request) {
    auto response = run_sql(request);
    return response ? *std::move(response) : error_response(response.error());
}

net::HttpResponse HttpApi::get_view(const net::HttpRequest& request) {
    auto response = read_view(request);
    return response ? *std::move(response) : error_response(response.error());
}

Result<void> HttpApi::apply_parameters(const net::HttpRequest& request, Session& session) const {
    for (const std::string_view name : {"read_mode", "cut"}) {
        if (const std::string* value = request.parameter(name)) {
            TRY(session.settings().set_default(fmt::format("braid.{}", name), *value));
        }
    }
    return {};
}

Result<net::HttpResponse> HttpApi::run_sql(const net::HttpRequest& request) {
    ResultForm form = ResultForm::kJson;
    if (!choose_form(request.header("Accept"), form)) {
        return fault_response(406, "answers are application/json or text/csv");
    }
    const SqlRequest asked = TRY(request_of(request));
    Session session(services_, {});
    TRY(apply_parameters(request, session));
    net::HttpResponse response{
        .content_type = std::string(content_type(form)), .headers = {}, .body = {}};
    response.body =
        TRY(run_statements(session, asked.query, asked.params, request.connection,
                           [&](Cursor& cursor) { return write_result(cursor, form, session); }));
    add_receipt(session, response);
    return response;
}

/// Runs all statements; what the last one gives is the answer. Together they are one implicit
/// transaction.
Result<std::string> HttpApi::run_statements(
    Session& session, const std::string& text,
    const std::vector<std::optional<std::string>>& params, const net::Stream* connection,
    const std::function<Result<std::string>(Cursor&)>& write) {
    const auto statements = TRY(sql::parse(text));
    if (statements.empty())
        return invalid_input("the request holds no statement").with_sqlstate("42601");
    if (statements.size() > 1 && !params.empty()) {
        return invalid_input("parameters can be given to one statement only")
            .with_sqlstate("42601");
    }
    const auto guard = hangups_.watch(connection, [&session] { session.cancel(); });
    std::string answer;
    for (const sql::Statement& statement : statements) {
        const PreparedPtr prepared = TRY(session.prepare(statement, {}));
        if (prepared->parameters.size() != params.size()) {
            return invalid_input("the statement takes {} parameters, {} were given",
                                 prepared->parameters.size(), params.size())
                .with_sqlstate("42601");
        }
        std::vector<Datum> values;
        for (size_t i = 0; i < params.size(); ++i) {
            const Type& type = prepared->parameters[i];
            values.push_back(params[i]
                                 ? TRY(parse_text(*params[i], type, session.settings().format())
                                           .context(fmt::format("parameter ${}", i + 1)))
                                 : Datum::null(type));
        }
        const auto cursor = TRY(session.execute(*prepared, std::move(values)));
        answer = TRY(write(*cursor));
    }
    // A BEGIN without its COMMIT ends with the request: nothing of it stays.
    TRY(session.finish_implicit());
    return answer;
}

Result<net::HttpResponse> HttpApi::read_view(const net::HttpRequest& request) {
    const std::string& name = request.captures[0];
    const manifest::StatePtr state = services_.control->state();
    if (state->catalog.find_view(name) == nullptr &&
        state->catalog.find_plain_view(name) == nullptr) {
        return not_found("view \"{}\" does not exist", name);
    }
    Session session(services_, {});
    TRY(apply_parameters(request, session));
    std::string query = fmt::format("SELECT * FROM public.{}", sql::quote_identifier(name));
    std::vector<std::optional<std::string>> params;
    uint32_t limit = kLimitDefault;
    for (const auto& [column, value] : request.query) {
        if (column == "limit") {
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), limit);
            if (error != std::errc() || end != value.data() + value.size() || limit > kLimitMax) {
                return invalid_input("limit is a number up to {}", kLimitMax);
            }
        }
        if (std::ranges::find(kReserved, column) != kReserved.end()) continue;
        params.push_back(value);
        query += fmt::format(" {} {} = ${}", params.size() == 1 ? "WHERE" : "AND",
                             sql::quote_identifier(column), params.size());
    }
    query += fmt::format(" LIMIT {}", limit);
    net::HttpResponse response{.content_type = "application/json", .headers = {}, .body = {}};
    response.body =
        TRY(run_statements(session, query, params, request.connection, [&](Cursor& cursor) {
            return write_result(cursor, ResultForm::kObjects, session);
        }));
    add_receipt(session, response);
    return response;
}

}  // namespace braid::serving
