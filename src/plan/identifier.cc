// SPDX-License-Identifier: Apache-2.0
#include "plan/identifier.h"

#include <algorithm>
#include <array>

#include "columnar/ascii.h"

namespace braid::plan {

namespace {

/// Words of the grammar that must be quoted to be a name: all but its unreserved keywords. Sorted.
constexpr auto kQuotedWords = std::to_array<std::string_view>({
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
});
static_assert(std::ranges::is_sorted(kQuotedWords));

bool is_plain_identifier(std::string_view name) {
    const auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    if (name.empty() || !is_start(name[0])) return false;
    const auto is_part = [&](char c) { return is_start(c) || ascii::is_digit(c); };
    if (!std::ranges::all_of(name, is_part)) return false;
    return !std::ranges::binary_search(kQuotedWords, name);
}

}  // namespace

void append_identifier(std::string_view name, std::string& out) {
    if (is_plain_identifier(name)) {
        out.append(name);
        return;
    }
    out += '"';
    for (const char c : name) {
        if (c == '"') out += c;
        out += c;
    }
    out += '"';
}

}  // namespace braid::plan
