// SPDX-License-Identifier: Apache-2.0
#include "collect/file_source.h"

#include "base/error_makers.h"
#include "collect/compression.h"
#include "collect/content_hash.h"
#include "collect/glob.h"
#include "collect/glob_source_internal.h"

namespace braid::collect {

namespace {

constexpr size_t kSurveyedMax = 100;
constexpr int64_t kSurveyUsMax = 1'000'000;

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
