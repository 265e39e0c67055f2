// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "catalog/catalog.h"

namespace braid::catalog {

/// Every view version that is fed from the table, in order of view and version.
std::vector<VersionId> versions_of(const Catalog& catalog, TableId table);

}  // namespace braid::catalog
