// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_relation.h"

namespace braid::serving {

namespace {

/// The catalogs of PostgreSQL 15 that clients ask for: OIDs, names and types are its own, so that
/// they can be joined with what clients have built in. `!` marks a column that is never NULL.
constexpr RelationText kPgCatalog[] = {
    {"pg_catalog", "pg_am", 2601, 'r', "oid:oid! amname:name! amhandler:regproc! amtype:char!"},
    {"pg_catalog", "pg_attrdef", 2604, 'r', "oid:oid! adrelid:oid! adnum:int2! adbin:text!"},
    {"pg_catalog", "pg_attribute", 1249, 'r',
     "attrelid:oid! attname:name! atttypid:oid! attstattarget:int4! attlen:int2! "
     "attnum:int2! attndims:int4! attcacheoff:int4! atttypmod:int4! attbyval:bool! "
     "attalign:char! attstorage:char! attcompression:char! attnotnull:bool! "
     "atthasdef:bool! atthasmissing:bool! attidentity:char! attgenerated:char! "
     "attisdropped:bool! attislocal:bool! attinhcount:int4! attcollation:oid! "
     "attacl:aclitem[] attoptions:text[] attfdwoptions:text[] attmissingval:text[]"},
    {"pg_catalog", "pg_auth_members", 1261, 'r',
     "roleid:oid! member:oid! grantor:oid! admin_option:bool!"},
    {"pg_catalog", "pg_authid", 1260, 'r',
     "oid:oid! rolname:name! rolsuper:bool! rolinherit:bool! rolcreaterole:bool! "
     "rolcreatedb:bool! rolcanlogin:bool! rolreplication:bool! rolbypassrls:bool! "
     "rolconnlimit:int4! rolpassword:text rolvaliduntil:timestamptz"},
    {"pg_catalog", "pg_cast", 2605, 'r',
     "oid:oid! castsource:oid! casttarget:oid! castfunc:oid! castcontext:char! "
     "castmethod:char!"},
    {"pg_catalog", "pg_class", 1259, 'r',
     "oid:oid! relname:name! relnamespace:oid! reltype:oid! reloftype:oid! relowner:oid! "
     "relam:oid! relfilenode:oid! reltablespace:oid! relpages:int4! reltuples:float8! "
     "relallvisible:int4! reltoastrelid:oid! relhasindex:bool! relisshared:bool! "
     "relpersistence:char! relkind:char! relnatts:int2! relchecks:int2! relhasrules:bool! "
     "relhastriggers:bool! relhassubclass:bool! relrowsecurity:bool! "
     "relforcerowsecurity:bool! relispopulated:bool! relreplident:char! "
     "relispartition:bool! relrewrite:oid! relfrozenxid:xid! relminmxid:xid! "
     "relacl:aclitem[] reloptions:text[] relpartbound:text"},
    {"pg_catalog", "pg_collation", 3456, 'r',
     "oid:oid! collname:name! collnamespace:oid! collowner:oid! collprovider:char! "
     "collisdeterministic:bool! collencoding:int4! collcollate:text collctype:text "
     "colliculocale:text collversion:text"},
    {"pg_catalog", "pg_constraint", 2606, 'r',
     "oid:oid! conname:name! connamespace:oid! contype:char! condeferrable:bool! "
     "condeferred:bool! convalidated:bool! conrelid:oid! contypid:oid! conindid:oid! "
     "conparentid:oid! confrelid:oid! confupdtype:char! confdeltype:char! "
     "confmatchtype:char! conislocal:bool! coninhcount:int4! connoinherit:bool! "
     "conkey:int2[] confkey:int2[] conpfeqop:oid[] conppeqop:oid[] conffeqop:oid[] "
     "confdelsetcols:int2[] conexclop:oid[] conbin:text"},
    {"pg_catalog", "pg_database", 1262, 'r',
     "oid:oid! datname:name! datdba:oid! encoding:int4! datlocprovider:char! "
     "datistemplate:bool! datallowconn:bool! datconnlimit:int4! datfrozenxid:xid! "
     "datminmxid:xid! dattablespace:oid! datcollate:text! datctype:text! daticulocale:text "
     "datcollversion:text datacl:aclitem[]"},
    {"pg_catalog", "pg_depend", 2608, 'r',
     "classid:oid! objid:oid! objsubid:int4! refclassid:oid! refobjid:oid! "
     "refobjsubid:int4! deptype:char!"},
    {"pg_catalog", "pg_description", 2609, 'r',
     "objoid:oid! classoid:oid! objsubid:int4! description:text!"},
    {"pg_catalog", "pg_enum", 3501, 'r',
     "oid:oid! enumtypid:oid! enumsortorder:float8! enumlabel:name!"},
    {"pg_catalog", "pg_extension", 3079, 'r',
     "oid:oid! extname:name! extowner:oid! extnamespace:oid! extrelocatable:bool! "
     "extversion:text! extconfig:oid[] extcondition:text[]"},
    {"pg_catalog", "pg_foreign_data_wrapper", 2328, 'r',
     "oid:oid! fdwname:name! fdwowner:oid! fdwhandler:oid! fdwvalidator:oid! "
     "fdwacl:aclitem[] fdwoptions:text[]"},
    {"pg_catalog", "pg_foreign_server", 1417, 'r',
     "oid:oid! srvname:name! srvowner:oid! srvfdw:oid! srvtype:text srvversion:text "
     "srvacl:aclitem[] srvoptions:text[]"},
    {"pg_catalog", "pg_foreign_table", 3118, 'r', "ftrelid:oid! ftserver:oid! ftoptions:text[]"},
    {"pg_catalog", "pg_index", 2610, 'r',
     "indexrelid:oid! indrelid:oid! indnatts:int2! indnkeyatts:int2! indisunique:bool! "
     "indnullsnotdistinct:bool! indisprimary:bool! indisexclusion:bool! indimmediate:bool! "
     "indisclustered:bool! indisvalid:bool! indcheckxmin:bool! indisready:bool! "
     "indislive:bool! indisreplident:bool! indkey:int2vector! indcollation:text! "
     "indclass:text! indoption:int2vector! indexprs:text indpred:text"},
    {"pg_catalog", "pg_inherits", 2611, 'r',
     "inhrelid:oid! inhparent:oid! inhseqno:int4! inhdetachpending:bool!"},
    {"pg_catalog", "pg_language", 2612, 'r',
     "oid:oid! lanname:name! lanowner:oid! lanispl:bool! lanpltrusted:bool! "
     "lanplcallfoid:oid! laninline:oid! lanvalidator:oid! lanacl:aclitem[]"},
    {"pg_catalog", "pg_namespace", 2615, 'r',
     "oid:oid! nspname:name! nspowner:oid! nspacl:aclitem[]"},
    {"pg_catalog", "pg_opclass", 2616, 'r',
     "oid:oid! opcmethod:oid! opcname:name! opcnamespace:oid! opcowner:oid! opcfamily:oid! "
     "opcintype:oid! opcdefault:bool! opckeytype:oid!"},
    {"pg_catalog", "pg_operator", 2617, 'r',
     "oid:oid! oprname:name! oprnamespace:oid! oprowner:oid! oprkind:char! "
     "oprcanmerge:bool! oprcanhash:bool! oprleft:oid! oprright:oid! oprresult:oid! "
     "oprcom:oid! oprnegate:oid! oprcode:regproc! oprrest:regproc! oprjoin:regproc!"},
    {"pg_catalog", "pg_partitioned_table", 3350, 'r',
     "partrelid:oid! partstrat:char! partnatts:int2! partdefid:oid! partattrs:int2vector! "
     "partclass:text! partcollation:text! partexprs:text"},
    {"pg_catalog", "pg_policy", 3256, 'r',
     "oid:oid! polname:name! polrelid:oid! polcmd:char! polpermissive:bool! "
     "polroles:oid[]! polqual:text polwithcheck:text"},
    {"pg_catalog", "pg_proc", 1255, 'r',
     "oid:oid! proname:name! pronamespace:oid! proowner:oid! prolang:oid! procost:float8! "
     "prorows:float8! provariadic:oid! prosupport:regproc! prokind:char! prosecdef:bool! "
     "proleakproof:bool! proisstrict:bool! proretset:bool! provolatile:char! "
     "proparallel:char! pronargs:int2! pronargdefaults:int2! prorettype:oid! "
     "proargtypes:text! proallargtypes:oid[] proargmodes:char[] proargnames:text[] "
     "proargdefaults:text protrftypes:oid[] prosrc:text! probin:text prosqlbody:text "
     "proconfig:text[] proacl:aclitem[]"},
    {"pg_catalog", "pg_publication", 6104, 'r',
     "oid:oid! pubname:name! pubowner:oid! puballtables:bool! pubinsert:bool! "
     "pubupdate:bool! pubdelete:bool! pubtruncate:bool! pubviaroot:bool!"},
    {"pg_catalog", "pg_publication_namespace", 6237, 'r', "oid:oid! pnpubid:oid! pnnspid:oid!"},
    {"pg_catalog", "pg_publication_rel", 6106, 'r',
     "oid:oid! prpubid:oid! prrelid:oid! prqual:text prattrs:int2vector"},
    {"pg_catalog", "pg_range", 3541, 'r',
     "rngtypid:oid! rngsubtype:oid! rngmultitypid:oid! rngcollation:oid! rngsubopc:oid! "
     "rngcanonical:regproc! rngsubdiff:regproc!"},
    {"pg_catalog", "pg_rewrite", 2618, 'r',
     "oid:oid! rulename:name! ev_class:oid! ev_type:char! ev_enabled:char! "
     "is_instead:bool! ev_qual:text! ev_action:text!"},
    {"pg_catalog", "pg_shdescription", 2396, 'r', "objoid:oid! classoid:oid! description:text!"},
    {"pg_catalog", "pg_statistic_ext", 3381, 'r',
     "oid:oid! stxrelid:oid! stxname:name! stxnamespace:oid! stxowner:oid! "
     "stxstattarget:int4! stxkeys:int2vector! stxkind:char[]! stxexprs:text"},
    {"pg_catalog", "pg_tablespace", 1213, 'r',
     "oid:oid! spcname:name! spcowner:oid! spcacl:aclitem[] spcoptions:text[]"},
    {"pg_catalog", "pg_trigger", 2620, 'r',
     "oid:oid! tgrelid:oid! tgparentid:oid! tgname:name! tgfoid:oid! tgtype:int2! "
     "tgenabled:char! tgisinternal:bool! tgconstrrelid:oid! tgconstrindid:oid! "
     "tgconstraint:oid! tgdeferrable:bool! tginitdeferred:bool! tgnargs:int2! "
     "tgattr:int2vector! tgargs:text! tgqual:text tgoldtable:name tgnewtable:name"},
    {"pg_catalog", "pg_type", 1247, 'r',
     "oid:oid! typname:name! typnamespace:oid! typowner:oid! typlen:int2! typbyval:bool! "
     "typtype:char! typcategory:char! typispreferred:bool! typisdefined:bool! "
     "typdelim:char! typrelid:oid! typsubscript:regproc! typelem:oid! typarray:oid! "
     "typinput:regproc! typoutput:regproc! typreceive:regproc! typsend:regproc! "
     "typmodin:regproc! typmodout:regproc! typanalyze:regproc! typalign:char! "
     "typstorage:char! typnotnull:bool! typbasetype:oid! typtypmod:int4! typndims:int4! "
     "typcollation:oid! typdefaultbin:text typdefault:text typacl:aclitem[]"},
    {"pg_catalog", "pg_matviews", 12038, 'v',
     "schemaname:name matviewname:name matviewowner:name tablespace:name hasindexes:bool "
     "ispopulated:bool definition:text"},
    {"pg_catalog", "pg_views", 12028, 'v',
     "schemaname:name viewname:name viewowner:name definition:text"},
    {"pg_catalog", "pg_tables", 12033, 'v',
     "schemaname:name tablename:name tableowner:name tablespace:name hasindexes:bool "
     "hasrules:bool hastriggers:bool rowsecurity:bool"},
    {"pg_catalog", "pg_indexes", 12043, 'v',
     "schemaname:name tablename:name indexname:name tablespace:name indexdef:text"},
    {"pg_catalog", "pg_roles", 12000, 'v',
     "rolname:name rolsuper:bool rolinherit:bool rolcreaterole:bool rolcreatedb:bool "
     "rolcanlogin:bool rolreplication:bool rolconnlimit:int4 rolpassword:text "
     "rolvaliduntil:timestamptz rolbypassrls:bool rolconfig:text[] oid:oid"},
    {"pg_catalog", "pg_user", 12014, 'v',
     "usename:name usesysid:oid usecreatedb:bool usesuper:bool userepl:bool "
     "usebypassrls:bool passwd:text valuntil:timestamptz useconfig:text[]"},
    {"pg_catalog", "pg_settings", 12104, 'v',
     "name:text setting:text unit:text category:text short_desc:text extra_desc:text "
     "context:text vartype:text source:text min_val:text max_val:text enumvals:text[] "
     "boot_val:text reset_val:text sourcefile:text sourceline:int4 pending_restart:bool"},
    {"pg_catalog", "pg_stat_user_tables", 12161, 'v',
     "relid:oid schemaname:name relname:name seq_scan:int8 seq_tup_read:int8 idx_scan:int8 "
     "idx_tup_fetch:int8 n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8 "
     "n_live_tup:int8 n_dead_tup:int8 n_mod_since_analyze:int8 n_ins_since_vacuum:int8 "
     "last_vacuum:timestamptz last_autovacuum:timestamptz last_analyze:timestamptz "
     "last_autoanalyze:timestamptz vacuum_count:int8 autovacuum_count:int8 "
     "analyze_count:int8 autoanalyze_count:int8"},
    {"pg_catalog", "pg_stat_activity", 12222, 'v',
     "datid:oid datname:name pid:int4 leader_pid:int4 usesysid:oid usename:name "
     "application_name:text client_addr:text client_hostname:text client_port:int4 "
     "backend_start:timestamptz xact_start:timestamptz query_start:timestamptz "
     "state_change:timestamptz wait_event_type:text wait_event:text state:text "
     "backend_xid:xid backend_xmin:xid query_id:int8 query:text backend_type:text"},
    {"pg_catalog", "pg_available_extensions", 12081, 'v',
     "name:name default_version:text installed_version:text comment:text"},
    {"pg_catalog", "pg_timezone_names", 12126, 'v',
     "name:text abbrev:text utc_offset:interval is_dst:bool"},
    {"pg_catalog", "pg_sequence", 2224, 'r',
     "seqrelid:oid! seqtypid:oid! seqstart:int8! seqincrement:int8! seqmax:int8! "
     "seqmin:int8! seqcache:int8! seqcycle:bool!"},
    {"pg_catalog", "pg_aggregate", 2600, 'r',
     "aggfnoid:regproc! aggkind:char! aggnumdirectargs:int2! aggtransfn:regproc! "
     "aggfinalfn:regproc! aggcombinefn:regproc! aggserialfn:regproc! "
     "aggdeserialfn:regproc! aggmtransfn:regproc! aggminvtransfn:regproc! "
     "aggmfinalfn:regproc! aggfinalextra:bool! aggmfinalextra:bool! aggfinalmodify:char! "
     "aggmfinalmodify:char! aggsortop:oid! aggtranstype:oid! aggtransspace:int4! "
     "aggmtranstype:oid! aggmtransspace:int4! agginitval:text aggminitval:text"},
    {"pg_catalog", "pg_stat_all_tables", 12142, 'v',
     "relid:oid schemaname:name relname:name seq_scan:int8 seq_tup_read:int8 idx_scan:int8 "
     "idx_tup_fetch:int8 n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8 "
     "n_live_tup:int8 n_dead_tup:int8 n_mod_since_analyze:int8 n_ins_since_vacuum:int8 "
     "last_vacuum:timestamptz last_autovacuum:timestamptz last_analyze:timestamptz "
     "last_autoanalyze:timestamptz vacuum_count:int8 autovacuum_count:int8 "
     "analyze_count:int8 autoanalyze_count:int8"},
    {"pg_catalog", "pg_locks", 12073, 'v',
     "locktype:text database:oid relation:oid page:int4 tuple:int2 virtualxid:text "
     "transactionid:xid classid:oid objid:oid objsubid:int2 virtualtransaction:text "
     "pid:int4 mode:text granted:bool fastpath:bool waitstart:timestamptz"},
    {"pg_catalog", "pg_shadow", 12005, 'v',
     "usename:name usesysid:oid usecreatedb:bool usesuper:bool userepl:bool "
     "usebypassrls:bool passwd:text valuntil:timestamptz useconfig:text[]"},
    {"pg_catalog", "pg_prepared_statements", 12095, 'v',
     "name:text statement:text prepare_time:timestamptz parameter_types:text[] "
     "from_sql:bool generic_plans:int8 custom_plans:int8"},
    {"pg_catalog", "pg_cursors", 12077, 'v',
     "name:text statement:text is_holdable:bool is_binary:bool is_scrollable:bool "
     "creation_time:timestamptz"},
};

}  // namespace

std::span<const RelationText> pg_catalog_texts() { return kPgCatalog; }

}  // namespace braid::serving
