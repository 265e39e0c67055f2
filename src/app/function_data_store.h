// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/store.h"
#include "catalog/catalog.h"
#include "operators/enrich/function_data.h"
#include "plan/view_plan.h"

namespace braid::app {

/// Files that the node was configured with; any may be empty.
struct FunctionDataFiles {
    std::string user_agent_rules;  // uap-core's regexes.yaml
    std::string regions_ipv4;      // mmdb
    std::string regions_ipv6;
};

/// The versions of function data that this store's views have ever used, each kept as a copy under
/// function_data/<name>-<version>/, so that a view answers by the same data for ever, whatever the
/// configuration says later. Loaded when first needed, and only if the copy is still what its
/// digest in the manifest says. Thread-safe.
class FunctionDataStore {
  public:
    /// `cache`: a local directory for what is made of them, which can be lost; empty: none.
    FunctionDataStore(Store& store, std::string cache, FunctionDataFiles configured);

    /// What is configured now, next to what the catalog has, for the names given: entries that
    /// differ get the next version, are copied in and tried: data that cannot be used are
    /// InvalidInput (F0000), naming the configured file. The caller commits what comes back.
    Result<std::vector<catalog::FunctionData>> changes(const catalog::Catalog& catalog,
                                                       const std::vector<std::string>& names);

    /// Corrupt, naming the copy, if a file of it is missing or another than was copied in.
    Result<std::shared_ptr<const operators::EnrichData>> load(
        const std::vector<catalog::FunctionData>& versions);

  private:
    struct Source;
    /// Nullopt when nothing is configured under that name.
    Result<std::optional<Source>> source_of(const std::string& name) const;
    Result<void> copy_in(const Source& source, const std::string& directory);
    /// The copy is whole and can be used.
    Result<void> try_out(const catalog::FunctionData& data);
    /// The copy, read once: as it was copied in, or Corrupt. In the order of its files; one that
    /// there need not be may be without bytes.
    Result<std::vector<operators::DataFile>> read(const catalog::FunctionData& data);
    Result<void> hold(const catalog::FunctionData& data,
                      const std::vector<operators::DataFile>& files) REQUIRES(mutex_);
    Result<std::shared_ptr<const operators::UserAgentRules>> user_agents(
        const catalog::FunctionData& data) REQUIRES(mutex_);
    Result<std::shared_ptr<const operators::RegionDatabase>> regions(
        const catalog::FunctionData& data) REQUIRES(mutex_);

    Store& store_;
    const std::string cache_;
    const FunctionDataFiles configured_;
    Mutex mutex_;
    std::map<uint64_t, std::shared_ptr<const operators::UserAgentRules>> user_agents_
        GUARDED_BY(mutex_);
    std::map<uint64_t, std::shared_ptr<const operators::RegionDatabase>> regions_
        GUARDED_BY(mutex_);
};

/// Names of the function data that a definition uses: "user_agent" for client and os, "geo" for
/// country and region.
std::string function_data_of(const std::string& function);
std::vector<std::string> function_data_of(const plan::ViewPlan& plan);
std::vector<std::string> function_data_of(const plan::Expr& expr);

}  // namespace braid::app
