// SPDX-License-Identifier: Apache-2.0
#include "serving/system/system_catalog.h"

#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "serving/system/keywords.h"
#include "serving/system/relation_rows.h"

namespace braid::serving {

namespace {

/// A batch with the columns of a scan, in its order.
std::vector<Batch> project(std::vector<Batch> batches, const std::vector<int>& columns) {
    for (Batch& batch : batches) {
        std::vector<Column> chosen;
        for (const int column : columns)
            chosen.push_back(batch.columns[static_cast<size_t>(column)]);
        batch.columns = std::move(chosen);
    }
    return batches;
}

}  // namespace

SystemCatalog::SystemCatalog(const Control& control, const Settings& settings,
                             const ReceiptLog& receipts, QuarantineSource* quarantine,
                             plan::ViewPlans* view_plans)
    : control_(control),
      settings_(settings),
      receipts_(receipts),
      quarantine_(quarantine),
      view_plans_(view_plans) {}

void SystemCatalog::use(manifest::StatePtr state, const SessionFacts& facts) {
    state_ = std::move(state);
    facts_ = facts;
}

const CatalogImage& SystemCatalog::image() const {
    CHECK(state_ != nullptr);
    if (image_ && image_state_ == state_) return *image_;
    sql::BindOptions options;
    options.system = this;
    if (view_plans_ != nullptr) {
        options.view_plan_of = [this](VersionId version) { return view_plans_->plan_of(version); };
    }
    // Kept before it is filled: binding a plain view may ask for what is in pg_catalog, and must
    // not come back here. It then sees no relation of the user, which no name in a view definition
    // needs.
    image_.emplace();
    image_state_ = state_;
    image_ = CatalogImage::of(*state_, [&](ObjectId id) {
        return sql::columns_of_relation(state_->catalog, id, options);
    });
    return *image_;
}

namespace {

/// Of pg_get_keywords(), the one function of the catalog that stands in FROM.
Schema keyword_columns() {
    const Type text = Type::of(TypeKind::kText);
    return {{{"word", text},
             {"catcode", Type::aliased(TypeKind::kText, TypeAlias::kChar)},
             {"barelabel", Type::of(TypeKind::kBool)},
             {"catdesc", text},
             {"baredesc", text}}};
}

std::vector<Batch> keyword_rows(const plan::Node& scan) {
    const SystemRelation relation{.schema = "pg_catalog",
                                  .name = "pg_get_keywords",
                                  .columns = keyword_columns(),
                                  .never_null = std::vector<bool>(5, true)};
    RelationRows rows(relation, scan.scan_columns);
    for (const Keyword& keyword : keywords()) {
        rows.add();
        rows.set("word", keyword.word);
        rows.set("catcode", keyword.category);
        rows.set("barelabel", keyword.is_bare_label);
        rows.set("catdesc", meaning_of_category(keyword.category));
        rows.set("baredesc", keyword.is_bare_label ? "can be bare label" : "requires AS");
    }
    return rows.finish();
}

}  // namespace

bool SystemCatalog::has_schema(std::string_view schema) const { return schema_oid(schema) != 0; }

std::optional<Schema> SystemCatalog::find(std::string_view schema, std::string_view name) const {
    const SystemRelation* relation = find_system_relation(schema, name);
    if (relation == nullptr) return std::nullopt;
    return relation->columns;
}

std::optional<Schema> SystemCatalog::find_table_function(std::string_view schema,
                                                         std::string_view name,
                                                         size_t argument_count) const {
    if (schema != "pg_catalog" || name != "pg_get_keywords" || argument_count != 0)
        return std::nullopt;
    return keyword_columns();
}

std::vector<sql::SqlFunction> SystemCatalog::find_functions(std::string_view name) const {
    if (forbids_session_) return {};
    if (auto found = session_function(name, facts_, settings_)) {
        depends_on_now_ |= found->depends_on_now;
        return {std::move(found->function)};
    }
    static const CatalogImage kNoImage;  // only what depends on relations pays for looking at them
    return catalog_functions(name, name == "pg_table_is_visible" ? image() : kNoImage, settings_);
}

std::optional<int64_t> SystemCatalog::relation_oid(std::string_view schema,
                                                   std::string_view name) const {
    const CatalogRelation* relation = image().find(schema, name, settings_.search_path());
    if (relation == nullptr) return std::nullopt;
    return relation->oid;
}

std::optional<Datum> SystemCatalog::session_value(std::string_view name,
                                                  std::span<const Datum> arguments) const {
    if (name != "regprocin" || arguments.size() != 1 || arguments[0].is_null()) return std::nullopt;
    const auto oid = function_oid(arguments[0].as<std::string>());
    if (!oid) return std::nullopt;
    return Datum{Type::aliased(TypeKind::kInt8, TypeAlias::kRegproc), *oid};
}

std::string SystemCatalog::name_of(TypeAlias alias, int64_t oid) const {
    if (alias == TypeAlias::kRegclass) {
        if (const CatalogRelation* relation = image().find(static_cast<uint32_t>(oid))) {
            if (image().is_visible(*relation, settings_.search_path())) {
                return sql::quote_identifier(relation->name);
            }
            return std::string(relation->schema) + "." + sql::quote_identifier(relation->name);
        }
    } else if (alias == TypeAlias::kRegtype) {
        Type type;
        if (type_of_oid(static_cast<uint32_t>(oid), type)) return type.name();
    }
    return oid == 0 ? "-" : std::to_string(oid);
}

Result<std::vector<Batch>> SystemCatalog::rows(const plan::Node& scan,
                                               const read::ReadOptions& options) {
    const std::string& full = scan.relation.name;
    const size_t dot = full.find('.');
    if (dot == std::string::npos)
        return internal_error("a system relation without schema: {}", full);
    if (scan.relation.kind == plan::RelationRef::Kind::kFunction) {
        return keyword_rows(scan);
    }
    const std::string_view name = std::string_view(full).substr(dot + 1);
    const SystemRelation* relation =
        find_system_relation(std::string_view(full).substr(0, dot), name);
    if (relation == nullptr) return not_found("relation \"{}\" does not exist", full);
    if (relation->schema == "braid" && name == "quarantine") {
        if (quarantine_ == nullptr) return std::vector<Batch>();
        return project(TRY(quarantine_->rows(options)), scan.scan_columns);
    }
    RelationRows rows(*relation, scan.scan_columns);
    if (relation->rows != nullptr) {
        relation->rows({.state = *state_,
                        .image = image(),
                        .settings = settings_,
                        .control = control_,
                        .receipts = receipts_},
                       rows);
    }
    return rows.finish();
}

}  // namespace braid::serving
