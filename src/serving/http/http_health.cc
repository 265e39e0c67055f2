// SPDX-License-Identifier: Apache-2.0
#include "serving/http/http_health.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "columnar/text_io.h"
#include "serving/session/json_text.h"

namespace braid::serving {

namespace {

void append_member(std::string_view name, std::string_view value, std::string& json) {
    json += fmt::format("{}\"{}\":", json.ends_with('{') ? "" : ",", name);
    // A reason may hold a file's name, which is bytes.
    std::string text(value);
    if (!is_valid_utf8(text)) {
        for (char& each : text) {
            if (static_cast<unsigned char>(each) >= 0x80U) each = '?';
        }
    }
    append_json_string(text, json);
}

void append_report(const HealthReport& report, std::string& json) {
    json += "\n{";
    append_member("part", report.part, json);
    if (!report.stream.empty()) append_member("stream", report.stream, json);
    append_member("state", name_of(report.state), json);
    if (!report.reason.empty()) append_member("reason", report.reason, json);
    std::string since;
    format_text(Datum{Type::of(TypeKind::kTimestampTz), report.since_us + kUnixEpochUs},
                utc_format(), since);
    append_member("since", since, json);
    json += "},";
}

}  // namespace

net::HttpResponse health_response(const net::HttpRequest& request, std::string_view word,
                                  bool is_ready, const Health* health) {
    const std::vector<HealthReport> reports =
        health == nullptr ? std::vector<HealthReport>() : health->report();
    HealthState worst = HealthState::kWell;
    for (const HealthReport& report : reports) worst = std::max(worst, report.state);
    const bool is_well = is_ready && worst == HealthState::kWell;
    const std::string* accept = request.header("Accept");
    const bool wants_json =
        accept != nullptr && accept->find("application/json") != std::string::npos;
    if (is_well && !wants_json) return {.headers = {}, .body = fmt::format("{}\n", word)};
    std::string json = "{";
    append_member("status", is_ready ? name_of(worst) : "not ready", json);
    json += ",\"parts\":[";
    for (const HealthReport& report : reports) append_report(report, json);
    if (json.ends_with(',')) json.pop_back();
    json += "]}\n";
    return {.status = is_ready && worst != HealthState::kIll ? 200 : 503,
            .content_type = "application/json",
            .headers = {},
            .body = std::move(json)};
}

}  // namespace braid::serving
