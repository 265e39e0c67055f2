// SPDX-License-Identifier: Apache-2.0
#include "serving/system/catalog_functions.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"
#include "plan/function.h"

namespace braid::serving {

namespace {

struct CatalogFunction {
    std::string_view name;
    std::string_view arguments;  // parted by ','
    std::string_view result;
    std::string_view body;
};

constexpr std::string_view kNone = "NULL::text";
constexpr std::string_view kViewText =
    "(SELECT r.ev_action FROM pg_catalog.pg_rewrite r WHERE r.ev_class = $1)";
constexpr std::string_view kSize =
    "(SELECT c.relpages::bigint * 8192 FROM pg_catalog.pg_class c WHERE c.oid = $1)";
constexpr std::string_view kUserOfOid =
    "CASE WHEN $1 = 10 THEN 'braid' WHEN $1 IS NULL THEN NULL "
    "ELSE 'unknown (OID=' || $1::bigint::text || ')' END";
constexpr std::string_view kEncodingName =
    "CASE WHEN $1 = 6 THEN 'UTF8' WHEN $1 = 0 THEN 'SQL_ASCII' WHEN $1 IS NULL THEN NULL ELSE '' "
    "END";
constexpr std::string_view kPretty =
    "CASE WHEN abs($1) < 10240 THEN $1::text || ' bytes' "
    "WHEN abs($1) < 10485247 THEN (($1 + 512) / 1024)::text || ' kB' "
    "WHEN abs($1) < 10736893952 THEN (($1 + 524288) / 1048576)::text || ' MB' "
    "WHEN abs($1) < 10994579406848 THEN (($1 + 536870912) / 1073741824)::text || ' GB' "
    "ELSE (($1 + 549755813888) / 1099511627776)::text || ' TB' END";
constexpr std::string_view kRelationName =
    "COALESCE((SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.oid = $1), "
    "$1::bigint::text)";
constexpr std::string_view kRelationOid =
    "(SELECT c.oid FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n "
    "WHERE n.oid = c.relnamespace AND (c.relname = $1 OR n.nspname || '.' || c.relname = $1) "
    "ORDER BY n.nspname = 'public' DESC, n.nspname = 'pg_catalog' DESC LIMIT 1)";
constexpr std::string_view kTypeOid =
    "(SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typname = $1 "
    "OR pg_catalog.format_type(t.oid, NULL) = $1 LIMIT 1)";

/// In order of names.
constexpr CatalogFunction kFunctions[] = {
    {"cast:regclass", "text", "regclass", kRelationOid},
    {"cast:regtype", "text", "regtype", kTypeOid},
    {"cast:text", "regclass", "text", kRelationName},
    {"cast:text", "regtype", "text", "pg_catalog.format_type($1::oid, NULL)"},
    {"col_description", "oid,int4", "text", kNone},
    {"has_any_column_privilege", "oid,text", "bool", "true"},
    {"has_any_column_privilege", "text,text", "bool", "true"},
    {"has_any_column_privilege", "name,oid,text", "bool", "true"},
    {"has_column_privilege", "oid,int2,text", "bool", "true"},
    {"has_column_privilege", "oid,text,text", "bool", "true"},
    {"has_column_privilege", "text,text,text", "bool", "true"},
    {"has_database_privilege", "oid,text", "bool", "true"},
    {"has_database_privilege", "text,text", "bool", "true"},
    {"has_database_privilege", "name,oid,text", "bool", "true"},
    {"has_database_privilege", "name,text,text", "bool", "true"},
    {"has_function_privilege", "oid,text", "bool", "true"},
    {"has_schema_privilege", "oid,text", "bool", "true"},
    {"has_schema_privilege", "text,text", "bool", "true"},
    {"has_schema_privilege", "name,oid,text", "bool", "true"},
    {"has_schema_privilege", "name,text,text", "bool", "true"},
    {"has_sequence_privilege", "oid,text", "bool", "true"},
    {"has_sequence_privilege", "text,text", "bool", "true"},
    {"has_table_privilege", "oid,text", "bool", "true"},
    {"has_table_privilege", "text,text", "bool", "true"},
    {"has_table_privilege", "name,oid,text", "bool", "true"},
    {"has_table_privilege", "name,text,text", "bool", "true"},
    {"has_tablespace_privilege", "oid,text", "bool", "true"},
    {"has_type_privilege", "oid,text", "bool", "true"},
    {"obj_description", "oid", "text", kNone},
    {"obj_description", "oid,name", "text", kNone},
    {"pg_char_to_encoding", "name", "int4", "CASE WHEN $1 = 'UTF8' THEN 6 ELSE -1 END"},
    {"pg_database_size", "oid", "int8",
     "(SELECT sum(c.relpages)::bigint * 8192 FROM pg_catalog.pg_class c)"},
    {"pg_database_size", "name", "int8",
     "(SELECT sum(c.relpages)::bigint * 8192 FROM pg_catalog.pg_class c)"},
    {"pg_encoding_to_char", "int4", "name", kEncodingName},
    {"pg_get_constraintdef", "oid", "text", kNone},
    {"pg_get_constraintdef", "oid,bool", "text", kNone},
    {"pg_get_expr", "text,oid", "text", kNone},
    {"pg_get_expr", "text,oid,bool", "text", kNone},
    {"pg_get_function_arguments", "oid", "text", kNone},
    {"pg_get_function_identity_arguments", "oid", "text", kNone},
    {"pg_get_function_result", "oid", "text",
     "(SELECT pg_catalog.format_type(p.prorettype, NULL) FROM pg_catalog.pg_proc p WHERE p.oid = "
     "$1)"},
    {"pg_get_function_sqlbody", "oid", "text", kNone},
    {"pg_get_functiondef", "oid", "text", kNone},
    {"pg_get_indexdef", "oid", "text", kNone},
    {"pg_get_indexdef", "oid,int4,bool", "text", kNone},
    {"pg_get_partition_constraintdef", "oid", "text", kNone},
    {"pg_get_partkeydef", "oid", "text", kNone},
    {"pg_get_ruledef", "oid", "text", kNone},
    {"pg_get_ruledef", "oid,bool", "text", kNone},
    {"pg_get_serial_sequence", "text,text", "text", kNone},
    {"pg_get_statisticsobjdef_columns", "oid", "text", kNone},
    {"pg_get_triggerdef", "oid", "text", kNone},
    {"pg_get_triggerdef", "oid,bool", "text", kNone},
    {"pg_get_userbyid", "oid", "name", kUserOfOid},
    {"pg_get_viewdef", "oid", "text", kViewText},
    {"pg_get_viewdef", "oid,bool", "text", kViewText},
    {"pg_get_viewdef", "oid,int4", "text", kViewText},
    {"pg_has_role", "oid,text", "bool", "true"},
    {"pg_has_role", "name,text", "bool", "true"},
    {"pg_has_role", "name,oid,text", "bool", "true"},
    {"pg_has_role", "name,name,text", "bool", "true"},
    {"pg_indexes_size", "regclass", "int8", "0::bigint"},
    {"pg_relation_is_publishable", "regclass", "bool", "false"},
    {"pg_relation_size", "regclass", "int8", kSize},
    {"pg_relation_size", "regclass,text", "int8", kSize},
    {"pg_size_pretty", "int8", "text", kPretty},
    {"pg_stat_get_numscans", "oid", "int8", "0::bigint"},
    {"pg_table_size", "regclass", "int8", kSize},
    {"pg_tablespace_location", "oid", "text", "''::text"},
    {"pg_total_relation_size", "regclass", "int8", kSize},
    {"shobj_description", "oid,name", "text", kNone},
    {"to_regclass", "text", "regclass", kRelationOid},
    {"to_regtype", "text", "regtype", kTypeOid},
};

/// What is visible does not depend on the search path for these: all of them are in pg_catalog.
constexpr std::string_view kVisible[] = {"pg_collation_is_visible", "pg_conversion_is_visible",
                                         "pg_function_is_visible",  "pg_opclass_is_visible",
                                         "pg_operator_is_visible",  "pg_opfamily_is_visible",
                                         "pg_ts_config_is_visible", "pg_statistics_obj_is_visible",
                                         "pg_ts_dict_is_visible",   "pg_type_is_visible"};

Type type_called(std::string_view name) {
    Type type;
    CHECK(parse_type_name(name, type));
    return type;
}

sql::SqlFunction make(std::string_view arguments, std::string_view result, std::string body) {
    sql::SqlFunction function{
        .arguments = {}, .result = type_called(result), .body = std::move(body)};
    while (!arguments.empty()) {
        const std::string_view word = arguments.substr(0, arguments.find(','));
        arguments.remove_prefix(std::min(word.size() + 1, arguments.size()));
        function.arguments.push_back(type_called(word));
    }
    return function;
}

std::string quoted(std::string_view text) {
    std::string out = text.find('\\') == std::string_view::npos ? "'" : "E'";
    for (const char each : text) {
        if (each == '\'' || each == '\\') out += each;
        out += each;
    }
    return out + "'";
}

/// True for what a name without schema can mean: written out, because the search path is the
/// session's.
std::string table_is_visible(const CatalogImage& image, const Settings& settings) {
    std::string visible;
    for (const CatalogRelation& each : image.relations) {
        if (!image.is_visible(each, settings.search_path())) continue;
        if (!visible.empty()) visible += ", ";
        visible += std::to_string(each.oid);
    }
    return fmt::format("$1 IN ({})", visible);
}

/// Names of the types that values can have, of those beside them that pg_type lists, and of arrays.
std::string format_type_body() {
    static constexpr std::pair<uint32_t, std::string_view> kBeside[] = {
        {17, "bytea"},
        {114, "json"},
        {700, "real"},
        {1033, "aclitem"},
        {1042, "character"},
        {1083, "time without time zone"},
        {1266, "time with time zone"},
        {2950, "uuid"},
        {3802, "jsonb"},
        {1000, "boolean[]"},
        {1001, "bytea[]"},
        {1007, "integer[]"},
        {1008, "regproc[]"},
        {1011, "xid[]"},
        {1014, "character[]"},
        {1015, "character varying[]"},
        {1016, "bigint[]"},
        {1021, "real[]"},
        {1022, "double precision[]"},
        {1115, "timestamp without time zone[]"},
        {1182, "date[]"},
        {1183, "time without time zone[]"},
        {1185, "timestamp with time zone[]"},
        {1187, "interval[]"},
        {1231, "numeric[]"},
        {1270, "time with time zone[]"},
        {199, "json[]"},
        {2210, "regclass[]"},
        {2211, "regtype[]"},
        {2951, "uuid[]"},
        {3807, "jsonb[]"}};
    std::string body =
        "CASE WHEN $1 IS NULL THEN NULL "
        "WHEN $1 = 1700 AND $2 > 4 THEN 'numeric(' || (($2 - 4) / 65536)::text || ',' || "
        "(($2 - 4) % 65536)::text || ')' "
        "WHEN $1 = 1043 AND $2 > 4 THEN 'character varying(' || ($2 - 4)::text || ')'";
    for (uint32_t oid = 16; oid < 4100; ++oid) {
        Type type;
        if (type_of_oid(oid, type))
            body += fmt::format(" WHEN $1 = {} THEN {}", oid, quoted(type.name()));
    }
    for (const auto& [oid, name] : kBeside)
        body += fmt::format(" WHEN $1 = {} THEN {}", oid, quoted(name));
    return body + " ELSE '??\?' END";
}

const std::string& format_type_text() {
    static const auto* text = new std::string(format_type_body());
    return *text;
}

/// `otherwise`: what there is for a name that is no setting.
std::string current_setting_body(const Settings& settings, std::string_view otherwise) {
    std::string body = "CASE lower($1)";
    for (const SettingFacts& facts : setting_facts()) {
        const auto value = settings.show(facts.name);
        std::string key(facts.name);
        for (char& each : key) {
            if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + 32);
        }
        body += fmt::format(" WHEN {} THEN {}", quoted(key), quoted(value ? *value : ""));
    }
    return fmt::format("{} ELSE {} END", body, otherwise);
}

std::string schema_array(const Settings& settings, bool with_implicit) {
    std::string names = with_implicit ? "pg_catalog" : "";
    for (const std::string& schema : settings.search_path()) {
        if (schema_oid(schema) == 0) continue;
        if (!names.empty()) names += ',';
        names += schema;
    }
    return fmt::format("'{{{}}}'::name[]", names);
}

std::string instant(int64_t unix_us) {
    std::string text;
    format_text(Datum{Type::of(TypeKind::kTimestampTz), unix_us + kUnixEpochUs}, utc_format(),
                text);
    return fmt::format("'{}'::timestamptz", text);
}

std::optional<SessionFunction> clock_function(std::string_view name, const SessionFacts& facts) {
    static constexpr std::string_view kTransaction[] = {"now", "current_timestamp",
                                                        "transaction_timestamp"};
    static constexpr std::string_view kStatement[] = {"statement_timestamp", "clock_timestamp"};
    const std::string at = instant(facts.transaction_at_us);
    if (std::ranges::find(kTransaction, name) != std::end(kTransaction)) {
        return SessionFunction{make("", "timestamptz", at), true};
    }
    if (std::ranges::find(kStatement, name) != std::end(kStatement)) {
        return SessionFunction{make("", "timestamptz", instant(facts.statement_at_us)), true};
    }
    if (name == "localtimestamp")
        return SessionFunction{make("", "timestamp", at + "::timestamp"), true};
    if (name == "current_date") return SessionFunction{make("", "date", at + "::date"), true};
    return std::nullopt;
}

}  // namespace

std::vector<sql::SqlFunction> catalog_functions(std::string_view name, const CatalogImage& image,
                                                const Settings& settings) {
    std::vector<sql::SqlFunction> found;
    if (name == "pg_table_is_visible") {
        found.push_back(make("oid", "bool", table_is_visible(image, settings)));
    } else if (name == "format_type") {
        found.push_back(make("oid,int4", "text", format_type_text()));
    } else if (name == "current_setting") {
        constexpr std::string_view kFailure = R"("unknown_setting:"($1))";
        const std::string or_null = fmt::format("CASE WHEN NOT $2 THEN {} END", kFailure);
        found.push_back(make("text", "text", current_setting_body(settings, kFailure)));
        found.push_back(make("text,bool", "text",
                             fmt::format("CASE WHEN $2 IS NOT NULL THEN {} END",
                                         current_setting_body(settings, or_null))));
    } else if (name == "current_schemas") {
        found.push_back(
            make("bool", "_name",
                 fmt::format("CASE WHEN $1 THEN {} ELSE {} END", schema_array(settings, true),
                             schema_array(settings, false))));
    } else if (std::ranges::find(kVisible, name) != std::end(kVisible)) {
        found.push_back(make("oid", "bool", "$1 IS NOT NULL"));
    }
    for (const CatalogFunction& each : kFunctions) {
        if (each.name == name)
            found.push_back(make(each.arguments, each.result, std::string(each.body)));
    }
    return found;
}

std::optional<SessionFunction> session_function(std::string_view name, const SessionFacts& facts,
                                                const Settings& settings) {
    if (auto found = clock_function(name, facts)) return found;
    const auto constant = [](std::string_view type, std::string_view value) {
        return SessionFunction{make("", type, fmt::format("{}::{}", quoted(value), type)), false};
    };
    for (const std::string_view user : {"current_user", "session_user", "current_role", "user"}) {
        if (name == user) return constant("name", kUserName);
    }
    if (name == "current_database" || name == "current_catalog")
        return constant("name", kDatabaseName);
    if (name == "version") {
        return constant("text",
                        fmt::format("PostgreSQL {} (Braid {}) on x86_64-pc-linux-gnu, 64-bit",
                                    kServerVersion, facts.version));
    }
    if (name == "current_schema") {
        for (const std::string& schema : settings.search_path()) {
            if (schema_oid(schema) != 0) return constant("name", schema);
        }
        return SessionFunction{make("", "name", "NULL::name"), false};
    }
    if (name == "pg_backend_pid") return constant("int4", std::to_string(facts.process));
    if (name == "inet_server_port") return constant("int4", std::to_string(facts.port));
    if (name == "pg_is_in_recovery") return SessionFunction{make("", "bool", "false"), false};
    if (name == "pg_client_encoding" || name == "getdatabaseencoding")
        return constant("name", "UTF8");
    if (name == "pg_my_temp_schema") return constant("oid", "0");
    if (name == "txid_current") return constant("int8", std::to_string(facts.statement_at_us));
    if (name == "pg_postmaster_start_time" || name == "pg_conf_load_time") {
        return SessionFunction{make("", "timestamptz", instant(facts.started_at_us)), false};
    }
    return std::nullopt;
}

std::optional<int64_t> function_oid(std::string_view name) {
    static constexpr std::pair<std::string_view, int64_t> kInputs[] = {
        {"array_in", 750},   {"array_out", 751}, {"textin", 46},      {"int4in", 42},
        {"int8in", 460},     {"boolin", 1242},   {"record_in", 2290}, {"enum_in", 3504},
        {"domain_in", 2597}, {"range_in", 3834}, {"array_recv", 2400}};
    for (const auto& [known, oid] : kInputs) {
        if (known == name) return oid;
    }
    for (const plan::Function& each : plan::functions()) {
        if (each.name == name) return oids::kFirstFunction + each.index;
    }
    return std::nullopt;
}

}  // namespace braid::serving
