// SPDX-License-Identifier: Apache-2.0
#include "speed/view_set.h"

#include "catalog/retention.h"

namespace braid::speed {

Result<ViewSetPtr> ViewSet::bind(const manifest::State& state, TableId table,
                                 operators::BoundViews& views) {
    auto set = std::make_shared<ViewSet>();
    for (const catalog::MaterializedView* view : state.catalog.views_of(table)) {
        for (const catalog::ViewVersion& version : view->versions) {
            set->versions_.push_back(version.id);
            set->bound_.push_back(TRY(views.view_of(version.id)));
        }
    }
    const auto stream = state.catalog.tables.find(table);
    set->stream_retains_ =
        stream != state.catalog.tables.end() && catalog::retention_of(stream->second) > 0;
    return ViewSetPtr(std::move(set));
}

}  // namespace braid::speed
