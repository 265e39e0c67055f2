// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_relation.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"

namespace braid::serving {

namespace {

/// PostgreSQL's "char" is written without its quotes in the tables.
Type type_called(std::string_view name) {
    Type type;
    CHECK(parse_type_name(name == "char" ? "\"char\"" : name == "char[]" ? "_char" : name, type));
    return type;
}

SystemRelation read_relation(const RelationText& text) {
    SystemRelation relation{.schema = text.schema,
                            .name = text.name,
                            .oid = text.oid,
                            .kind = text.kind,
                            .columns = {},
                            .never_null = {}};
    std::string_view rest = text.columns;
    while (!rest.empty()) {
        std::string_view word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        const bool never_null = word.ends_with('!');
        if (never_null) word.remove_suffix(1);
        const size_t colon = word.find(':');
        CHECK(colon != std::string_view::npos);
        std::string_view type = word.substr(colon + 1);
        if (type == "aclitem[]") type = "_aclitem";
        relation.columns.fields.push_back({std::string(word.substr(0, colon)), type_called(type)});
        relation.never_null.push_back(never_null);
    }
    return relation;
}

std::vector<SystemRelation> read_all() {
    std::vector<SystemRelation> relations;
    for (const auto texts : {pg_catalog_texts(), information_schema_texts(), braid_texts()}) {
        for (const RelationText& text : texts) relations.push_back(read_relation(text));
    }
    for (const auto sources :
         {pg_catalog_sources(), pg_type_sources(), information_schema_sources(), braid_sources()}) {
        for (const RelationSource& source : sources) {
            const auto place = std::ranges::find_if(relations, [&](const SystemRelation& each) {
                return each.schema == source.schema && each.name == source.name;
            });
            CHECK(place != relations.end());
            place->rows = source.rows;
        }
    }
    return relations;
}

}  // namespace

std::span<const SystemRelation> system_relations() {
    static const auto* relations = new std::vector<SystemRelation>(read_all());
    return *relations;
}

const SystemRelation* find_system_relation(std::string_view schema, std::string_view name) {
    for (const SystemRelation& each : system_relations()) {
        if (each.schema == schema && each.name == name) return &each;
    }
    return nullptr;
}

}  // namespace braid::serving
