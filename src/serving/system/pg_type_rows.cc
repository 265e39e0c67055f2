// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "serving/system/relation_rows.h"
#include "serving/system/system_relation.h"
#include "serving/system/system_view.h"

namespace braid::serving {

namespace {

/// A row of pg_type as PostgreSQL 15 has it. Types that Braid has no values of are listed too where
/// clients look them up while they connect.
struct TypeRow {
    uint32_t oid;
    std::string_view name;
    int length;
    char category;
    uint32_t array;
    uint32_t
        input;  // of the functions that PostgreSQL reads and writes values with; sources of some
    uint32_t output;  // drivers are compared with them
    char align;
    char storage;
    bool is_preferred = false;
};

constexpr TypeRow kTypes[] = {
    {16, "bool", 1, 'B', 1000, 1242, 1243, 'c', 'p', true},
    {17, "bytea", -1, 'U', 1001, 1244, 31, 'i', 'x'},
    {18, "char", 1, 'Z', 1002, 1245, 33, 'c', 'p'},
    {19, "name", 64, 'S', 1003, 34, 35, 'c', 'p'},
    {20, "int8", 8, 'N', 1016, 460, 461, 'd', 'p'},
    {21, "int2", 2, 'N', 1005, 38, 39, 's', 'p'},
    {23, "int4", 4, 'N', 1007, 42, 43, 'i', 'p'},
    {24, "regproc", 4, 'N', 1008, 44, 45, 'i', 'p'},
    {25, "text", -1, 'S', 1009, 46, 47, 'i', 'x', true},
    {26, "oid", 4, 'N', 1028, 1798, 1799, 'i', 'p', true},
    {28, "xid", 4, 'U', 1011, 50, 51, 'i', 'p'},
    {114, "json", -1, 'U', 199, 321, 322, 'i', 'x'},
    {700, "float4", 4, 'N', 1021, 200, 201, 'i', 'p'},
    {701, "float8", 8, 'N', 1022, 214, 215, 'd', 'p', true},
    {705, "unknown", -2, 'X', 0, 109, 110, 'c', 'p'},
    {1033, "aclitem", 12, 'U', 1034, 1031, 1032, 'i', 'p'},
    {1042, "bpchar", -1, 'S', 1014, 1044, 1045, 'i', 'x'},
    {1043, "varchar", -1, 'S', 1015, 1046, 1047, 'i', 'x'},
    {1082, "date", 4, 'D', 1182, 1084, 1085, 'i', 'p'},
    {1083, "time", 8, 'D', 1183, 1143, 1144, 'd', 'p'},
    {1114, "timestamp", 8, 'D', 1115, 1312, 1313, 'd', 'p'},
    {1184, "timestamptz", 8, 'D', 1185, 1150, 1151, 'd', 'p', true},
    {1186, "interval", 16, 'T', 1187, 1160, 1161, 'd', 'p', true},
    {1266, "timetz", 12, 'D', 1270, 1350, 1351, 'd', 'p'},
    {1700, "numeric", -1, 'N', 1231, 1701, 1702, 'i', 'm'},
    {2205, "regclass", 4, 'N', 2210, 2218, 2219, 'i', 'p'},
    {2206, "regtype", 4, 'N', 2211, 2220, 2221, 'i', 'p'},
    {2950, "uuid", 16, 'U', 2951, 2952, 2953, 'c', 'p'},
    {3802, "jsonb", -1, 'U', 3807, 3806, 3804, 'i', 'x'},
};

constexpr uint32_t kArrayInput = 750;
constexpr uint32_t kArrayOutput = 751;
constexpr uint32_t kArraySubscript = 6179;

bool is_by_value(const TypeRow& type) { return type.length > 0 && type.length <= 8; }

uint32_t collation_of(const TypeRow& type) {
    if (type.category != 'S') return 0;
    return type.name == "name" ? 950 : 100;
}

void set_shared(const TypeRow& type, RelationRows& rows) {
    rows.set("typnamespace", oids::kPgCatalog);
    rows.set("typowner", oids::kOwner);
    rows.set("typtype", type.category == 'X' ? "p" : "b");
    rows.set("typisdefined", true);
    rows.set("typdelim", ",");
    rows.set("typtypmod", -1);
    rows.set("typcollation", collation_of(type));
}

void add_types(const SystemView& /*view*/, RelationRows& rows) {
    for (const TypeRow& type : kTypes) {
        rows.add();
        set_shared(type, rows);
        rows.set("oid", type.oid);
        rows.set("typname", type.name);
        rows.set("typlen", type.length);
        rows.set("typbyval", is_by_value(type));
        rows.set("typcategory", type.category);
        rows.set("typispreferred", type.is_preferred);
        rows.set("typelem", type.name == "name" ? 18U : 0U);
        rows.set("typarray", type.array);
        rows.set("typinput", type.input);
        rows.set("typoutput", type.output);
        rows.set("typalign", type.align);
        rows.set("typstorage", type.storage);
        if (type.array == 0) continue;
        rows.add();
        set_shared(type, rows);
        rows.set("oid", type.array);
        rows.set("typname", "_" + std::string(type.name));
        rows.set("typlen", -1);
        rows.set("typcategory", "A");
        rows.set("typelem", type.oid);
        rows.set("typsubscript", kArraySubscript);
        rows.set("typinput", kArrayInput);
        rows.set("typoutput", kArrayOutput);
        rows.set("typalign", type.align == 'd' ? "d" : "i");
        rows.set("typstorage", "x");
    }
}

constexpr RelationSource kSources[] = {{"pg_catalog", "pg_type", add_types}};

}  // namespace

std::span<const RelationSource> pg_type_sources() { return kSources; }

}  // namespace braid::serving
