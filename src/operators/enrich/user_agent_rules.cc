// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <hs/hs.h>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "base/file_system.h"
#include "base/hash.h"
#include "base/posix_file_system.h"
#include "base/trace.h"
#include "operators/enrich/function_data.h"
#include "operators/enrich/pattern_set_internal.h"
#include "operators/enrich/regexes_yaml_internal.h"

namespace braid::operators {

namespace {

/// Longer agents are cut: no browser sends more, and time grows with length.
constexpr size_t kAgentBytesMax = size_t{2} << 10;
constexpr std::string_view kOther = "Other";
/// Raised when the form of the cache file changes.
constexpr uint32_t kCacheVersion = 2;

/// The first kAgentBytesMax bytes, without half a character at the end.
std::string_view capped(std::string_view agent) {
    if (agent.size() <= kAgentBytesMax) return agent;
    size_t end = kAgentBytesMax;
    while (end > 0 && (static_cast<unsigned char>(agent[end]) & 0xC0) == 0x80) --end;
    return agent.substr(0, end);
}

class Rules final : public UserAgentRules {
  public:
    Rules(std::unique_ptr<PatternSet> browsers, std::unique_ptr<PatternSet> systems)
        : browsers_(std::move(browsers)), systems_(std::move(systems)) {}

    std::string client(std::string_view agent) const override { return family(*browsers_, agent); }
    std::string os(std::string_view agent) const override { return family(*systems_, agent); }

  private:
    static std::string family(const PatternSet& patterns, std::string_view agent) {
        std::optional<std::string> found = patterns.find(capped(agent));
        return found.has_value() && !found->empty() ? *std::move(found) : std::string(kOther);
    }

    std::unique_ptr<PatternSet> browsers_;
    std::unique_ptr<PatternSet> systems_;
};

/// A file or directory of the machine, as the file system below its root names it.
std::string below_root(const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal().relative_path().string();
}

Result<std::unique_ptr<FileSystem>> open_cache(const std::string& directory) {
    const std::unique_ptr<FileSystem> machine = TRY(open_posix_file_system("/"));
    TRY(machine->create_directories(below_root(directory)));
    return open_posix_file_system(directory);
}

/// Keeps compiled automata in a directory, by what they were compiled from and with.
class Cache {
  public:
    Cache(std::unique_ptr<FileSystem> directory, std::string_view source)
        : files_(std::move(directory)) {
        const std::string key = fmt::format("{}\n{}\n", kCacheVersion, hs_version());
        key_ = hash64(key + std::string(source));
        path_ = fmt::format("user_agents-{:016x}.hs", key_);
    }

    /// Both automata, or nothing.
    std::pair<std::string, std::string> load() {
        const Result<std::string> bytes = files_->read_all(path_);
        if (!bytes.has_value()) return {};
        Result<std::pair<std::string, std::string>> parts = parse(*bytes);
        return parts.has_value() ? std::move(parts).value() : std::pair<std::string, std::string>();
    }

    Result<void> store(const std::string& browsers, const std::string& systems) {
        std::string body;
        ByteWriter writer(body);
        writer.fixed(key_);
        writer.text(browsers);
        writer.text(systems);
        std::string bytes;
        ByteWriter framed(bytes);
        framed.fixed(crc32c(body));
        framed.raw(body);
        // What is there under this name could not be read, or load() would have used it.
        if (TRY(files_->exists(path_))) TRY(files_->remove(path_));
        return must_be_done(TRY(put_new(*files_, path_, as_bytes(bytes))), path_);
    }

  private:
    Result<std::pair<std::string, std::string>> parse(std::string_view bytes) const {
        ByteReader in(bytes);
        const auto crc = TRY(in.fixed<uint32_t>());
        const std::string_view body = TRY(in.raw(in.remaining()));
        if (crc32c(body) != crc) return corrupt("compiled user agent rules have a wrong checksum");
        ByteReader parts(body);
        // The automata of other rules would name rules that these do not have.
        if (TRY(parts.fixed<uint64_t>()) != key_) return corrupt("they are of other rules");
        const std::string_view browsers = TRY(parts.text());
        const std::string_view systems = TRY(parts.text());
        return std::pair(std::string(browsers), std::string(systems));
    }

    std::unique_ptr<FileSystem> files_;  // rooted in the directory
    uint64_t key_ = 0;
    std::string path_;
};

}  // namespace

Result<std::shared_ptr<const UserAgentRules>> load_user_agent_rules(
    const DataFile& regexes_yaml, const std::string& cache_directory) {
    if (hs_valid_platform() != HS_SUCCESS) {
        return unsupported("this processor lacks SSSE3, which matching user agents needs");
    }
    UserAgentRuleSet rules = TRY(parse_regexes_yaml(regexes_yaml.bytes));
    std::optional<Cache> cache;
    std::pair<std::string, std::string> compiled;
    if (!cache_directory.empty()) {
        auto directory = open_cache(cache_directory);
        if (directory) {
            cache.emplace(*std::move(directory), regexes_yaml.bytes);
            compiled = cache->load();
        } else {
            trace(TraceLevel::kWarning, "enrich", "{}", directory.error().to_string());
        }
    }
    auto browsers = TRY(PatternSet::create(std::move(rules.browsers), compiled.first));
    auto systems = TRY(PatternSet::create(std::move(rules.systems), compiled.second));
    const bool is_cached = browsers->was_restored() && systems->was_restored();
    if (cache.has_value() && !is_cached) {
        const Result<void> stored = cache->store(browsers->serialize(), systems->serialize());
        // Only the next start is slower for it.
        if (!stored.has_value()) {
            trace(TraceLevel::kWarning, "enrich", "{}", stored.error().to_string());
        }
    }
    return std::shared_ptr<const UserAgentRules>(
        std::make_shared<const Rules>(std::move(browsers), std::move(systems)));
}

}  // namespace braid::operators
