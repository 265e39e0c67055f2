// SPDX-License-Identifier: Apache-2.0
#include "serving/http/http_status.h"

#include <algorithm>

namespace braid::serving {

namespace {

/// The client's mistakes are 4xx, what it may try again is 409, 429 or 503, the rest is ours.
constexpr StatusOfSqlstate kStatuses[] = {
    {"3D000", 404, "no such database"},
    {"3F000", 404, "no such schema"},
    {"42501", 403, "not permitted"},
    {"42704", 400, "no such type or setting"},
    {"42710", 409, "it exists already"},
    {"42P01", 404, "no such relation"},
    {"42P04", 409, "the database exists already"},
    {"42P05", 409, "the prepared statement exists already"},
    {"42P06", 409, "the schema exists already"},
    {"42P07", 409, "the relation exists already"},
    {"53300", 503, "too many connections"},
    {"53400", 409, "a view has more groups than its keys_max"},
    {"54000", 413, "too large: statement, record or answer"},
    {"55P02", 400, "a setting that cannot be changed"},
    {"57014", 504, "the statement took too long; 499: its client left"},
    {"58P01", 500, "a file is missing"},
    {"XX001", 500, "data are damaged"},
    {"08", 400, "protocol"},
    {"0A", 501, "not supported"},
    {"21", 400, "more than one row"},
    {"22", 400, "a value that does not fit"},
    {"23", 409, "a constraint"},
    {"25", 409, "not in this state of the transaction"},
    {"26", 400, "no such prepared statement"},
    {"28", 403, "login"},
    {"2B", 409, "others depend on it"},
    {"34", 400, "no such cursor"},
    {"3B", 400, "no such savepoint"},
    {"40", 409, "somebody was faster; try again"},
    {"42", 400, "the statement is wrong"},
    {"53", 429, "memory or disk is short; try again later"},
    {"54", 400, "too complex"},
    {"55", 409, "not in this state of the object"},
    {"57", 503, "starting, stopping, or it takes nothing now"},
    {"58", 500, "input or output failed"},
    {"P0", 400, "raised"},
    {"XX", 500, "a fault of the program"},
};

}  // namespace

std::span<const StatusOfSqlstate> statuses_of_sqlstates() { return kStatuses; }

int http_status_of(const Error& error) {
    if (error.code() == ErrorCode::kCancelled) return 499;
    const std::string_view sqlstate = error.sqlstate();
    const auto* place = std::ranges::find_if(kStatuses, [&](const StatusOfSqlstate& each) {
        return sqlstate.starts_with(each.sqlstate);
    });
    return place == std::end(kStatuses) ? 500 : place->status;
}

}  // namespace braid::serving
