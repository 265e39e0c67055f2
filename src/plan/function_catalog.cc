// SPDX-License-Identifier: Apache-2.0
#include "plan/function_rows_internal.h"

namespace braid::plan {

namespace {

// What these give depends on the clock, the session or the catalog: no view may use them. Bodies
// that need more than their arguments are registered by the floor that has it
// (operators/expr/body_registry.h).
constexpr FunctionRow kClockRows[] = {
    {"now()", "timestamptz", kSession},
    {"current_timestamp()", "timestamptz", kSession},
    {"transaction_timestamp()", "timestamptz", kSession},
    {"statement_timestamp()", "timestamptz", kSession},
    {"clock_timestamp()", "timestamptz", kSession},
    {"localtimestamp()", "timestamp", kSession},
    {"current_date()", "date", kSession},
};

constexpr FunctionRow kSessionRows[] = {
    {"version()", "text", kSession},
    {"current_user()", "name", kSession},
    {"session_user()", "name", kSession},
    {"current_role()", "name", kSession},
    {"user()", "name", kSession},
    {"current_database()", "name", kSession},
    {"current_catalog()", "name", kSession},
    {"current_schema()", "name", kSession},
    {"current_schemas(bool)", "_name", kSession},
    {"current_query()", "text", kSession},
    {"current_setting(text)", "text", kSession},
    {"current_setting(text,bool)", "text", kSession},
    {"unknown_setting:(text)", "text", kSession},  // fails: for the body of the two above
    {"set_config(text,text,bool)", "text", kSession | kNotStrict},
    {"pg_backend_pid()", "int4", kSession},
    {"pg_is_in_recovery()", "bool", kSession},
    {"pg_client_encoding()", "name", kSession},
    {"getdatabaseencoding()", "name", kSession},
    {"pg_postmaster_start_time()", "timestamptz", kSession},
    {"pg_conf_load_time()", "timestamptz", kSession},
    {"pg_my_temp_schema()", "oid", kSession},
    {"pg_is_other_temp_schema(oid)", "bool", kSession},
    {"txid_current()", "int8", kSession},
    {"inet_server_port()", "int4", kSession},
    {"pg_cancel_backend(int4)", "bool", kSession},
    {"pg_notification_queue_usage()", "float8", kSession},
};

constexpr FunctionRow kCatalogRows[] = {
    {"pg_get_userbyid(oid)", "name", kSession},
    {"pg_table_is_visible(oid)", "bool", kSession},
    {"pg_type_is_visible(oid)", "bool", kSession},
    {"pg_function_is_visible(oid)", "bool", kSession},
    {"pg_operator_is_visible(oid)", "bool", kSession},
    {"pg_opclass_is_visible(oid)", "bool", kSession},
    {"pg_collation_is_visible(oid)", "bool", kSession},
    {"pg_conversion_is_visible(oid)", "bool", kSession},
    {"pg_statistics_obj_is_visible(oid)", "bool", kSession},
    {"pg_ts_config_is_visible(oid)", "bool", kSession},
    {"pg_ts_dict_is_visible(oid)", "bool", kSession},
    {"format_type(oid,int4)", "text", kSession | kNotStrict},
    {"obj_description(oid)", "text", kSession},
    {"obj_description(oid,name)", "text", kSession},
    {"shobj_description(oid,name)", "text", kSession},
    {"col_description(oid,int4)", "text", kSession},
    {"pg_get_expr(text,oid)", "text", kSession},
    {"pg_get_expr(text,oid,bool)", "text", kSession},
    {"pg_get_viewdef(oid)", "text", kSession},
    {"pg_get_viewdef(oid,bool)", "text", kSession},
    {"pg_get_viewdef(text)", "text", kSession},
    {"pg_get_indexdef(oid)", "text", kSession},
    {"pg_get_indexdef(oid,int4,bool)", "text", kSession},
    {"pg_get_constraintdef(oid)", "text", kSession},
    {"pg_get_constraintdef(oid,bool)", "text", kSession},
    {"pg_get_triggerdef(oid)", "text", kSession},
    {"pg_get_triggerdef(oid,bool)", "text", kSession},
    {"pg_get_ruledef(oid)", "text", kSession},
    {"pg_get_ruledef(oid,bool)", "text", kSession},
    {"pg_get_partkeydef(oid)", "text", kSession},
    {"pg_get_partition_constraintdef(oid)", "text", kSession},
    {"pg_get_functiondef(oid)", "text", kSession},
    {"pg_get_function_arguments(oid)", "text", kSession},
    {"pg_get_function_identity_arguments(oid)", "text", kSession},
    {"pg_get_function_result(oid)", "text", kSession},
    {"pg_get_function_sqlbody(oid)", "text", kSession},
    {"pg_get_statisticsobjdef_columns(oid)", "text", kSession},
    {"pg_get_serial_sequence(text,text)", "text", kSession},
    {"pg_encoding_to_char(int4)", "name", kSession},
    {"pg_char_to_encoding(name)", "int4", kSession},
    {"pg_tablespace_location(oid)", "text", kSession},
    {"pg_relation_is_publishable(regclass)", "bool", kSession},
    {"pg_relation_size(regclass)", "int8", kSession},
    {"pg_table_size(regclass)", "int8", kSession},
    {"pg_indexes_size(regclass)", "int8", kSession},
    {"pg_total_relation_size(regclass)", "int8", kSession},
    {"pg_database_size(oid)", "int8", kSession},
    {"pg_database_size(name)", "int8", kSession},
    {"pg_size_pretty(int8)", "text", kSession},
    {"pg_stat_get_numscans(oid)", "int8", kSession},
    {"pg_typeof(any)", "regtype", kSession | kNotStrict},
    {"to_regclass(text)", "regclass", kSession},
    {"to_regtype(text)", "regtype", kSession},
    {"has_table_privilege(oid,text)", "bool", kSession},
    {"has_table_privilege(text,text)", "bool", kSession},
    {"has_table_privilege(name,oid,text)", "bool", kSession},
    {"has_table_privilege(name,text,text)", "bool", kSession},
    {"has_any_column_privilege(oid,text)", "bool", kSession},
    {"has_column_privilege(oid,int2,text)", "bool", kSession},
    {"has_schema_privilege(oid,text)", "bool", kSession},
    {"has_schema_privilege(text,text)", "bool", kSession},
    {"has_schema_privilege(name,oid,text)", "bool", kSession},
    {"has_database_privilege(oid,text)", "bool", kSession},
    {"has_database_privilege(text,text)", "bool", kSession},
    {"has_function_privilege(oid,text)", "bool", kSession},
    {"has_sequence_privilege(oid,text)", "bool", kSession},
    {"has_tablespace_privilege(oid,text)", "bool", kSession},
    {"pg_has_role(oid,text)", "bool", kSession},
    {"pg_has_role(name,text)", "bool", kSession},
    {"pg_has_role(name,oid,text)", "bool", kSession},
    {"array_to_string(_text,text)", "text", kSession},
    {"array_to_string(_text,text,text)", "text", kSession | kNotStrict},
    {"array_to_string(_name,text)", "text", kSession},
    {"array_to_string(_aclitem,text)", "text", kSession},
    {"array_length(_text,int4)", "int4", kSession},
    {"array_length(_name,int4)", "int4", kSession},
    {"array_upper(_text,int4)", "int4", kSession},
    {"array_lower(_text,int4)", "int4", kSession},
    {"array_position(_text,text)", "int4", kSession},
    {"cardinality(_text)", "int4", kSession},
    // An element is this text. Not called by name.
    {"=any:(_text,text)", "bool", kSession | kNotStrict},
    {"array:(text)", "_text", kSession},  // a cast to an array checks and rewrites its text so
};

}  // namespace

void add_catalog_functions(FunctionTable& table) {
    table.add(kClockRows);
    table.add(kSessionRows);
    table.add(kCatalogRows);
}

}  // namespace braid::plan
