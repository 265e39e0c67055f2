// SPDX-License-Identifier: Apache-2.0
#include "serving/http/error_response.h"

#include <fmt/format.h>

#include "serving/http/http_status.h"
#include "serving/session/json_text.h"

namespace braid::serving {

namespace {

void add_member(std::string_view name, std::string_view value, std::string& json) {
    if (value.empty()) return;
    json += fmt::format("{}\"{}\":", json.size() > 1 ? "," : "", name);
    append_json_string(value, json);
}

}  // namespace

net::HttpResponse error_response(const Error& error) {
    return error_response(error, http_status_of(error));
}

net::HttpResponse error_response(const Error& error, int status) {
    std::string json = "{";
    add_member("code", error.sqlstate(), json);
    add_member("message", error.message(), json);
    add_member("detail", error.detail(), json);
    add_member("hint", error.hint(), json);
    if (error.position() > 0) json += fmt::format(",\"position\":{}", error.position());
    net::HttpResponse response{
        .status = status, .content_type = "application/json", .headers = {}, .body = json + "}\n"};
    if (status == 429 || status == 503) response.headers.push_back({"Retry-After", "1"});
    return response;
}

net::HttpResponse fault_response(int status, const std::string& message) {
    std::string json = "{";
    add_member("message", message, json);
    return {
        .status = status, .content_type = "application/json", .headers = {}, .body = json + "}\n"};
}

}  // namespace braid::serving
