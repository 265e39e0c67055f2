// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "plan/cast.h"
#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

using enum CastContext;

constexpr CastRow kCastRows[] = {
    {"int4", "int8", kImplicit, kRewrittenInDuck, "CAST($1 AS BIGINT)"},
    {"int4", "numeric", kImplicit},
    {"int4", "float8", kImplicit, kRewrittenInDuck, "CAST($1 AS DOUBLE)"},
    {"int4", "bool", kExplicit, kRewrittenInDuck, "$1 <> 0"},
    {"int8", "int4", kAssignment},
    {"int8", "numeric", kImplicit},
    {"int8", "float8", kImplicit, kRewrittenInDuck, "CAST($1 AS DOUBLE)"},
    {"numeric", "int4", kAssignment},
    {"numeric", "int8", kAssignment},
    {"numeric", "float8", kImplicit},
    {"float8", "int4", kAssignment},
    {"float8", "int8", kAssignment},
    {"float8", "numeric", kAssignment},
    {"bool", "int4", kExplicit, kRewrittenInDuck, "CAST($1 AS INTEGER)"},
    {"date", "timestamp", kImplicit},
    {"date", "timestamptz", kImplicit},
    {"timestamp", "date", kAssignment},
    {"timestamp", "timestamptz", kImplicit},
    {"timestamptz", "date", kAssignment},
    {"timestamptz", "timestamp", kAssignment},
    {"int4", "int2", kAssignment},
    {"int8", "int2", kAssignment},
    {"numeric", "int2", kAssignment},
    {"float8", "int2", kAssignment},
    {"int2", "int8", kImplicit, kRewrittenInDuck, "CAST($1 AS BIGINT)"},
    {"int2", "numeric", kImplicit},
    {"int2", "float8", kImplicit, kRewrittenInDuck, "CAST($1 AS DOUBLE)"},
    {"int2", "oid", kImplicit},
    {"int4", "oid", kImplicit},
    {"int8", "oid", kImplicit},
    {"oid", "int4", kAssignment},
    {"text", "char", kAssignment},
};

/// Types whose output function is also their cast to text, and whose input function the cast from
/// it.
constexpr std::string_view kTextual[] = {"int4", "int8",      "numeric",     "float8",
                                         "date", "timestamp", "timestamptz", "interval",
                                         "int2", "oid",       "xid"};
constexpr std::string_view kCatalogArrays[] = {"_text",      "_name",    "_oid", "_int2",
                                               "int2vector", "_aclitem", "_char"};
/// Not from text: their elements would have to be read, and written as they are kept.
constexpr std::string_view kOtherArrays[] = {"_varchar",     "_bool",    "_int4", "_int8",
                                             "_numeric",     "_float8",  "_date", "_timestamp",
                                             "_timestamptz", "_interval"};

void add_text_casts(FunctionTable& table) {
    for (const std::string_view string : {"text", "varchar"}) {
        for (const std::string_view type : kTextual) {
            table.add_cast({type, string, kAssignment});
            table.add_cast({string, type, kExplicit});
        }
        table.add_cast({"bool", string, kAssignment, kRewrittenInDuck,
                        "CASE WHEN $1 THEN 'true' WHEN NOT $1 THEN 'false' END"});
        table.add_cast({string, "bool", kExplicit});
        for (const std::string_view array : kCatalogArrays) {
            table.add_relabel(array, string, kAssignment);
            table.add_relabel(string, array, kExplicit);
        }
        for (const std::string_view array : kOtherArrays) {
            table.add_relabel(array, string, kAssignment);
        }
    }
    table.add_relabel("text", "varchar", kImplicit);
    table.add_relabel("varchar", "text", kImplicit);
    table.add_relabel("name", "text", kImplicit);
    table.add_relabel("name", "varchar", kAssignment);
    table.add_relabel("text", "name", kImplicit);
    table.add_relabel("varchar", "name", kImplicit);
    table.add_relabel("char", "text", kImplicit);
    table.add_relabel("_name", "_text", kImplicit);
    table.add_relabel("_varchar", "_text", kImplicit);
}

/// The types that stand for the OID of something in the catalog. Their text is a name found there.
void add_reference_casts(FunctionTable& table) {
    for (const std::string_view type : {"regclass", "regtype", "regproc"}) {
        table.add_relabel("oid", type, kImplicit);
        table.add_relabel(type, "oid", kImplicit);
        table.add_cast({"int4", type, kImplicit});
        table.add_cast({"int8", type, kImplicit});
        table.add_cast({type, "int4", kAssignment});
        table.add_relabel(type, "int8", kAssignment);
        const CastContext from_text = type == "regclass" ? kImplicit : kExplicit;
        for (const std::string_view string : {"text", "varchar"}) {
            table.add_cast({string, type, from_text, kSession});
            table.add_cast({type, string, kAssignment, kSession});
        }
    }
}

void add_output_functions(FunctionTable& table) {
    for (const std::string_view type : kTextual) {
        std::string signature("output:text(");
        signature.append(type).append(")");
        table.add(FunctionRow{signature, "text"});
    }
    table.add(FunctionRow{"output:text(bool)", "text", kRewrittenInDuck,
                          "CASE WHEN $1 THEN 't' WHEN NOT $1 THEN 'f' END"});
    for (const std::string_view type : {"regclass", "regtype", "regproc"}) {
        std::string signature("output:text(");
        signature.append(type).append(")");
        table.add(FunctionRow{signature, "text", kSession});
    }
    table.add(FunctionRow{"output:text(text)", "text", kSameInDuck, "$1"});
}

bool same_type(const Type& left, const Type& right) {
    return left.kind == right.kind && left.alias == right.alias;
}

}  // namespace

void add_casts(FunctionTable& table) {
    for (const CastRow& row : kCastRows) table.add_cast(row);
    table.add_relabel("int2", "int4", kImplicit);
    table.add_relabel("oid", "int8", kAssignment);
    add_text_casts(table);
    add_reference_casts(table);
    table.add(FunctionRow{"cast:numeric(numeric,int4,int4)", "numeric"});
    table.add(FunctionRow{"cast:varchar(text,int4)", "varchar"});
    add_output_functions(table);
}

std::span<const Cast> casts() { return function_table().casts; }

const Cast* find_cast(const Type& from, const Type& to) {
    const std::span<const Cast> all = casts();
    const auto found = std::ranges::find_if(all, [&](const Cast& cast) {
        return same_type(cast.from, from) && same_type(cast.to, to);
    });
    return found == all.end() ? nullptr : &*found;
}

const Function* output_function(const Type& type) {
    // Every kind of text is its own output.
    const Type shown = type.kind == TypeKind::kText || type.kind == TypeKind::kUnknown
                           ? Type::of(TypeKind::kText)
                           : type;
    std::string key("output:text(");
    key.append(type_key(shown)).append(")");
    return function_by_key(key);
}

}  // namespace braid::plan
