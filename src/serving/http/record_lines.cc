// SPDX-License-Identifier: Apache-2.0
#include "serving/http/record_lines.h"

#include <algorithm>

#include "base/error_makers.h"
#include "serving/session/record_appender.h"

namespace braid::serving {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Result<std::vector<std::string_view>> split_records(std::string_view body) {
    std::vector<std::string_view> records;
    if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
    for (size_t from = 0, line = 1; from < body.size(); ++line) {
        const size_t end = std::min(body.find('\n', from), body.size());
        std::string_view record = body.substr(from, end - from);
        from = end + 1;
        if (record.ends_with('\r')) record.remove_suffix(1);
        if (record.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        if (record.size() > kRecordBytesMax) {
            return exhausted("line {} has {} bytes, at most {} make a record", line, record.size(),
                             kRecordBytesMax)
                .with_hint("Send it as several records, or without what no view reads.")
                .with_sqlstate("54000");
        }
        records.push_back(record);
    }
    return records;
}

bool looks_like_json_array(std::string_view body) {
    if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
    const size_t first = body.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && body[first] == '[';
}

}  // namespace braid::serving
