// SPDX-License-Identifier: Apache-2.0
#include "collect/file_source.h"

#include <charconv>

#include "base/error_makers.h"
#include "collect/compression.h"
#include "collect/content_hash.h"
#include "collect/glob.h"
#include "collect/glob_source_internal.h"

namespace braid::collect {

namespace {

constexpr size_t kSurveyedMax = 100;
constexpr int64_t kSurveyUsMax = 1'000'000;

/// "60", "60 s", "500 ms", "5 min", "1 h" in microseconds.
Result<int64_t> read_time(std::string_view name, std::string_view text) {
    struct Unit {
        std::string_view name;
        int64_t us;
    };
    constexpr Unit kUnits[] = {{"", 1'000'000},
                               {"ms", 1'000},
                               {"s", 1'000'000},
                               {"min", 60'000'000},
                               {"h", 3'600'000'000}};
    constexpr int64_t kUsMax = 7 * 24 * 3'600'000'000LL;
    const auto bad = [&] {
        return Error(invalid_input("option \"{}\" must be a time, not \"{}\"", name, text))
            .with_sqlstate("22023")
            .with_hint(
                "For example '60 s' or '500 ms'; units are ms, s, min and h, at most 7 days.");
    };
    int64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc() || count < 0) return bad();
    std::string_view unit(at, static_cast<size_t>(end - at));
    unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
    for (const Unit& each : kUnits) {
        if (each.name != unit) continue;
        if (count > kUsMax / each.us) return bad();
        return count * each.us;
    }
    return bad();
}

/// Why the file at this path gives no lines, or nothing.
std::string trouble_of(FileSystem& files, const std::string& path) {
    const auto file = files.open(path);
    if (!file) {
        return file.error().code() == ErrorCode::kNotFound ? std::string() : file.error().message();
    }
    std::byte first[kCompressionMarkBytes];
    const auto got = (*file)->read_at(0, first);
    if (!got) return got.error().message();
    const std::string_view kind = compression_of(as_text(Bytes(first).first(*got)));
    if (kind.empty()) return {};
    return fmt::format(
        "file \"{}\" is compressed ({}): it is passed over, since such files are not "
        "read yet",
        path, kind);
}

}  // namespace

Result<FileSourceOptions> FileSource::read_options(
    const std::map<std::string, std::string>& table) {
    FileSourceOptions options;
    if (const auto path = table.find("path"); path != table.end()) options.path = path->second;
    TRY(check(options));
    if (const auto wait = table.find("rotate_wait"); wait != table.end()) {
        options.rotate_wait_us = TRY(read_time(wait->first, wait->second));
    }
    if (const auto wait = table.find("line_wait"); wait != table.end()) {
        options.last_line_wait_us = TRY(read_time(wait->first, wait->second));
    }
    return options;
}

Result<void> FileSource::check(const FileSourceOptions& options) {
    if (options.path.empty()) {
        return Error(invalid_input("a table of connector \"file\" needs the option \"path\""))
            .with_hint("Add path = '/var/log/nginx/access.log' to WITH (…).");
    }
    if (options.path.front() != '/') {
        return Error(invalid_input("path \"{}\" is not absolute", options.path))
            .with_hint("The server has no working directory of its own: give the whole path.");
    }
    if (options.path.find("/../") != std::string::npos || options.path.ends_with("/..")) {
        return invalid_input("path \"{}\" leads through \"..\"", options.path);
    }
    return {};
}

std::vector<std::string> FileSource::survey(FileSystem& files, const Clock& clock,
                                            const FileSourceOptions& options) {
    const GlobMatches matches =
        expand_glob(files, clock, options.path, {.walk_us_max = kSurveyUsMax});
    std::vector<std::string> troubles;
    if (matches.failure) troubles.push_back(matches.failure->message());
    for (const std::string& path : matches.directories) {
        if (troubles.size() == kSurveyedMax) break;
        troubles.push_back(fmt::format(
            "\"{}\" is a folder: nothing is read from it; \"{}/*\" names its files", path, path));
    }
    for (const std::string& path : matches.paths) {
        if (troubles.size() == kSurveyedMax) break;
        std::string trouble = trouble_of(files, path);
        if (!trouble.empty()) troubles.push_back(std::move(trouble));
    }
    if (matches.paths.empty() && troubles.empty()) {
        troubles.push_back(fmt::format(
            "path \"{}\" matches no file: nothing is read until one is there", options.path));
    }
    return troubles;
}

Result<std::unique_ptr<FileSource>> FileSource::open(FileSystem& files, const Clock& clock,
                                                     std::shared_ptr<log::PartitionedLog> log,
                                                     FileSourceOptions options, Metrics* metrics,
                                                     std::string table_label) {
    TRY(check(options));
    auto source = std::make_unique<GlobSource>(files, clock, std::move(log), std::move(options),
                                               metrics, std::move(table_label));
    TRY(source->load());
    return std::unique_ptr<FileSource>(std::move(source));
}

}  // namespace braid::collect
