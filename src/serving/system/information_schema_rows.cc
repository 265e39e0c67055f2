// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "serving/system/relation_rows.h"
#include "serving/system/system_relation.h"
#include "serving/system/system_view.h"

namespace braid::serving {

namespace {

constexpr std::array<std::string_view, 4> kSchemas = {"pg_catalog", "public", "information_schema",
                                                      "braid"};

void add_schemata(const SystemView& /*view*/, RelationRows& rows) {
    for (const std::string_view schema : kSchemas) {
        rows.add();
        rows.set("catalog_name", kDatabaseName);
        rows.set("schema_name", schema);
        rows.set("schema_owner", kUserName);
    }
}

/// Materialized views are no tables of the standard, but clients that ask only here would never see
/// them.
std::string_view table_type(const CatalogRelation& relation) {
    if (relation.kind == 'r') return "BASE TABLE";
    return relation.kind == 'm' ? "MATERIALIZED VIEW" : "VIEW";
}

void add_tables(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        rows.add();
        rows.set("table_catalog", kDatabaseName);
        rows.set("table_schema", each.schema);
        rows.set("table_name", each.name);
        rows.set("table_type", table_type(each));
        rows.set("is_insertable_into", each.kind == 'r' && each.schema == "public" ? "YES" : "NO");
        rows.set("is_typed", "NO");
    }
}

void set_precision(const Type& type, RelationRows& rows) {
    switch (type.kind) {
        case TypeKind::kInt4:
        case TypeKind::kInt8:
            if (type.alias != TypeAlias::kNone && type.alias != TypeAlias::kInt2) return;
            rows.set("numeric_precision", static_cast<int64_t>(type.typlen()) * 8);
            rows.set("numeric_precision_radix", 2);
            rows.set("numeric_scale", 0);
            return;
        case TypeKind::kFloat8:
            rows.set("numeric_precision", 53);
            rows.set("numeric_precision_radix", 2);
            return;
        case TypeKind::kNumeric:
            rows.set("numeric_precision_radix", 10);
            if (type.precision < 0) return;
            rows.set("numeric_precision", static_cast<int64_t>(type.precision));
            rows.set("numeric_scale", static_cast<int64_t>(type.scale));
            return;
        case TypeKind::kDate:
            rows.set("datetime_precision", 0);
            return;
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
        case TypeKind::kInterval:
            rows.set("datetime_precision", 6);
            return;
        case TypeKind::kText:
            if (type.alias == TypeAlias::kVarchar && type.precision >= 0) {
                rows.set("character_maximum_length", static_cast<int64_t>(type.precision));
            }
            return;
        default:
            return;
    }
}

/// pg_type.typname: the name without its modifiers.
std::string internal_name(const Type& type) {
    struct Name {
        uint32_t oid;
        std::string_view name;
    };
    static constexpr Name kNames[] = {
        {16, "bool"},       {18, "char"},      {20, "int8"},        {21, "int2"},
        {22, "int2vector"}, {23, "int4"},      {701, "float8"},     {1002, "_char"},
        {1003, "_name"},    {1005, "_int2"},   {1009, "_text"},     {1028, "_oid"},
        {1034, "_aclitem"}, {1043, "varchar"}, {1114, "timestamp"}, {1184, "timestamptz"},
        {1700, "numeric"}};
    for (const Name& each : kNames) {
        if (each.oid == type.oid()) return std::string(each.name);
    }
    return type.name();  // the others are called alike in both places
}

void add_columns(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& relation : view.image.relations) {
        for (size_t i = 0; i < relation.columns.fields.size(); ++i) {
            const Field& field = relation.columns.fields[i];
            Type plain = field.type;
            plain.precision = -1;
            rows.add();
            rows.set("table_catalog", kDatabaseName);
            rows.set("table_schema", relation.schema);
            rows.set("table_name", relation.name);
            rows.set("column_name", field.name);
            rows.set("ordinal_position", static_cast<uint64_t>(i + 1));
            rows.set("is_nullable", relation.never_null[i] ? "NO" : "YES");
            rows.set("data_type", is_array(plain) ? "ARRAY" : plain.name());
            set_precision(field.type, rows);
            rows.set("udt_catalog", kDatabaseName);
            rows.set("udt_schema", "pg_catalog");
            rows.set("udt_name", internal_name(plain));
            rows.set("dtd_identifier", std::to_string(i + 1));
            for (const std::string_view column :
                 {"is_self_referencing", "is_identity", "identity_cycle", "is_updatable"}) {
                rows.set(column, "NO");
            }
            rows.set("is_generated", "NEVER");
        }
    }
}

void add_views(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.kind != 'v') continue;
        rows.add();
        rows.set("table_catalog", kDatabaseName);
        rows.set("table_schema", each.schema);
        rows.set("table_name", each.name);
        if (!each.definition.empty()) rows.set("view_definition", each.definition);
        rows.set("check_option", "NONE");
        for (const std::string_view column :
             {"is_updatable", "is_insertable_into", "is_trigger_updatable", "is_trigger_deletable",
              "is_trigger_insertable_into"}) {
            rows.set(column, "NO");
        }
    }
}

void add_catalog_name(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("catalog_name", kDatabaseName);
}

void add_enabled_roles(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("role_name", kUserName);
}

void add_character_sets(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("character_set_name", "UTF8");
    rows.set("character_repertoire", "UCS");
    rows.set("form_of_use", "UTF8");
    rows.set("default_collate_catalog", kDatabaseName);
    rows.set("default_collate_schema", "pg_catalog");
    rows.set("default_collate_name", "C");
}

constexpr RelationSource kSources[] = {
    {"information_schema", "character_sets", add_character_sets},
    {"information_schema", "columns", add_columns},
    {"information_schema", "enabled_roles", add_enabled_roles},
    {"information_schema", "information_schema_catalog_name", add_catalog_name},
    {"information_schema", "schemata", add_schemata},
    {"information_schema", "tables", add_tables},
    {"information_schema", "views", add_views},
};

}  // namespace

std::span<const RelationSource> information_schema_sources() { return kSources; }

}  // namespace braid::serving
