// SPDX-License-Identifier: Apache-2.0
#include "app/function_data_store.h"

#include <algorithm>
#include <set>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/posix_file_system.h"

namespace braid::app {

namespace {

constexpr std::string_view kRulesFile = "regexes.yaml";
constexpr std::string_view kIpv4File = "ipv4.mmdb";
constexpr std::string_view kIpv6File = "ipv6.mmdb";

std::string directory_of(const std::string& name, uint64_t version) {
    return fmt::format("function_data/{}-{}", name, version);
}

void collect(const plan::Expr& expr, std::set<std::string>& names) {
    if (expr.kind == plan::Expr::Kind::kCall && expr.function->is_memoised) {
        const std::string& name = expr.function->name;
        names.insert(name == "client" || name == "os" ? "user_agent" : "geo");
    }
    for (const plan::ExprPtr& argument : expr.arguments) collect(*argument, names);
}

}  // namespace

/// One kind of function data as configured: its files by the name they get in the store.
struct FunctionDataStore::Source {
    std::string name;
    std::vector<std::pair<std::string, std::string>> files;  // name in the store, bytes
    std::string digest;
};

FunctionDataStore::FunctionDataStore(FileSystem& files, FunctionDataFiles configured)
    : files_(files), configured_(std::move(configured)) {}

Result<std::optional<FunctionDataStore::Source>> FunctionDataStore::source_of(
    const std::string& name) const {
    std::vector<std::pair<std::string_view, std::string>> paths;
    if (name == "user_agent") {
        paths = {{kRulesFile, configured_.user_agent_rules}};
    } else {
        paths = {{kIpv4File, configured_.regions_ipv4}, {kIpv6File, configured_.regions_ipv6}};
    }
    if (paths.front().second.empty()) return std::optional<Source>();
    auto machine = TRY(open_posix_file_system("/"));
    Source source{name, {}, {}};
    Digest digest;
    for (const auto& [stored, path] : paths) {
        if (path.empty()) continue;
        std::string bytes = TRY(machine->read_all(path).context("reading function data"));
        digest.add_row(stored, bytes);
        source.files.emplace_back(stored, std::move(bytes));
    }
    source.digest = digest.to_hex();
    return std::optional<Source>(std::move(source));
}

Result<std::vector<catalog::FunctionData>> FunctionDataStore::changes(
    const catalog::Catalog& catalog, const std::vector<std::string>& names) {
    std::vector<catalog::FunctionData> changes;
    for (const std::string& name : names) {
        const std::optional<Source> configured = TRY(source_of(name));
        if (!configured) continue;
        const Source& source = *configured;
        const auto current = catalog.function_data.find(source.name);
        uint64_t version = 1;
        if (current != catalog.function_data.end()) {
            if (current->second.digest == source.digest) continue;
            version = current->second.version + 1;
        }
        const std::string directory = directory_of(source.name, version);
        TRY(files_.create_directories(directory));
        TRY(files_.create_directories("_tmp"));
        for (const auto& [name, bytes] : source.files) {
            const std::string path = directory + "/" + name;
            // Left by a start that died before its commit: the copy may be of other content.
            if (TRY(files_.exists(path))) TRY(files_.remove(path));
            TRY(publish_file(files_, "_tmp", path, as_bytes(bytes)));
        }
        changes.push_back({source.name, version, source.digest,
                           source.name == "user_agent" ? "uap-core rules" : "mmdb"});
    }
    return changes;
}

Result<std::shared_ptr<const operators::UserAgentRules>> FunctionDataStore::user_agents(
    uint64_t version) {
    auto& held = user_agents_[version];
    if (!held) {
        const std::string directory = directory_of("user_agent", version);
        const std::string path = directory + "/" + std::string(kRulesFile);
        held = TRY(operators::load_user_agent_rules(files_.local_path(path),
                                                    files_.local_path(directory)));
    }
    return held;
}

Result<std::shared_ptr<const operators::RegionDatabase>> FunctionDataStore::regions(
    uint64_t version) {
    auto& held = regions_[version];
    if (!held) {
        const std::string directory = directory_of("geo", version);
        const std::string ipv6 = directory + "/" + std::string(kIpv6File);
        held = TRY(operators::open_region_database(
            files_.local_path(directory + "/" + std::string(kIpv4File)),
            TRY(files_.exists(ipv6)) ? files_.local_path(ipv6) : std::string()));
    }
    return held;
}

Result<std::shared_ptr<const operators::EnrichData>> FunctionDataStore::load(
    const std::vector<catalog::FunctionData>& versions) {
    uint64_t rules = 0;
    uint64_t places = 0;
    for (const catalog::FunctionData& data : versions) {
        (data.name == "user_agent" ? rules : places) = data.version;
    }
    if (rules == 0 && places == 0) return std::shared_ptr<const operators::EnrichData>();
    const ScopedLock lock(mutex_);
    auto& held = loaded_[{rules, places}];
    if (!held) {
        operators::EnrichData data;
        if (rules != 0) data.user_agents = TRY(user_agents(rules));
        if (places != 0) data.regions = TRY(regions(places));
        held = std::make_shared<const operators::EnrichData>(std::move(data));
    }
    return held;
}

std::vector<std::string> function_data_of(const plan::Expr& expr) {
    std::set<std::string> names;
    collect(expr, names);
    return {names.begin(), names.end()};
}

std::vector<std::string> function_data_of(const plan::ViewPlan& plan) {
    std::set<std::string> names;
    const auto look = [&](const plan::ExprPtr& expr) {
        if (expr) collect(*expr, names);
    };
    look(plan.filter);
    look(plan.having);
    std::ranges::for_each(plan.keys, look);
    for (const plan::Aggregate& aggregate : plan.aggregates) {
        look(aggregate.argument);
        look(aggregate.filter);
    }
    for (const plan::Output& output : plan.outputs) look(output.expr);
    return {names.begin(), names.end()};
}

}  // namespace braid::app
