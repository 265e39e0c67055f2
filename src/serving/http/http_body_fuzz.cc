// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "serving/http/json_request.h"
#include "serving/http/record_lines.h"
#include "serving/session/json_text.h"
#include "serving/session/record_appender.h"

/// Bodies of both kinds: records lie in the body, in order, without line ends; what a request's
/// reader took is written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace braid::serving;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    if (const auto records = split_records(body)) {
        const char* end = body.data();
        for (const std::string_view record : *records) {
            CHECK(!record.empty());
            CHECK_LE(record.size(), kRecordBytesMax);
            CHECK(record.data() >= end &&
                  record.data() + record.size() <= body.data() + body.size());
            CHECK(record.find('\n') == std::string_view::npos);
            end = record.data() + record.size();
        }
    }
    if (const auto request = parse_sql_request(body)) {
        std::string again = "{\"query\":";
        append_json_string(request->query, again);
        again += ",\"params\":[";
        for (size_t i = 0; i < request->params.size(); ++i) {
            if (i > 0) again += ',';
            if (request->params[i]) {
                append_json_string(*request->params[i], again);
            } else {
                again += "null";
            }
        }
        const auto second = parse_sql_request(again + "]}");
        CHECK(second.has_value());
        CHECK(second->query == request->query);
        CHECK(second->params == request->params);
    }
    return 0;
}
