// SPDX-License-Identifier: Apache-2.0
#include "serving/session/transaction_views.h"

#include "base/error_makers.h"
#include "sql/sql.h"

namespace braid::serving {

Result<plan::ViewPlanPtr> TransactionViews::plan_of(VersionId version) {
    const catalog::MaterializedView* view = state_->catalog.view_of_version(version);
    const bool is_own = view != nullptr && work_.has_made(view->id);
    if (committed_ != nullptr && !is_own) return committed_->plan_of(version);
    if (view == nullptr) return not_found("view version {} does not exist", version.value);
    return sql::bind_view(state_->catalog, *view->find(version), view->table);
}

}  // namespace braid::serving
