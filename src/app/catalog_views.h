// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "app/function_data_store.h"
#include "base/mutex.h"
#include "manifest/manifest.h"
#include "operators/fold/view_folder.h"

namespace braid::app {

/// View versions of the manifest's catalog, bound once and kept. Thread-safe.
class CatalogViews final : public operators::BoundViews {
  public:
    CatalogViews(const manifest::Manifest& manifest, FunctionDataStore& store);
    Result<operators::BoundView> view_of(VersionId version) override;
    /// Whether a version that is not declared yet can be bound, with its function data.
    Result<operators::BoundView> bind(const catalog::Catalog& catalog,
                                      const catalog::ViewVersion& version, TableId table,
                                      int64_t retention_us = 0);

  private:
    const manifest::Manifest& manifest_;
    FunctionDataStore& store_;
    Mutex mutex_;
    std::map<VersionId, operators::BoundView> bound_ GUARDED_BY(mutex_);
};

}  // namespace braid::app
