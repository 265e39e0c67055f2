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
#include "serving/http/media_type.h"
#include "serving/http/result_body.h"
#include "serving/http/statement_run.h"
#include "serving/session/json_text.h"

namespace braid::serving {

namespace {

constexpr size_t kWholeBytesMax = 1 << 20;
constexpr uint32_t kLimitDefault = 1000;
constexpr uint32_t kLimitMax = 10'000;
constexpr uint32_t kAfterMax = 1'000'000'000;

/// Names of query parameters that are no columns.
constexpr std::array<std::string_view, 4> kReserved = {"limit", "after", "read_mode", "cut"};

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

/// GET /v1/views/…, understood.
struct ViewRequest {
    std::string query;  // without order and limit
    std::vector<std::optional<std::string>> params;
    uint32_t limit = kLimitDefault;
    uint32_t after = 0;  // rows that were on earlier pages
};

Result<uint32_t> number_of(std::string_view name, std::string_view text, uint32_t most) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number <= most) return number;
    return invalid_input("{} is a number up to {}", name, most).with_sqlstate("22023");
}

Result<ViewRequest> view_request_of(const net::HttpRequest& request) {
    ViewRequest asked;
    asked.query =
        fmt::format("SELECT * FROM public.{}", sql::quote_identifier(request.captures[0]));
    for (const auto& [column, value] : request.query) {
        if (column == "limit") asked.limit = TRY(number_of(column, value, kLimitMax));
        if (column == "after") asked.after = TRY(number_of(column, value, kAfterMax));
        if (std::ranges::find(kReserved, column) != kReserved.end()) continue;
        asked.params.push_back(value);
        asked.query += fmt::format(" {} {} = ${}", asked.params.size() == 1 ? "WHERE" : "AND",
                                   sql::quote_identifier(column), asked.params.size());
    }
    return asked;
}

/// Pages follow one another in the order of the rows' values: the same for equal rows.
Result<std::string> order_of_all_columns(Session& session, const std::string& query) {
    const auto statements = TRY(sql::parse(query));
    const PreparedPtr prepared = TRY(session.prepare(statements.front(), {}));
    std::string order;
    for (size_t column = 1; column <= prepared->output->fields.size(); ++column) {
        order += fmt::format("{}{}", column == 1 ? " ORDER BY " : ", ", column);
    }
    return order;
}

/// The same request for the page behind this one.
std::string target_of_next(const net::HttpRequest& request, const ViewRequest& asked) {
    std::string target(request.target.substr(0, request.target.find('?')));
    char separator = '?';
    for (const auto& [name, value] : request.query) {
        if (name == "after") continue;
        target += fmt::format("{}{}={}", separator, net::percent_encode(name),
                              net::percent_encode(value));
        separator = '&';
    }
    return target + fmt::format("{}after={}", separator, asked.after + asked.limit);
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
    if (!choose_form(request.headers, form)) {
        return fault_response(406, "answers are application/json or text/csv");
    }
    if (const std::string wrong = wrong_type_of_statement(request); !wrong.empty()) {
        return fault_response(415, wrong);
    }
    const SqlRequest asked = TRY(request_of(request));
    auto run = std::make_unique<StatementRun>(services_, hangups_, request.connection);
    TRY(apply_parameters(request, run->session()));
    TRY(run->start(asked.query, asked.params));
    run->write_as(form);
    net::HttpResponse response{
        .content_type = std::string(content_type(form)), .headers = {}, .body = {}};
    // What is short comes whole, or as an error; the rest of what is long is made as it is taken.
    std::string piece;
    while (TRY(run->next(piece))) {
        response.body += std::exchange(piece, {});
        if (response.body.size() < kWholeBytesMax) continue;
        response.rest = std::move(run);
        return response;
    }
    response.headers = run->trailers();
    return response;
}

Result<net::HttpResponse> HttpApi::read_view(const net::HttpRequest& request) {
    const std::string& name = request.captures[0];
    const manifest::StatePtr state = services_.control->state();
    if (state->catalog.find_view(name) == nullptr &&
        state->catalog.find_plain_view(name) == nullptr) {
        return not_found("view \"{}\" does not exist", name);
    }
    if (welcome_of("application/json", request.headers).quality == 0) {
        return fault_response(406, "rows of views are application/json");
    }
    const ViewRequest asked = TRY(view_request_of(request));
    StatementRun run(services_, hangups_, request.connection);
    TRY(apply_parameters(request, run.session()));
    net::HttpResponse response{.content_type = "application/json", .headers = {}, .body = {}};
    ResultPage page{.rows_max = asked.limit};
    const auto read = [&](std::string_view order) -> Result<std::string> {
        std::string query = fmt::format("{}{} LIMIT {}", asked.query, order, asked.limit + 1);
        if (asked.after > 0) query += fmt::format(" OFFSET {}", asked.after);
        TRY(run.start(query, asked.params));
        std::string body = TRY(write_page(run.cursor(), run.session(), services_.clients, page));
        TRY(run.finish());
        return body;
    };
    // What fits into one page needs no order, and the quicker way to rows knows none.
    if (asked.after == 0) response.body = TRY(read(""));
    if (asked.after > 0 || (page.has_more && asked.limit > 0)) {
        page.has_more = false;
        response.body = TRY(read(TRY(order_of_all_columns(run.session(), asked.query))));
    }
    if (page.has_more && asked.limit > 0) {
        response.body.resize(response.body.size() - 2);  // the object's end
        response.body += ",\"truncated\":true,\"next\":";
        append_json_string(target_of_next(request, asked), response.body);
        response.body += "}\n";
    }
    for (net::HttpHeader& each : run.trailers()) response.headers.push_back(std::move(each));
    return response;
}

}  // namespace braid::serving
