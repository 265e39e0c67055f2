// SPDX-License-Identifier: Apache-2.0
#include "app/catalog_views.h"

#include "base/error_makers.h"
#include "sql/sql.h"

namespace braid::app {

CatalogViews::CatalogViews(const manifest::Manifest& manifest, FunctionDataStore& store)
    : manifest_(manifest), store_(store) {}

Result<operators::BoundView> CatalogViews::view_of(VersionId version) {
    {
        const ScopedLock lock(mutex_);
        const auto place = bound_.find(version);
        if (place != bound_.end()) return place->second;
    }
    const manifest::StatePtr state = manifest_.head();
    const catalog::MaterializedView* view = state->catalog.view_of_version(version);
    if (view == nullptr) return not_found("the view was dropped meanwhile");
    operators::BoundView bound =
        TRY(bind(state->catalog, *view->find(version), view->table, view->retention_us)
                .context(fmt::format("binding materialized view \"{}\"", view->name)));
    const ScopedLock lock(mutex_);
    return bound_.emplace(version, std::move(bound)).first->second;
}

Result<operators::BoundView> CatalogViews::bind(const catalog::Catalog& catalog,
                                                const catalog::ViewVersion& version, TableId table,
                                                int64_t retention_us) {
    operators::BoundView bound;
    bound.plan = TRY(sql::bind_view(catalog, version, table));
    bound.context.format.zone = TRY(find_time_zone(version.time_zone));
    bound.context.enrich = TRY(store_.load(version.function_data));
    if (retention_us > 0) {
        const catalog::Table& stream = catalog.tables.at(table);
        const std::string event_time = stream.option("event_time", "");
        bound.retention = TRY(operators::ViewRetention::create(
            bound.plan, event_time.empty() ? -1 : stream.columns.find(event_time), retention_us,
            bound.context));
    }
    return bound;
}

}  // namespace braid::app
