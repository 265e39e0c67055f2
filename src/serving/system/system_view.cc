// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_view.h"

#include <algorithm>
#include <utility>

#include "base/trace.h"

namespace braid::serving {

namespace {

uint64_t bytes_of(const manifest::Run& run) {
    uint64_t bytes = 0;
    for (const manifest::Part& part : run.parts) bytes += part.bytes;
    return bytes;
}

CatalogRelation of_user(ObjectId id, const std::string& name, char kind,
                        const ColumnsOf& columns_of) {
    CatalogRelation relation{.oid = static_cast<uint32_t>(oids::kFirstUser + id.value),
                             .schema = "public",
                             .name = name,
                             .kind = kind,
                             .columns = {},
                             .never_null = {},
                             .definition = {}};
    auto columns = columns_of(id);
    if (columns) {
        relation.columns = *std::move(columns);
    } else {
        // A view over something that has gone in the meantime; it is listed nevertheless.
        trace(TraceLevel::kWarning, "serving", "columns of \"{}\": {}", name,
              columns.error().message());
    }
    relation.never_null.resize(relation.columns.fields.size());
    return relation;
}

void add_user_relations(const manifest::State& state, const ColumnsOf& columns_of,
                        std::vector<CatalogRelation>& relations) {
    for (const auto& [id, table] : state.catalog.tables) {
        CatalogRelation& stream = relations.emplace_back(of_user(id, table.name, 'r', columns_of));
        stream.created_at_us = table.created_at_us;
        if (const manifest::TableState* of_table = state.table(id)) {
            for (const manifest::Segment& each : of_table->segments) stream.bytes += each.bytes;
        }
    }
    for (const auto& [id, view] : state.catalog.views) {
        CatalogRelation& relation = relations.emplace_back(of_user(id, view.name, 'm', columns_of));
        relation.created_at_us = view.created_at_us;
        const catalog::ViewVersion* version = view.find(view.current);
        if (version == nullptr) continue;
        relation.definition = version->definition;
        relation.is_populated = version->is_populated;
        for (const manifest::Run& run : state.runs_of(view.current))
            relation.bytes += bytes_of(run);
    }
    for (const auto& [id, view] : state.catalog.plain_views) {
        CatalogRelation& relation = relations.emplace_back(of_user(id, view.name, 'v', columns_of));
        relation.created_at_us = view.created_at_us;
        relation.definition = view.definition;
    }
}

}  // namespace

uint32_t schema_oid(std::string_view schema) {
    if (schema == "pg_catalog") return oids::kPgCatalog;
    if (schema == "public") return oids::kPublic;
    if (schema == "information_schema") return oids::kInformationSchema;
    return schema == "braid" ? oids::kBraid : 0;
}

CatalogImage CatalogImage::of(const manifest::State& state, const ColumnsOf& columns_of) {
    CatalogImage image;
    for (const SystemRelation& each : system_relations()) {
        image.relations.push_back({.oid = each.oid,
                                   .schema = each.schema,
                                   .name = std::string(each.name),
                                   .kind = each.kind,
                                   .columns = each.columns,
                                   .never_null = each.never_null,
                                   .definition = {}});
    }
    const auto user = static_cast<std::ptrdiff_t>(image.relations.size());
    add_user_relations(state, columns_of, image.relations);
    std::sort(image.relations.begin() + user, image.relations.end(),
              [](const auto& left, const auto& right) { return left.name < right.name; });
    return image;
}

const CatalogRelation* CatalogImage::find(uint32_t oid) const {
    const auto place = std::ranges::find(relations, oid, &CatalogRelation::oid);
    return place == relations.end() ? nullptr : &*place;
}

const CatalogRelation* CatalogImage::find(std::string_view schema, std::string_view name,
                                          const std::vector<std::string>& search_path) const {
    const auto in = [&](std::string_view place) -> const CatalogRelation* {
        for (const CatalogRelation& each : relations) {
            if (each.name == name && each.schema == place) return &each;
        }
        return nullptr;
    };
    if (!schema.empty()) return in(schema);
    if (const CatalogRelation* found = in("pg_catalog")) return found;
    for (const std::string& place : search_path) {
        if (const CatalogRelation* found = in(place)) return found;
    }
    return in("braid");
}

bool CatalogImage::is_visible(const CatalogRelation& relation,
                              const std::vector<std::string>& search_path) const {
    return find("", relation.name, search_path) == &relation;
}

}  // namespace braid::serving
