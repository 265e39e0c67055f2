// SPDX-License-Identifier: Apache-2.0
#include "catalog/view_versions.h"

namespace braid::catalog {

std::vector<VersionId> versions_of(const Catalog& catalog, TableId table) {
    std::vector<VersionId> found;
    for (const MaterializedView* view : catalog.views_of(table)) {
        for (const ViewVersion& version : view->versions) found.push_back(version.id);
    }
    return found;
}

}  // namespace braid::catalog
