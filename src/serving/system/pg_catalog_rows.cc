// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "plan/function.h"
#include "serving/system/relation_rows.h"
#include "serving/system/system_relation.h"
#include "serving/system/system_view.h"

namespace braid::serving {

namespace {

constexpr uint64_t kPageBytes = 8192;
constexpr int kUtf8 = 6;  // pg_encoding_to_char(6)

struct Namespace {
    std::string_view name;
    uint32_t oid;
};
constexpr std::array<Namespace, 4> kNamespaces = {{{"pg_catalog", oids::kPgCatalog},
                                                   {"public", oids::kPublic},
                                                   {"information_schema", oids::kInformationSchema},
                                                   {"braid", oids::kBraid}}};

void add_namespaces(const SystemView& /*view*/, RelationRows& rows) {
    for (const Namespace& each : kNamespaces) {
        rows.add();
        rows.set("oid", each.oid);
        rows.set("nspname", each.name);
        rows.set("nspowner", oids::kOwner);
    }
}

void add_classes(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        const bool is_view = each.kind == 'v';
        rows.add();
        rows.set("oid", each.oid);
        rows.set("relname", each.name);
        rows.set("relnamespace", schema_oid(each.schema));
        rows.set("relowner", oids::kOwner);
        rows.set("relam", is_view ? 0U : oids::kAccessMethod);
        rows.set("relfilenode", is_view ? 0U : each.oid);
        rows.set("relpages", (each.bytes + kPageBytes - 1) / kPageBytes);
        rows.set("reltuples", -1);  // not known, as before a first ANALYZE
        rows.set("relpersistence", "p");
        rows.set("relkind", each.kind);
        rows.set("relnatts", static_cast<uint64_t>(each.columns.fields.size()));
        rows.set("relhasrules", is_view || each.kind == 'm');
        rows.set("relispopulated", each.is_populated);
        rows.set("relreplident", is_view ? "n" : "d");
    }
}

/// pg_type's facts of a column, as pg_attribute repeats them.
struct Storage {
    bool by_value;
    char align;
    char storage;
};
Storage storage_of(const Type& type) {
    switch (type.typlen()) {
        case 1:
            return {true, 'c', 'p'};
        case 2:
            return {true, 's', 'p'};
        case 4:
            return {true, 'i', 'p'};
        case 8:
            return {true, 'd', 'p'};
        case 16:
            return {false, 'd', 'p'};
        case 64:
            return {false, 'c', 'p'};
        default:
            return {false, 'i', type.kind == TypeKind::kNumeric ? 'm' : 'x'};
    }
}

uint32_t collation_of(const Type& type) {
    if (type.kind != TypeKind::kText) return 0;
    if (type.alias == TypeAlias::kNone || type.alias == TypeAlias::kVarchar) return 100;
    return type.alias == TypeAlias::kName ? 950 : 0;
}

void add_attributes(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& relation : view.image.relations) {
        for (size_t i = 0; i < relation.columns.fields.size(); ++i) {
            const Field& field = relation.columns.fields[i];
            const Storage storage = storage_of(field.type);
            rows.add();
            rows.set("attrelid", relation.oid);
            rows.set("attname", field.name);
            rows.set("atttypid", field.type.oid());
            rows.set("attstattarget", -1);
            rows.set("attlen", static_cast<int64_t>(field.type.typlen()));
            rows.set("attnum", static_cast<uint64_t>(i + 1));
            rows.set("attcacheoff", -1);
            rows.set("atttypmod", static_cast<int64_t>(field.type.typmod()));
            rows.set("attbyval", storage.by_value);
            rows.set("attalign", storage.align);
            rows.set("attstorage", storage.storage);
            rows.set("attnotnull", static_cast<bool>(relation.never_null[i]));
            rows.set("attislocal", true);
            rows.set("attcollation", collation_of(field.type));
        }
    }
}

void add_access_methods(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("oid", oids::kAccessMethod);
    rows.set("amname", "braid");
    rows.set("amtype", "t");
}

void add_databases(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("oid", oids::kDatabase);
    rows.set("datname", kDatabaseName);
    rows.set("datdba", oids::kOwner);
    rows.set("encoding", kUtf8);
    rows.set("datlocprovider", "c");
    rows.set("datallowconn", true);
    rows.set("datconnlimit", -1);
    rows.set("dattablespace", oids::kTablespace);
    rows.set("datcollate", "C");
    rows.set("datctype", "C");
}

void add_tablespaces(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("oid", oids::kTablespace);
    rows.set("spcname", "pg_default");
    rows.set("spcowner", oids::kOwner);
}

void add_collations(const SystemView& /*view*/, RelationRows& rows) {
    struct Collation {
        std::string_view name;
        uint32_t oid;
        std::string_view provider;
    };
    static constexpr std::array<Collation, 3> kCollations = {
        {{"default", 100, "d"}, {"C", 950, "c"}, {"POSIX", 951, "c"}}};
    for (const Collation& each : kCollations) {
        rows.add();
        rows.set("oid", each.oid);
        rows.set("collname", each.name);
        rows.set("collnamespace", oids::kPgCatalog);
        rows.set("collowner", oids::kOwner);
        rows.set("collprovider", each.provider);
        rows.set("collisdeterministic", true);
        rows.set("collencoding", -1);
        rows.set("collcollate", "C");
        rows.set("collctype", "C");
    }
}

void add_languages(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("oid", 12);
    rows.set("lanname", "internal");
    rows.set("lanowner", oids::kOwner);
}

/// pg_authid and pg_roles: the one role.
void add_roles(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("oid", oids::kOwner);
    rows.set("rolname", kUserName);
    for (const std::string_view column :
         {"rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb", "rolcanlogin"}) {
        rows.set(column, true);
    }
    rows.set("rolreplication", false);
    rows.set("rolbypassrls", true);
    rows.set("rolconnlimit", -1);
}

/// pg_user and pg_shadow.
void add_users(const SystemView& /*view*/, RelationRows& rows) {
    rows.add();
    rows.set("usename", kUserName);
    rows.set("usesysid", oids::kOwner);
    rows.set("usecreatedb", true);
    rows.set("usesuper", true);
    rows.set("userepl", false);
    rows.set("usebypassrls", true);
}

void add_functions(const SystemView& /*view*/, RelationRows& rows) {
    for (const plan::Function& each : plan::functions()) {
        // Operators and casts share the table but are no functions by name.
        if (each.name.empty() || each.name.find(':') != std::string::npos) continue;
        const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
        if (!is_letter(each.name[0])) continue;
        std::string types;
        for (const Type& type : each.arguments) {
            if (!types.empty()) types += ' ';
            types += std::to_string(type.oid());
        }
        rows.add();
        rows.set("oid", oids::kFirstFunction + each.index);
        rows.set("proname", each.name);
        rows.set("pronamespace", oids::kPgCatalog);
        rows.set("proowner", oids::kOwner);
        rows.set("prolang", 12);
        rows.set("procost", 1);
        rows.set("prokind", "f");
        rows.set("proisstrict", each.is_strict);
        rows.set("provolatile", each.allowed_in_views ? "i" : "s");
        rows.set("proparallel", "s");
        rows.set("pronargs", static_cast<uint64_t>(each.arguments.size()));
        rows.set("prorettype", each.result.oid());
        rows.set("proargtypes", types);
        rows.set("prosrc", each.name);
    }
}

/// The rule that makes a view of a relation. `ev_action` holds the definition in SQL, where
/// PostgreSQL has a parse tree that nobody reads: pg_get_viewdef() takes it from here.
void add_rewrites(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.definition.empty()) continue;
        rows.add();
        rows.set("oid", each.oid);
        rows.set("rulename", "_RETURN");
        rows.set("ev_class", each.oid);
        rows.set("ev_type", "1");
        rows.set("ev_enabled", "O");
        rows.set("is_instead", true);
        rows.set("ev_qual", "<>");
        rows.set("ev_action", each.definition);
    }
}

void add_tables(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.kind != 'r') continue;
        rows.add();
        rows.set("schemaname", each.schema);
        rows.set("tablename", each.name);
        rows.set("tableowner", kUserName);
        for (const std::string_view column :
             {"hasindexes", "hasrules", "hastriggers", "rowsecurity"}) {
            rows.set(column, false);
        }
    }
}

void add_plain_views(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.kind != 'v') continue;
        rows.add();
        rows.set("schemaname", each.schema);
        rows.set("viewname", each.name);
        rows.set("viewowner", kUserName);
        if (!each.definition.empty()) rows.set("definition", each.definition);
    }
}

void add_materialized_views(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.kind != 'm') continue;
        rows.add();
        rows.set("schemaname", each.schema);
        rows.set("matviewname", each.name);
        rows.set("matviewowner", kUserName);
        rows.set("hasindexes", false);
        rows.set("ispopulated", each.is_populated);
        rows.set("definition", each.definition);
    }
}

/// pg_stat_user_tables: clients look there for a number of rows, which costs more here than it is
/// worth.
void add_statistics(const SystemView& view, RelationRows& rows) {
    for (const CatalogRelation& each : view.image.relations) {
        if (each.schema != "public" || each.kind == 'v') continue;
        rows.add();
        rows.set("relid", each.oid);
        rows.set("schemaname", each.schema);
        rows.set("relname", each.name);
        rows.set("n_live_tup", 0);
        rows.set("n_dead_tup", 0);
    }
}

std::string_view kind_name(SettingKind kind) {
    switch (kind) {
        case SettingKind::kBool:
            return "bool";
        case SettingKind::kInteger:
        case SettingKind::kTime:
            return "integer";
        case SettingKind::kChoice:
            return "enum";
        default:
            return "string";
    }
}

void add_settings(const SystemView& view, RelationRows& rows) {
    for (const SettingFacts& facts : setting_facts()) {
        const auto value = view.settings.show(facts.name);
        rows.add();
        rows.set("name", facts.name);
        if (value) rows.set("setting", *value);
        rows.set("category",
                 facts.name.starts_with("braid.") ? "Braid" : "Client Connection Defaults");
        rows.set("short_desc", facts.description);
        rows.set("context", facts.kind == SettingKind::kFixed ? "internal" : "user");
        rows.set("vartype", kind_name(facts.kind));
        rows.set("source", value && *value != facts.initial ? "session" : "default");
        rows.set("boot_val", facts.initial);
        rows.set("reset_val", facts.initial);
        rows.set("pending_restart", false);
    }
}

constexpr RelationSource kSources[] = {
    {"pg_catalog", "pg_am", add_access_methods},
    {"pg_catalog", "pg_attribute", add_attributes},
    {"pg_catalog", "pg_authid", add_roles},
    {"pg_catalog", "pg_class", add_classes},
    {"pg_catalog", "pg_collation", add_collations},
    {"pg_catalog", "pg_database", add_databases},
    {"pg_catalog", "pg_language", add_languages},
    {"pg_catalog", "pg_matviews", add_materialized_views},
    {"pg_catalog", "pg_namespace", add_namespaces},
    {"pg_catalog", "pg_proc", add_functions},
    {"pg_catalog", "pg_rewrite", add_rewrites},
    {"pg_catalog", "pg_roles", add_roles},
    {"pg_catalog", "pg_settings", add_settings},
    {"pg_catalog", "pg_shadow", add_users},
    {"pg_catalog", "pg_stat_user_tables", add_statistics},
    {"pg_catalog", "pg_tables", add_tables},
    {"pg_catalog", "pg_tablespace", add_tablespaces},
    {"pg_catalog", "pg_user", add_users},
    {"pg_catalog", "pg_views", add_plain_views},
};

}  // namespace

std::span<const RelationSource> pg_catalog_sources() { return kSources; }

}  // namespace braid::serving
