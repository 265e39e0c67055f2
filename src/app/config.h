// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/node.h"
#include "base/result.h"

namespace braid::app {

/// Everything that `braid serve` can be told; docs/operating/configuration.md explains each key.
struct Config {
    /// One thread for each core: that folds, that recomputes, that answers.
    Config();

    /// Holds what the two below hold, where they are not given.
    std::string data;
    std::string local;  // log, redo, spill, cache: the machine's own disk
    std::string store;  // manifest, dataset, runs, function data; may lie on another file system
    std::string init;
    std::string pg = "127.0.0.1:5433";
    std::string http = "127.0.0.1:8080";
    /// Origins of pages of others that may call the HTTP interface: "http://dash.example:3000".
    std::vector<std::string> http_origins;
    /// Further names that it may be called by: "braid.example", without port.
    std::vector<std::string> http_hosts;
    /// Of each protocol, and of one address among them.
    uint32_t connections_max = 200;
    uint32_t address_connections_max = 150;
    NodeOptions node;
};

/// Puts `data` where `local` or `store` is not given, and makes both absolute. InvalidInput when
/// one is missing.
Result<void> settle_roots(Config& config);

/// Reads braid.toml over `config`. InvalidInput with the place for a key or value that is not
/// known.
Result<void> read_config(const std::string& path, Config& config);

/// Function data that came with the build, where it is there.
FunctionDataFiles built_in_function_data();

/// "HOST:PORT"; port 0 takes a free one.
struct Address {
    std::string host;
    uint16_t port = 0;
};
Result<Address> parse_address(const std::string& text);

}  // namespace braid::app
