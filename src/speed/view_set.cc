// SPDX-License-Identifier: Apache-2.0
#include "speed/view_set.h"

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
    return ViewSetPtr(std::move(set));
}

}  // namespace braid::speed
