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

std::string directory_of(const catalog::FunctionData& data) {
    return fmt::format("function_data/{}-{}", data.name, data.version);
}

/// The files of one kind of function data.
std::vector<std::string_view> files_of(const std::string& name) {
    if (name == "user_agent") return {kRulesFile};
    return {kIpv4File, kIpv6File};
}

void collect(const plan::Expr& expr, std::set<std::string>& names) {
    if (expr.kind == plan::Expr::Kind::kCall && expr.function->is_memoised) {
        names.insert(function_data_of(expr.function->name));
    }
    for (const plan::ExprPtr& argument : expr.arguments) collect(*argument, names);
}

}  // namespace

/// One kind of function data as configured: its files by the name they get in the store.
struct FunctionDataStore::Source {
    std::string name;
    std::vector<std::pair<std::string, std::string>> files;  // name in the store, bytes
    std::string digest;
    std::string paths;  // as configured, for people
};

FunctionDataStore::FunctionDataStore(Store& store, std::string cache, FunctionDataFiles configured)
    : store_(store), cache_(std::move(cache)), configured_(std::move(configured)) {}

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
    Source source{name, {}, {}, {}};
    Digest digest;
    for (const auto& [stored, path] : paths) {
        if (path.empty()) continue;
        std::string bytes = TRY(machine->read_all(path).context("reading function data"));
        digest.add_row(stored, bytes);
        source.files.emplace_back(stored, std::move(bytes));
        source.paths += fmt::format("{}\"{}\"", source.paths.empty() ? "" : " and ", path);
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
        catalog::FunctionData next{source.name, 1, source.digest,
                                   source.name == "user_agent" ? "uap-core rules" : "mmdb"};
        if (current != catalog.function_data.end()) {
            if (current->second.digest == source.digest) continue;
            next.version = current->second.version + 1;
        }
        TRY(copy_in(source, directory_of(next)));
        auto usable = try_out(next);
        if (!usable && usable.error().code() != ErrorCode::kInvalidInput &&
            usable.error().code() != ErrorCode::kCorrupt) {
            return std::move(usable).error();
        }
        if (!usable) {
            return invalid_input("function data \"{}\" cannot be used: {}", name,
                                 usable.error().message())
                .with_sqlstate("F0000")
                .with_detail("Configured are " + source.paths + ".")
                .with_hint("Set [function_data] in the configuration file to whole files.");
        }
        changes.push_back(std::move(next));
    }
    return changes;
}

Result<void> FunctionDataStore::copy_in(const Source& source, const std::string& directory) {
    // Left by a start that died before its commit: the copy may be of other content.
    if (TRY(store_.exists(directory))) {
        for (const std::string& name : TRY(store_.list(directory))) {
            TRY(store_.remove(directory + "/" + name));
        }
    }
    for (const auto& [name, bytes] : source.files) {
        const std::string path = directory + "/" + name;
        TRY(must_be_done(TRY(put_new(store_, path, as_bytes(bytes))), path));
    }
    return {};
}

Result<void> FunctionDataStore::try_out(const catalog::FunctionData& data) {
    const std::vector<operators::DataFile> files = TRY(read(data));
    if (data.name == "geo") TRY(operators::check_region_database(files[0], files[1]));
    const ScopedLock lock(mutex_);
    return hold(data, files);
}

/// In place of what is held under this version: an earlier try of it, if any, was of other files.
Result<void> FunctionDataStore::hold(const catalog::FunctionData& data,
                                     const std::vector<operators::DataFile>& files) {
    if (data.name == "geo") {
        regions_.erase(data.version);
        regions_[data.version] = TRY(operators::open_region_database(files[0], files[1]));
    } else {
        user_agents_.erase(data.version);
        user_agents_[data.version] = TRY(operators::load_user_agent_rules(files[0], cache_));
    }
    return {};
}

Result<std::vector<operators::DataFile>> FunctionDataStore::read(
    const catalog::FunctionData& data) {
    const std::string directory = directory_of(data);
    std::vector<operators::DataFile> files;
    Digest digest;
    for (const std::string_view name : files_of(data.name)) {
        operators::DataFile& file = files.emplace_back(fmt::format("{}/{}", directory, name));
        if (!TRY(store_.exists(file.name))) continue;
        file.bytes = TRY(store_.read_all(file.name));
        digest.add_row(name, file.bytes);
    }
    if (digest.to_hex() == data.digest) return files;
    return corrupt("function data in \"{}\" are damaged: they are not what was copied in",
                   directory)
        .with_detail(fmt::format("Version {} of \"{}\" has digest {}, the files have {}.",
                                 data.version, data.name, data.digest, digest.to_hex()))
        .with_hint("Restore the directory from a copy.");
}

Result<std::shared_ptr<const operators::UserAgentRules>> FunctionDataStore::user_agents(
    const catalog::FunctionData& data) {
    if (!user_agents_.contains(data.version)) TRY(hold(data, TRY(read(data))));
    return user_agents_.at(data.version);
}

Result<std::shared_ptr<const operators::RegionDatabase>> FunctionDataStore::regions(
    const catalog::FunctionData& data) {
    if (!regions_.contains(data.version)) TRY(hold(data, TRY(read(data))));
    return regions_.at(data.version);
}

Result<std::shared_ptr<const operators::EnrichData>> FunctionDataStore::load(
    const std::vector<catalog::FunctionData>& versions) {
    const catalog::FunctionData* rules = nullptr;
    const catalog::FunctionData* places = nullptr;
    for (const catalog::FunctionData& data : versions) {
        (data.name == "user_agent" ? rules : places) = &data;
    }
    if (rules == nullptr && places == nullptr) {
        return std::shared_ptr<const operators::EnrichData>();
    }
    // Each kind is held once for all views of its version; the pair of them is cheap.
    const ScopedLock lock(mutex_);
    operators::EnrichData data;
    if (rules != nullptr) data.user_agents = TRY(user_agents(*rules));
    if (places != nullptr) data.regions = TRY(regions(*places));
    return std::make_shared<const operators::EnrichData>(std::move(data));
}

std::string function_data_of(const std::string& function) {
    return function == "client" || function == "os" ? "user_agent" : "geo";
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
        std::ranges::for_each(aggregate.arguments, look);
        look(aggregate.filter);
    }
    for (const plan::Output& output : plan.outputs) look(output.expr);
    return {names.begin(), names.end()};
}

}  // namespace braid::app
