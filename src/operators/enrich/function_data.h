// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid::operators {

/// Finds the family of a user agent by uap-core's rules: first matching rule in file order, case
/// and captures as written there. Thread-safe.
class UserAgentRules {
  public:
    virtual ~UserAgentRules() = default;
    /// `client(agent)`: browser family without version, "Other" when no rule matches.
    virtual std::string client(std::string_view agent) const = 0;
    virtual std::string os(std::string_view agent) const = 0;
};

/// Finds places of addresses in an mmdb file. Thread-safe.
class RegionDatabase {
  public:
    virtual ~RegionDatabase() = default;
    /// ISO code; nullopt when not found or not an address.
    virtual std::optional<std::string> country(std::string_view ip) const = 0;
    /// First-level name (state1); nullopt likewise.
    virtual std::optional<std::string> region(std::string_view ip) const = 0;
};

/// The function data of one version each, loaded. Either may be null.
struct EnrichData {
    std::shared_ptr<const UserAgentRules> user_agents;
    std::shared_ptr<const RegionDatabase> regions;
};

/// The content of a file, read once and checked by whoever read it: what becomes of the file later
/// changes nothing. `name` is for messages. Without bytes there is none.
struct DataFile {
    std::string name;
    std::string bytes;
};

/// `cache_directory` (may be empty) keeps the compiled Hyperscan database by content hash.
Result<std::shared_ptr<const UserAgentRules>> load_user_agent_rules(
    const DataFile& regexes_yaml, const std::string& cache_directory);
/// IPv4 and, perhaps, IPv6; a copy of both stays in memory.
/// Only files that check_region_database() has passed: a lookup in others finds nothing, and says
/// so to nobody.
Result<std::shared_ptr<const RegionDatabase>> open_region_database(const DataFile& ipv4_mmdb,
                                                                   const DataFile& ipv6_mmdb = {});

/// Reads both through: Corrupt, naming the file, unless every node of the search tree leads
/// somewhere and every place in it can be read.
Result<void> check_region_database(const DataFile& ipv4_mmdb, const DataFile& ipv6_mmdb = {});

}  // namespace braid::operators
