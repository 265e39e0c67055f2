// SPDX-License-Identifier: Apache-2.0
#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

constexpr FunctionRow kMatchRows[] = {
    // DuckDB's LIKE has no default escape, its ~ matches the whole text, and its ILIKE folds all of
    // Unicode.
    {"~~(text,text)", "bool"},
    {"!~~(text,text)", "bool"},
    {"~~*(text,text)", "bool"},
    {"!~~*(text,text)", "bool"},
    {"~(text,text)", "bool"},
    {"!~(text,text)", "bool"},
    {"~*(text,text)", "bool"},
    {"!~*(text,text)", "bool"},
    {"like_escape(text,text)", "text"},
    {"similar_to_escape(text)", "text"},
    {"similar_to_escape(text,text)", "text"},
    {"^@(text,text)", "bool", kRewrittenInDuck, "starts_with($1, $2)"},
    {"starts_with(text,text)", "bool", kSameInDuck, "starts_with($1, $2)"},
    {"regexp_like(text,text)", "bool"},
    {"regexp_like(text,text,text)", "bool"},
    {"regexp_count(text,text)", "int4"},
    {"regexp_substr(text,text)", "text"},
    {"regexp_replace(text,text,text)", "text"},
    {"regexp_replace(text,text,text,text)", "text"},
    {"substring(text,text)", "text"},
    {"substring(text,text,text)", "text"},
};

constexpr FunctionRow kTextRows[] = {
    // DuckDB's || knows no limit, and what it makes is in no account.
    {"||(text,text)", "text"},
    {"lower(text)", "text"},
    {"upper(text)", "text"},
    {"initcap(text)", "text"},
    {"length(text)", "int4", kRewrittenInDuck, "CAST(length($1) AS INTEGER)"},
    {"char_length(text)", "int4", kRewrittenInDuck, "CAST(length($1) AS INTEGER)"},
    {"character_length(text)", "int4", kRewrittenInDuck, "CAST(length($1) AS INTEGER)"},
    {"octet_length(text)", "int4", kRewrittenInDuck, "CAST(strlen($1) AS INTEGER)"},
    {"bit_length(text)", "int4", kRewrittenInDuck, "CAST(8 * strlen($1) AS INTEGER)"},
    {"left(text,int4)", "text"},
    {"right(text,int4)", "text"},
    {"substring(text,int4)", "text"},
    {"substring(text,int4,int4)", "text"},
    {"substr(text,int4)", "text"},
    {"substr(text,int4,int4)", "text"},
    {"overlay(text,text,int4)", "text"},
    {"overlay(text,text,int4,int4)", "text"},
    {"split_part(text,text,int4)", "text"},
    {"position(text,text)", "int4"},
    {"strpos(text,text)", "int4"},
    {"replace(text,text,text)", "text"},
    {"translate(text,text,text)", "text"},
    {"concat(any...)", "text", kNotStrict},
    {"concat_ws(text,any...)", "text", kNotStrict},
    {"format(text)", "text", kNotStrict},
    {"format(text,any...)", "text", kNotStrict},
    {"btrim(text)", "text"},
    {"btrim(text,text)", "text"},
    {"ltrim(text)", "text"},
    {"ltrim(text,text)", "text"},
    {"rtrim(text)", "text"},
    {"rtrim(text,text)", "text"},
    {"lpad(text,int4)", "text"},
    {"lpad(text,int4,text)", "text"},
    {"rpad(text,int4)", "text"},
    {"rpad(text,int4,text)", "text"},
    {"repeat(text,int4)", "text"},
    {"reverse(text)", "text"},
    {"ascii(text)", "int4"},
    {"chr(int4)", "text"},
    {"to_hex(int4)", "text"},
    {"to_hex(int8)", "text"},
    {"quote_ident(text)", "text"},
    {"quote_literal(text)", "text"},
    {"quote_literal(bool)", "text"},
    {"quote_literal(any)", "text"},
    {"quote_nullable(text)", "text", kNotStrict},
    {"quote_nullable(bool)", "text", kNotStrict},
    {"quote_nullable(any)", "text", kNotStrict},
};

constexpr FunctionRow kEnrichRows[] = {
    {"client(text)", "text", kMemoised},
    {"os(text)", "text", kMemoised},
    {"country(text)", "text", kMemoised},
    {"region(text)", "text", kMemoised},
};

void add_concatenations(FunctionTable& table) {
    // text || anything else that is not text goes through that type's cast to text.
    for (const std::string_view type : {"bool", "int4", "int8", "numeric", "float8", "date",
                                        "timestamp", "timestamptz", "interval"}) {
        std::string left("||(");
        left.append(type).append(",text)");
        std::string right("||(text,");
        right.append(type).append(")");
        table.add(FunctionRow{left, "text"});
        table.add(FunctionRow{right, "text"});
    }
}

}  // namespace

void add_text_functions(FunctionTable& table) {
    table.add(kMatchRows);
    table.add(kTextRows);
    add_concatenations(table);
    table.add(kEnrichRows);
}

}  // namespace braid::plan
