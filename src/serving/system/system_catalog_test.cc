// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_catalog.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_support.h"
#include "serving/test_support.h"
#include "sql/sql.h"

namespace braid::serving {
namespace {

using testing::Contains;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using Lines = std::vector<std::string>;

class SystemFixture : public testing::Test {
  protected:
    void SetUp() override { system_.use(node_.control.state(), facts_); }
    /// Rows of a relation with the columns given, as text.
    Lines rows(const std::string& relation, const std::vector<std::string>& columns) {
        const size_t dot = relation.find('.');
        const auto schema = system_.find(relation.substr(0, dot), relation.substr(dot + 1));
        EXPECT_TRUE(schema.has_value()) << relation;
        plan::Node scan;
        scan.kind = plan::Node::Kind::kScan;
        scan.relation = {.kind = plan::RelationRef::Kind::kSystem, .name = relation};
        for (const std::string& column : columns) {
            scan.scan_columns.push_back(schema->find(column));
            EXPECT_GE(scan.scan_columns.back(), 0) << column;
        }
        auto batches = system_.rows(scan, {});
        EXPECT_OK(batches);
        Lines lines;
        for (const Batch& batch : *batches) {
            for (std::string& row : rows_as_text(batch)) lines.push_back(std::move(row));
        }
        return lines;
    }
    std::string oid_of(const std::string& name) {
        return std::to_string(system_.relation_oid("", name).value_or(0));
    }

    FakeNode node_;
    Settings settings_;
    SessionFacts facts_{.process = 42, .port = 5433, .version = "0.1"};
    SystemCatalog system_{node_.control, settings_, node_.receipts, nullptr, nullptr};
};

TEST_F(SystemFixture, ListsWhatTheUserMade) {
    EXPECT_THAT(rows("pg_catalog.pg_class", {"relname", "relkind", "relnamespace"}),
                IsSupersetOf({"f|r|2200", "t|r|2200", "v|m|2200", "pv|v|2200", "pg_class|r|11"}));
    EXPECT_THAT(rows("pg_catalog.pg_tables", {"schemaname", "tablename"}),
                IsSupersetOf({"public|f", "public|s", "public|t"}));
    EXPECT_THAT(rows("pg_catalog.pg_matviews", {"matviewname", "definition"}),
                ElementsAre("v|SELECT b, count(*) AS n FROM t GROUP BY b"));
    EXPECT_THAT(rows("pg_catalog.pg_views", {"viewname", "definition"}),
                Contains("pv|SELECT b FROM v"));
    EXPECT_THAT(rows("information_schema.tables", {"table_schema", "table_name", "table_type"}),
                IsSupersetOf({"public|t|BASE TABLE", "public|v|MATERIALIZED VIEW", "public|pv|VIEW",
                              "pg_catalog|pg_type|BASE TABLE"}));
}

TEST_F(SystemFixture, DescribesColumns) {
    const std::string t = oid_of("t");
    const Lines attributes = rows("pg_catalog.pg_attribute",
                                  {"attrelid", "attname", "atttypid", "attnum", "attnotnull"});
    EXPECT_THAT(attributes,
                IsSupersetOf({t + "|a|23|1|f", t + "|b|25|2|f", oid_of("v") + "|n|20|2|f",
                              oid_of("pv") + "|b|25|1|f", std::string("1259|relname|19|2|t")}));
    EXPECT_THAT(rows("information_schema.columns",
                     {"table_name", "column_name", "data_type", "udt_name", "numeric_precision"}),
                IsSupersetOf({"t|a|integer|int4|32", "s|y|timestamp with time zone|timestamptz|~",
                              "v|n|bigint|int8|64", "pg_class|relacl|ARRAY|_aclitem|~"}));
}

TEST_F(SystemFixture, JoinsByOid) {
    // What psql joins must be there: owners, namespaces, access methods, types.
    const auto set_of = [&](const std::string& relation, const std::string& column) {
        const Lines lines = rows(relation, {column});
        return std::set<std::string>(lines.begin(), lines.end());
    };
    const auto namespaces = set_of("pg_catalog.pg_namespace", "oid");
    for (const std::string& oid : set_of("pg_catalog.pg_class", "relnamespace")) {
        EXPECT_TRUE(namespaces.contains(oid)) << oid;
    }
    const auto types = set_of("pg_catalog.pg_type", "oid");
    for (const std::string& oid : set_of("pg_catalog.pg_attribute", "atttypid")) {
        // Vectors are listed nowhere: no client asks for more than their name.
        EXPECT_TRUE(oid == "22" || types.contains(oid)) << oid;
    }
    const auto classes = rows("pg_catalog.pg_class", {"oid"});
    EXPECT_EQ(std::set<std::string>(classes.begin(), classes.end()).size(), classes.size());
    const auto functions = rows("pg_catalog.pg_proc", {"oid"});
    EXPECT_EQ(std::set<std::string>(functions.begin(), functions.end()).size(), functions.size());
    EXPECT_LT(functions.size() + oids::kFirstFunction, size_t{oids::kFirstUser});
}

TEST_F(SystemFixture, GivesOneRoleAndOneDatabase) {
    EXPECT_THAT(rows("pg_catalog.pg_roles", {"oid", "rolname", "rolsuper", "rolvaliduntil"}),
                ElementsAre("10|braid|t|~"));
    EXPECT_THAT(rows("pg_catalog.pg_user", {"usename", "usesysid"}), ElementsAre("braid|10"));
    EXPECT_THAT(rows("pg_catalog.pg_database", {"datname", "encoding", "datcollate"}),
                ElementsAre("braid|6|C"));
    EXPECT_THAT(rows("pg_catalog.pg_settings", {"name", "setting"}),
                IsSupersetOf({"server_version|15.18", "TimeZone|UTC"}));
}

TEST_F(SystemFixture, KnowsEmptyRelations) {
    for (const char* name :
         {"pg_index", "pg_trigger", "pg_policy", "pg_inherits", "pg_publication",
          "pg_publication_rel", "pg_publication_namespace", "pg_statistic_ext", "pg_extension",
          "pg_enum", "pg_range", "pg_foreign_table", "pg_foreign_server", "pg_foreign_data_wrapper",
          "pg_constraint", "pg_attrdef", "pg_description", "pg_auth_members"}) {
        EXPECT_THAT(rows(std::string("pg_catalog.") + name, {}), testing::IsEmpty()) << name;
    }
}

TEST_F(SystemFixture, NamesObjects) {
    EXPECT_EQ(system_.name_of(TypeAlias::kRegclass, *system_.relation_oid("", "t")), "t");
    EXPECT_EQ(system_.name_of(TypeAlias::kRegclass, 1259), "pg_class");
    EXPECT_EQ(system_.name_of(TypeAlias::kRegclass, 13425), "information_schema.tables");
    EXPECT_EQ(system_.name_of(TypeAlias::kRegclass, 99'999'999), "99999999");
    EXPECT_EQ(system_.name_of(TypeAlias::kRegtype, 23), "integer");
    EXPECT_EQ(system_.name_of(TypeAlias::kRegproc, 0), "-");
    EXPECT_EQ(system_.relation_oid("pg_catalog", "pg_class"), 1259);
    EXPECT_EQ(system_.relation_oid("public", "pg_class"), std::nullopt);
    EXPECT_EQ(system_.relation_oid("", "views"), 13906);  // braid is last on the path
    EXPECT_EQ(system_.relation_oid("braid", "views"), 13906);
}

TEST_F(SystemFixture, ShowsStreamsViewsAndRuns) {
    const TableId t = node_.control.state()->catalog.find_table("t")->id;
    const VersionId v = node_.control.state()->catalog.find_view("v")->current;
    node_.control.change([&](manifest::State& state) {
        state.tables[t].segments.push_back({.rows = 10, .bad_rows = 1, .bytes = 1000});
        state.tables[t].cuts.push_back({.number = 3, .table = t, .cut = Positions{{Offset{10}}}});
        state.runs[v].push_back({.id = RunId{5},
                                 .version = v,
                                 .kind = manifest::RunKind::kBatch,
                                 .box = {{{PartitionId{0}, Offset{0}, Offset{10}}}},
                                 .rows = 4,
                                 .parts = {{.bytes = 100}, {.bytes = 200}},
                                 .counted = 7,
                                 .filtered = 0,
                                 .quarantined = 3,
                                 .failed = 2,
                                 .expired = 6});
        state.catalog.views.edit(state.catalog.views.begin()->first).retention_us = 7'200'000'000;
        state.tables[t].horizon_us = 7'200'000'000 + 1;
        state.tables[t].clock_us = 1'000'000;
        state.audits.push_back({.number = 1,
                                .table = t,
                                .version = v,
                                .cut = Positions{{Offset{10}}},
                                .verdict = manifest::Verdict::kMatched});
    });
    SetUp();
    EXPECT_THAT(
        rows("braid.streams", {"name", "connector", "partitions", "segment_rows",
                               "segment_bad_rows", "segment_bytes", "cut_number", "cut", "clock"}),
        IsSupersetOf({"t|http|1|10|1|1000|3|0:10|1970-01-01 00:00:01+00", "f|file|1|0|0|0|~|~|~"}));
    EXPECT_THAT(
        rows("braid.views", {"name", "kind", "stream", "is_populated", "runs", "rows", "bytes"}),
        ElementsAre("v|materialized|t|t|1|4|300", "pv|plain|~|t|0|0|0"));
    EXPECT_THAT(rows("braid.runs", {"run", "view", "kind", "box", "rows", "counted", "quarantined",
                                    "failed", "expired"}),
                ElementsAre("5|v|batch|0:[0,10)|4|7|3|2|6"));
    EXPECT_THAT(
        rows("braid.views", {"name", "counted", "filtered", "quarantined", "failed", "expired"}),
        ElementsAre("v|7|0|3|2|6", "pv|~|~|~|~|~"));
    EXPECT_THAT(rows("braid.views", {"name", "retention", "horizon"}),
                ElementsAre("v|02:00:00|1970-01-01 00:00:00.000001+00", "pv|~|~"));
    EXPECT_THAT(rows("braid.audits", {"number", "stream", "view", "cut", "matched"}),
                ElementsAre("1|t|v|0:10|t"));
    EXPECT_THAT(rows("pg_catalog.pg_class", {"relname", "relpages"}), IsSupersetOf({"t|1", "v|1"}));
}

TEST_F(SystemFixture, ShowsTheWorkThatGoesOn) {
    EXPECT_THAT(rows("braid.tasks", {"number", "kind", "stream", "unit", "done", "total"}),
                ElementsAre("4|compact|t|rows|30|100", "5|refresh|~|events|0|~"));
}

TEST_F(SystemFixture, ShowsHowEachSourceStands) {
    EXPECT_THAT(rows("braid.sources",
                     {"stream", "source", "state", "position", "size", "lag", "last_error"}),
                IsSupersetOf({"t|http|open|~|~|~|~", "f|/log|following|70|100|30|~",
                              "f|/log.gz|compressed|~|~|~|not read yet"}));
}

class TwoBadRecords final : public QuarantineSource {
  public:
    Result<std::vector<Batch>> rows(const read::ReadOptions&) override {
        std::vector<Column> columns;
        for (const std::string_view word : {"stream", "1", "2", "", "error", "raw", "view"}) {
            ColumnBuilder builder(word == "1"    ? Type::of(TypeKind::kInt4)
                                  : word == "2"  ? Type::of(TypeKind::kInt8)
                                  : word.empty() ? Type::of(TypeKind::kTimestampTz)
                                                 : Type::of(TypeKind::kText));
            for (int row = 0; row < 2; ++row) {
                if (word == "1") {
                    builder.append_int4(row);
                } else if (word == "2") {
                    builder.append_int8(row);
                } else if (word.empty()) {
                    builder.append_null();
                } else {
                    builder.append_text(word);
                }
            }
            columns.push_back(builder.finish());
        }
        return std::vector{Batch{.length = 2, .columns = std::move(columns)}};
    }
};

TEST_F(SystemFixture, ShowsTheQuarantineThatItIsGiven) {
    EXPECT_THAT(rows("braid.quarantine", {"stream"}), testing::IsEmpty());
    TwoBadRecords bad;
    SystemCatalog system(node_.control, settings_, node_.receipts, &bad, nullptr);
    system.use(node_.control.state(), facts_);
    plan::Node scan;
    scan.relation = {.kind = plan::RelationRef::Kind::kSystem, .name = "braid.quarantine"};
    scan.scan_columns = {5, 2};
    ASSERT_OK_AND_ASSIGN(const auto batches, system.rows(scan, {}));
    EXPECT_THAT(rows_as_text(batches[0]), ElementsAre("raw|0", "raw|1"));
}

TEST_F(SystemFixture, BodiesOfFunctionsBind) {
    // Each function of PostgreSQL's that is SQL here must bind over our own relations.
    sql::BindOptions options;
    options.system = &system_;
    const auto binds = [&](const std::string& text) -> std::string {
        const auto statements = sql::parse(text);
        if (!statements) return statements.error().to_string();
        const auto bound = sql::bind((*statements)[0], node_.control.state()->catalog, options);
        return bound ? "" : text + ": " + bound.error().to_string();
    };
    for (const char* call : {"pg_get_userbyid(10)",
                             "pg_table_is_visible(1259)",
                             "format_type(23, NULL)",
                             "pg_catalog.format_type(1700, 655366)",
                             "obj_description(1259, 'pg_class')",
                             "col_description(1259, 1)",
                             "pg_get_viewdef(16387)",
                             "pg_get_viewdef(16387, true)",
                             "pg_get_indexdef(1)",
                             "pg_encoding_to_char(6)",
                             "pg_relation_is_publishable('t')",
                             "pg_table_size(16385)",
                             "pg_size_pretty(pg_relation_size('t'))",
                             "has_table_privilege(1, 'x')",
                             "has_schema_privilege('public', 'USAGE')",
                             "current_schemas(true)",
                             "current_schema()",
                             "current_setting('server_version_num')",
                             "version()",
                             "current_user",
                             "session_user",
                             "current_database()",
                             "pg_backend_pid()",
                             "now()",
                             "current_date",
                             "pg_is_in_recovery()",
                             "to_regclass('t')",
                             "to_regtype('int4')",
                             "'t'::regclass",
                             "'int4'::regtype",
                             "'array_in'::regproc",
                             "shobj_description(1, 'pg_database')",
                             "pg_get_function_result(14000)",
                             "pg_type_is_visible(23)",
                             "pg_postmaster_start_time()",
                             "pg_tablespace_location(1663)"}) {
        EXPECT_EQ(binds(std::string("SELECT ") + call), "");
    }
}

TEST_F(SystemFixture, FunctionsFollowTheSession) {
    const std::vector<std::string> path = {"braid"};
    ASSERT_OK(settings_.set("search_path", path, false));
    EXPECT_EQ(session_function("current_schema", facts_, settings_)->function.body,
              "'braid'::name");
    const auto visible = system_.find_functions("pg_table_is_visible");
    ASSERT_EQ(visible.size(), 1u);
    const auto t = system_.relation_oid("public", "t");
    ASSERT_TRUE(t.has_value());
    EXPECT_THAT(visible[0].body, Not(ContainsRegex("[^0-9]" + std::to_string(*t) + "[^0-9]")));
    EXPECT_FALSE(system_.take_depends_on_now());
    system_.find_functions("now");
    EXPECT_TRUE(system_.take_depends_on_now());
    system_.forbid_session_functions(true);
    EXPECT_TRUE(system_.find_functions("now").empty());
}

}  // namespace
}  // namespace braid::serving
