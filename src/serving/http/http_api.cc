// SPDX-License-Identifier: Apache-2.0
#include "serving/http/http_api.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "catalog/connectors.h"
#include "log/request_limits.h"
#include "serving/http/error_response.h"
#include "serving/http/http_health.h"
#include "serving/http/media_type.h"
#include "serving/http/record_lines.h"
#include "serving/session/json_text.h"

namespace braid::serving {

namespace {

constexpr std::string_view kWelcome =
    "Braid: one exact number from a speed and a batch layer, with proof.\n"
    "\n"
    "POST /v1/tables/<table>/records   records, one a line; Idempotency-Key, ?partition=\n"
    "POST /v1/sql                      {\"query\": \"...\", \"params\": [...]} or plain SQL;\n"
    "                                  ?read_mode=live|at_cut|final&cut=, Accept: text/csv\n"
    "GET  /v1/views/<view>?column=value&limit=&after=\n"
    "GET  /metrics, /healthz, /readyz\n"
    "\n"
    "Or by the PostgreSQL protocol: psql -h 127.0.0.1 -p 5433 -U braid\n";

net::HttpResponse text_response(int status, std::string_view text) {
    return {.status = status, .headers = {}, .body = std::string(text)};
}

/// Also one of the server's, which no handler made.
void count_error(Metrics& metrics, int status) {
    metrics
        .get("braid_http_errors_total", Metrics::Kind::kCounter,
             "Requests that were answered with an error, by its status.",
             fmt::format("status=\"{}\"", status))
        .add(1);
}

bool parse_number(std::string_view text, uint32_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

/// A key that comes again with another body.
bool is_key_reused(const Error& error, bool has_key) {
    return has_key && error.code() == ErrorCode::kInvalidInput && error.sqlstate() == "22000";
}

void append_check(const RecordCheck& check, size_t records, const Offsets& offsets,
                  std::string& json) {
    json += fmt::format(",\"quarantined\":{}", check.bad);
    if (check.checked < records) json += fmt::format(",\"checked\":{}", check.checked);
    if (check.reasons.empty()) return;
    json += ",\"reasons\":[";
    for (const RecordCheck::Reason& each : check.reasons) {
        json += fmt::format("{}{{\"offset\":{},\"reason\":", json.ends_with('[') ? "" : ",",
                            offsets[each.record].value);
        append_json_string(each.text, json);
        json += '}';
    }
    json += ']';
}

Result<const catalog::Table*> find_stream(const catalog::Catalog& catalog,
                                          const std::string& name) {
    const catalog::Table* table = catalog.find_table(name);
    if (table != nullptr) return table;
    if (catalog.has_relation(name)) {
        return invalid_input("\"{}\" is a view and takes no records", name).with_sqlstate("42809");
    }
    return not_found("relation \"{}\" does not exist", name);
}

}  // namespace

HttpApi::HttpApi(const Services& services, Workers& workers, std::function<bool()> is_ready)
    : services_(services),
      hangups_(workers),
      is_ready_(std::move(is_ready)),
      records_(services.metrics->get("braid_http_records_total", Metrics::Kind::kCounter,
                                     "Records that were appended over HTTP.")),
      record_bytes_(services.metrics->get("braid_http_record_bytes_total", Metrics::Kind::kCounter,
                                          "Bytes of bodies with records that were appended.")),
      requests_(services.metrics->get("braid_http_requests_total", Metrics::Kind::kCounter,
                                      "Requests for records, statements and views.")),
      failures_(services.metrics->get("braid_http_failures_total", Metrics::Kind::kCounter,
                                      "Such requests that were answered with an error.")) {}

std::vector<net::HttpHeader> HttpApi::security_headers() {
    return {{"X-Content-Type-Options", "nosniff"},
            {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
            {"Referrer-Policy", "no-referrer"},
            {"Cross-Origin-Resource-Policy", "same-origin"},
            {"Cache-Control", "no-store"}};
}

void HttpApi::add_routes(net::HttpRouter& router) {
    const auto counted = [this](net::HttpResponse (HttpApi::*handler)(const net::HttpRequest&)) {
        return [this, handler](const net::HttpRequest& request) {
            requests_.add(1);
            net::HttpResponse response = (this->*handler)(request);
            if (response.status >= 400) {
                failures_.add(1);
                count_error(*services_.metrics, response.status);
            }
            return response;
        };
    };
    router.add("POST", "/v1/tables/{}/records", counted(&HttpApi::post_records),
               kRecordsBodyBytesMax);
    router.add("POST", "/v1/sql", counted(&HttpApi::post_sql));
    router.add("GET", "/v1/views/{}", counted(&HttpApi::get_view));
    router.add("GET", "/metrics", [this](const net::HttpRequest&) {
        return net::HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                 .headers = {},
                                 .body = services_.metrics->to_prometheus()};
    });
    router.add("GET", "/healthz", [this](const net::HttpRequest& request) {
        return health_response(request, "ok", true, services_.health);
    });
    router.add("GET", "/readyz", [this](const net::HttpRequest& request) {
        return health_response(request, "ready", is_ready_(), services_.health);
    });
    router.add("GET", "/", [](const net::HttpRequest&) { return text_response(200, kWelcome); });
}

net::HttpResponse HttpApi::post_records(const net::HttpRequest& request) {
    const std::string& name = request.captures[0];
    const manifest::StatePtr state = services_.control->state();
    const auto table = find_stream(state->catalog, name);
    if (!table) {
        return error_response(table.error(),
                              table.error().code() == ErrorCode::kNotFound ? 404 : 409);
    }
    const catalog::ConnectorFacts* connector = catalog::find_connector((*table)->connector);
    if (connector == nullptr || connector->has_source) {
        return error_response(Error(unsupported("\"{}\" takes no records over HTTP", name))
                                  .with_detail("Its connector is " + (*table)->connector + "."),
                              409);
    }
    if (const std::string wrong = wrong_type_of_records(request, (*table)->format);
        !wrong.empty()) {
        return fault_response(415, wrong);
    }
    std::optional<uint32_t> partition;
    if (const std::string* text = request.parameter("partition")) {
        uint32_t number = 0;
        if (!parse_number(*text, number)) {
            return error_response(invalid_input("not a partition: \"{}\"", *text));
        }
        partition = number;
    }
    log::AppendRequest append;
    const std::string* key = request.header("Idempotency-Key");
    if (key != nullptr) {
        if (key->empty() || key->size() > log::kKeyBytesMax) {
            return error_response(
                invalid_input("an Idempotency-Key has 1 to {} bytes", log::kKeyBytesMax));
        }
        append.key = {*key, hash64(request.body)};
    }
    if ((*table)->format == "json" && looks_like_json_array(request.body)) {
        return error_response(
            Error(invalid_input("the body is a JSON array"))
                .with_hint("Send one JSON object a line, without commas between."));
    }
    auto records = split_records(request.body);
    if (!records) return error_response(records.error(), 413);
    if (records->empty()) return error_response(invalid_input("the body holds no record"));
    append.records = *std::move(records);
    const auto outcome = services_.appender->append(**table, partition, append);
    if (!outcome) {
        const Error& error = outcome.error();
        return is_key_reused(error, key != nullptr) ? error_response(error, 422)
                                                    : error_response(error);
    }
    records_.add(static_cast<int64_t>(append.records.size()));
    record_bytes_.add(static_cast<int64_t>(request.body.size()));
    std::string json =
        fmt::format("{{\"partition\":{},\"first_offset\":{},\"last_offset\":{},\"records\":{}",
                    outcome->partition.value, outcome->offsets[0].value,
                    outcome->offsets[append.records.size() - 1].value, append.records.size());
    if (services_.record_checker != nullptr) {
        append_check(services_.record_checker->check(**table, append.records),
                     append.records.size(), outcome->offsets, json);
    }
    return {.content_type = "application/json",
            .headers = {},
            .body = json + ",\"durability\":\"disk\"}\n"};
}

HttpApiServer::HttpApiServer(const Services& services, Workers& workers,
                             std::function<bool()> is_ready)
    : api_(services, workers, std::move(is_ready)) {}

Result<std::unique_ptr<HttpApiServer>> HttpApiServer::start(
    HttpApiOptions where, const Services& services, Workers& workers,
    std::function<bool()> is_ready, const std::function<void(net::HttpRouter&)>& add_more) {
    std::unique_ptr<HttpApiServer> server(
        new HttpApiServer(services, workers, std::move(is_ready)));
    server->api_.add_routes(server->router_);
    if (add_more) add_more(server->router_);
    net::HttpServerOptions options;
    options.listener = std::move(where.listener);
    options.access = std::move(where.access);
    options.bodies = services.clients;
    options.headers = HttpApi::security_headers();
    options.fault_response = [&services](int status, const std::string& message) {
        count_error(*services.metrics, status);
        return fault_response(status, message);
    };
    server->server_ =
        TRY(net::HttpServer::start(std::move(options), *services.clock, server->router_));
    return server;
}

HttpApiServer::~HttpApiServer() { stop(); }

void HttpApiServer::stop() {
    if (server_ != nullptr) server_->stop();
}

}  // namespace braid::serving
