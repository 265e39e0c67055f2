// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "app/catalog_views.h"
#include "app/cli/arguments.h"
#include "app/function_data_store.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "manifest/manifest.h"

namespace braid::app {

/// One view of a store as its newest manifest version has it, bound as a node would. Only reads, so
/// a node may be at work there.
struct ViewFiles {
    SystemClock clock;
    std::unique_ptr<FileSystem> store;
    std::unique_ptr<manifest::Manifest> manifest;
    std::unique_ptr<FunctionDataStore> function_data;
    std::unique_ptr<CatalogViews> views;
    manifest::StatePtr state;
    const catalog::MaterializedView* view = nullptr;  // of `state`
    const catalog::Table* table = nullptr;
    operators::BoundView bound;

    /// By --data or --config, and the view's name. NotFound when there is none.
    static Result<std::unique_ptr<ViewFiles>> open(const Arguments& arguments);
};

}  // namespace braid::app
