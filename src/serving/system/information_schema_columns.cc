// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_relation.h"

namespace braid::serving {

namespace {

/// The views of the SQL standard as PostgreSQL 15 has them, where clients ask for them.
constexpr RelationText kInformationSchema[] = {
    {"information_schema", "schemata", 13382, 'v',
     "catalog_name:name schema_name:name schema_owner:name "
     "default_character_set_catalog:name default_character_set_schema:name "
     "default_character_set_name:name sql_path:varchar"},
    {"information_schema", "tables", 13425, 'v',
     "table_catalog:name table_schema:name table_name:name table_type:varchar "
     "self_referencing_column_name:name reference_generation:varchar "
     "user_defined_type_catalog:name user_defined_type_schema:name "
     "user_defined_type_name:name is_insertable_into:varchar is_typed:varchar "
     "commit_action:varchar"},
    {"information_schema", "columns", 13295, 'v',
     "table_catalog:name table_schema:name table_name:name column_name:name "
     "ordinal_position:int4 column_default:varchar is_nullable:varchar data_type:varchar "
     "character_maximum_length:int4 character_octet_length:int4 numeric_precision:int4 "
     "numeric_precision_radix:int4 numeric_scale:int4 datetime_precision:int4 "
     "interval_type:varchar interval_precision:int4 character_set_catalog:name "
     "character_set_schema:name character_set_name:name collation_catalog:name "
     "collation_schema:name collation_name:name domain_catalog:name domain_schema:name "
     "domain_name:name udt_catalog:name udt_schema:name udt_name:name scope_catalog:name "
     "scope_schema:name scope_name:name maximum_cardinality:int4 dtd_identifier:name "
     "is_self_referencing:varchar is_identity:varchar identity_generation:varchar "
     "identity_start:varchar identity_increment:varchar identity_maximum:varchar "
     "identity_minimum:varchar identity_cycle:varchar is_generated:varchar "
     "generation_expression:varchar is_updatable:varchar"},
    {"information_schema", "views", 13483, 'v',
     "table_catalog:name table_schema:name table_name:name view_definition:varchar "
     "check_option:varchar is_updatable:varchar is_insertable_into:varchar "
     "is_trigger_updatable:varchar is_trigger_deletable:varchar "
     "is_trigger_insertable_into:varchar"},
    {"information_schema", "table_constraints", 13411, 'v',
     "constraint_catalog:name constraint_schema:name constraint_name:name "
     "table_catalog:name table_schema:name table_name:name constraint_type:varchar "
     "is_deferrable:varchar initially_deferred:varchar enforced:varchar "
     "nulls_distinct:varchar"},
    {"information_schema", "key_column_usage", 13329, 'v',
     "constraint_catalog:name constraint_schema:name constraint_name:name "
     "table_catalog:name table_schema:name table_name:name column_name:name "
     "ordinal_position:int4 position_in_unique_constraint:int4"},
    {"information_schema", "referential_constraints", 13339, 'v',
     "constraint_catalog:name constraint_schema:name constraint_name:name "
     "unique_constraint_catalog:name unique_constraint_schema:name "
     "unique_constraint_name:name match_option:varchar update_rule:varchar "
     "delete_rule:varchar"},
    {"information_schema", "constraint_column_usage", 13300, 'v',
     "table_catalog:name table_schema:name table_name:name column_name:name "
     "constraint_catalog:name constraint_schema:name constraint_name:name"},
    {"information_schema", "sequences", 13386, 'v',
     "sequence_catalog:name sequence_schema:name sequence_name:name data_type:varchar "
     "numeric_precision:int4 numeric_precision_radix:int4 numeric_scale:int4 "
     "start_value:varchar minimum_value:varchar maximum_value:varchar increment:varchar "
     "cycle_option:varchar"},
    {"information_schema", "triggers", 13440, 'v',
     "trigger_catalog:name trigger_schema:name trigger_name:name "
     "event_manipulation:varchar event_object_catalog:name event_object_schema:name "
     "event_object_table:name action_order:int4 action_condition:varchar "
     "action_statement:varchar action_orientation:varchar action_timing:varchar "
     "action_reference_old_table:name action_reference_new_table:name "
     "action_reference_old_row:name action_reference_new_row:name created:timestamptz"},
    {"information_schema", "character_sets", 13250, 'v',
     "character_set_catalog:name character_set_schema:name character_set_name:name "
     "character_repertoire:name form_of_use:name default_collate_catalog:name "
     "default_collate_schema:name default_collate_name:name"},
    {"information_schema", "information_schema_catalog_name", 13227, 'v', "catalog_name:name"},
    {"information_schema", "table_privileges", 13416, 'v',
     "grantor:name grantee:name table_catalog:name table_schema:name table_name:name "
     "privilege_type:varchar is_grantable:varchar with_hierarchy:varchar"},
    {"information_schema", "role_table_grants", 13421, 'v',
     "grantor:name grantee:name table_catalog:name table_schema:name table_name:name "
     "privilege_type:varchar is_grantable:varchar with_hierarchy:varchar"},
    {"information_schema", "enabled_roles", 13325, 'v', "role_name:name"},
    {"information_schema", "applicable_roles", 13236, 'v',
     "grantee:name role_name:name is_grantable:varchar"},
    {"information_schema", "check_constraints", 13260, 'v',
     "constraint_catalog:name constraint_schema:name constraint_name:name "
     "check_clause:varchar"},
};

}  // namespace

std::span<const RelationText> information_schema_texts() { return kInformationSchema; }

}  // namespace braid::serving
