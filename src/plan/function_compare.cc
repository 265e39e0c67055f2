// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

constexpr std::array<std::string_view, 6> kSigns = {"=", "<>", "<", "<=", ">", ">="};

std::string signature(std::string_view sign, std::string_view left, std::string_view right) {
    std::string text(sign);
    text.append("(").append(left).append(",").append(right).append(")");
    return text;
}

void add_pair(FunctionTable& table, std::string_view left, std::string_view right, int flags,
              std::string_view left_sql = {}, std::string_view right_sql = {}) {
    for (const std::string_view sign : kSigns) {
        std::string duck_sql;
        if (!left_sql.empty()) {
            duck_sql.append(left_sql).append(" ").append(sign).append(" ").append(right_sql);
        }
        table.add(FunctionRow{signature(sign, left, right), "bool", flags, duck_sql});
    }
}

}  // namespace

void add_comparisons(FunctionTable& table) {
    // Integers, doubles (NaN greatest, -0 = 0) and text by bytes compare in DuckDB as in
    // PostgreSQL.
    for (const std::string_view type : {"bool", "int4", "int8", "float8", "text", "date",
                                        "timestamp", "timestamptz", "oid", "xid", "name", "char"}) {
        add_pair(table, type, type, kSameInDuck, "$1", "$2");
    }
    add_pair(table, "int4", "int8", kSameInDuck, "$1", "$2");
    add_pair(table, "int8", "int4", kSameInDuck, "$1", "$2");
    add_pair(table, "name", "text", kSameInDuck, "$1", "$2");
    add_pair(table, "text", "name", kSameInDuck, "$1", "$2");
    // The first bytes of the BLOB form are the value; what follows is only its display.
    add_pair(table, "numeric", "numeric", kRewrittenInDuck, "array_slice($1, 1, 19)",
             "array_slice($2, 1, 19)");
    add_pair(table, "interval", "interval", kRewrittenInDuck, "array_slice($1, 1, 16)",
             "array_slice($2, 1, 16)");
    // Across the types of time a comparison may need the zone, and infinities have different bits.
    for (const std::string_view left : {"date", "timestamp", "timestamptz"}) {
        for (const std::string_view right : {"date", "timestamp", "timestamptz"}) {
            if (left != right) add_pair(table, left, right, kPlainRow);
        }
    }
}

}  // namespace braid::plan
