// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "catalog/catalog.h"
#include "plan/node.h"
#include "sql/sql.h"

// Any text: an error or a plan, never a crash. What was bound can be written down.

namespace {

using namespace braid;

const catalog::Catalog& fuzz_catalog() {
    static const auto* const catalog = [] {
        auto* out = new catalog::Catalog;
        const char* const statements = R"(
            CREATE TABLE t (a int, b bigint, c text, d timestamptz, e numeric, f double precision);
            CREATE TABLE u (a bigint, g interval, h date, i boolean, j timestamp);
            CREATE MATERIALIZED VIEW m AS
                SELECT c, count(*) AS n, count(DISTINCT a) AS x FROM t GROUP BY c;
            CREATE VIEW v AS SELECT c, x FROM m WHERE c <> '';
        )";
        auto parsed = sql::parse(statements);
        for (const sql::Statement& statement : *parsed) {
            auto bound = sql::bind(statement, *out, {});
            const ObjectId id{out->next_id++};
            if (auto* table = std::get_if<sql::CreateTable>(&bound->command)) {
                table->table.id = id;
                out->tables.put(table->table);
            } else if (auto* view = std::get_if<sql::CreateMaterializedView>(&bound->command)) {
                catalog::ViewVersion version;
                version.id = ObjectId{out->next_id++};
                version.definition = view->definition;
                version.time_zone = view->time_zone;
                out->views.put(catalog::MaterializedView{.id = id,
                                                         .name = view->name,
                                                         .table = view->plan->table,
                                                         .versions = {version},
                                                         .current = version.id});
            } else if (auto* plain = std::get_if<sql::CreateView>(&bound->command)) {
                out->plain_views.put(catalog::PlainView{
                    .id = id, .name = plain->name, .definition = plain->definition});
            }
        }
        return out;
    }();
    return *catalog;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = sql::parse(text);
    if (!parsed) return 0;
    for (const sql::Statement& statement : *parsed) {
        const auto bound = sql::bind(statement, fuzz_catalog(), {});
        if (!bound) continue;
        if (const auto* query = std::get_if<plan::Query>(&bound->command))
            plan::to_text(*query->root);
    }
    return 0;
}
