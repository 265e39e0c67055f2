// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "manifest/manifest.h"
#include "serving/control.h"
#include "serving/system/receipt_log.h"
#include "serving/system/settings.h"
#include "serving/system/system_relation.h"

namespace braid::serving {

inline constexpr std::string_view kUserName = "braid";
inline constexpr std::string_view kDatabaseName = "braid";

/// OIDs. Those of PostgreSQL's own objects are PostgreSQL's; what it numbers at initdb is ours from
/// 13,900 on; functions follow from 14,000; what the user made has its object id on top of 16,384,
/// where PostgreSQL's users begin too.
namespace oids {
inline constexpr uint32_t kOwner = 10;
inline constexpr uint32_t kPgCatalog = 11;
inline constexpr uint32_t kPublic = 2200;
inline constexpr uint32_t kInformationSchema = 13207;
inline constexpr uint32_t kBraid = 13900;
inline constexpr uint32_t kDatabase = 5;
inline constexpr uint32_t kTablespace = 1663;
inline constexpr uint32_t kAccessMethod = 13950;
inline constexpr uint32_t kFirstFunction = 14000;
inline constexpr uint32_t kFirstUser = 16384;
}  // namespace oids

/// Number of a schema; 0 if there is none of this name.
uint32_t schema_oid(std::string_view schema);

/// One relation as pg_class, pg_attribute and the like show it.
struct CatalogRelation {
    uint32_t oid = 0;
    std::string_view schema;
    std::string name;
    char kind = 'r';  // r stream, m materialized view, v view
    Schema columns;
    std::vector<bool> never_null;
    std::string definition;  // of views
    bool is_populated = true;
    uint64_t bytes = 0;  // on disk
    int64_t created_at_us = 0;
};

/// Columns of a relation that the user made.
using ColumnsOf = std::function<Result<Schema>(ObjectId)>;

/// What one state of the manifest looks like to a client: system relations, then the user's by
/// name.
struct CatalogImage {
    std::vector<CatalogRelation> relations;

    static CatalogImage of(const manifest::State& state, const ColumnsOf& columns_of);
    const CatalogRelation* find(uint32_t oid) const;
    /// `schema` empty: along the search path, pg_catalog first and braid last.
    const CatalogRelation* find(std::string_view schema, std::string_view name,
                                const std::vector<std::string>& search_path) const;
    /// Found without naming its schema, so SQL shows it without.
    bool is_visible(const CatalogRelation& relation,
                    const std::vector<std::string>& search_path) const;
};

/// What the rows of system relations are made from, during one call.
struct SystemView {
    const manifest::State& state;
    const CatalogImage& image;
    const Settings& settings;
    const Control& control;
    const ReceiptLog& receipts;
};

}  // namespace braid::serving
