// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "columnar/column.h"

namespace braid::serving {

/// A system relation as its source writes it: `columns` is "name:type name:type!", where `!` says
/// that the column is never NULL (rows that do not set it give 0, false or '').
struct RelationText {
    std::string_view schema;
    std::string_view name;
    uint32_t oid;
    char kind;  // pg_class.relkind: 'r' or 'v'
    std::string_view columns;
};

std::span<const RelationText> pg_catalog_texts();
std::span<const RelationText> information_schema_texts();
std::span<const RelationText> braid_texts();

struct SystemView;
class RelationRows;

/// Adds all rows of one relation.
using RowsFunction = void (*)(const SystemView& view, RelationRows& rows);

struct SystemRelation {
    std::string_view schema;
    std::string_view name;
    uint32_t oid = 0;
    char kind = 'r';
    Schema columns;
    std::vector<bool> never_null;  // per column
    RowsFunction rows = nullptr;   // null: it is always empty
};

/// Which relation has rows, and from where.
struct RelationSource {
    std::string_view schema;
    std::string_view name;
    RowsFunction rows;
};
std::span<const RelationSource> pg_catalog_sources();
std::span<const RelationSource> pg_type_sources();
std::span<const RelationSource> information_schema_sources();
std::span<const RelationSource> braid_sources();

/// All of them, in order of schema as above. Built once.
std::span<const SystemRelation> system_relations();
const SystemRelation* find_system_relation(std::string_view schema, std::string_view name);

}  // namespace braid::serving
