// SPDX-License-Identifier: Apache-2.0
#include "dataset/listed_files.h"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/file_system.h"

namespace braid::dataset {

namespace {

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The first of such directories that is not there.
Result<std::string> free_directory(Store& store, const std::string& prefix) {
    for (uint64_t number = 0;; ++number) {
        std::string path = fmt::format("{}.{}", prefix, number);
        if (!TRY(store.exists(path))) return path;
    }
}

/// One more name, unless a step that was cut off has given it.
Result<void> link_once(Store& store, const std::string& from, const std::string& to) {
    auto linked = store.link(from, to);
    if (!linked && linked.error().code() == ErrorCode::kAlreadyExists) return {};
    return linked;
}

/// An empty one: directories are there because of a file that is, or was, in them.
Result<void> make_directory(Store& store, const std::string& file, const std::string& directory) {
    const std::string linked = directory + "/" + name_of(file);
    TRY(store.link(file, linked));
    return store.remove(linked);
}

/// As far as that works.
void forget(Store& store, const std::string& directory) {
    const auto names = store.list(directory);
    if (!names) return;
    for (const std::string& name : *names) {
        static_cast<void>(store.remove(directory + "/" + name));
    }
    static_cast<void>(store.remove_directory(directory));
}

}  // namespace

std::string unlisted_folder(const std::string& folder) {
    return fmt::format("{}/{}", kUnlistedDirectory, name_of(folder));
}

std::string unlisted_path(const std::string& file) {
    const std::string folder = parent_directory(parent_directory(file));
    return fmt::format("{}/{}", unlisted_folder(folder), name_of(file));
}

Result<std::string> path_to_put(Store& store, const std::string& file) {
    return TRY(store.can_exchange()) ? unlisted_path(file) : file;
}

Result<std::unique_ptr<ReadableFile>> open_file(Store& store, const std::string& file) {
    // It may become listed, and then be replaced, between two looks.
    for (const std::string& path : {file, unlisted_path(file), file}) {
        auto opened = store.open(path);
        if (opened || opened.error().code() != ErrorCode::kNotFound) return opened;
    }
    return store.open(unlisted_path(file));
}

Result<bool> file_exists(Store& store, const std::string& file) {
    if (TRY(store.exists(file))) return true;
    return store.exists(unlisted_path(file));
}

Result<std::string> show_day(Store& store, const std::string& folder, const std::string& ingest_day,
                             const manifest::TableState& table) {
    const std::string day = fmt::format("{}/ingest_day={}", folder, ingest_day);
    // A retention may have taken all of it away.
    if (!TRY(store.exists(day))) return std::string();
    const std::vector<std::string> listed = TRY(store.list(day));
    std::set<std::string> replaced;
    for (const manifest::RetiredSegment& each : table.retired_segments) {
        const std::string name = name_of(each.file);
        if (each.file.starts_with(day + "/") && std::ranges::binary_search(listed, name)) {
            replaced.insert(name);
        }
    }
    std::vector<std::string> missing;
    for (const manifest::Segment& each : table.segments) {
        if (each.ingest_day != ingest_day) continue;
        if (!std::ranges::binary_search(listed, name_of(each.file))) missing.push_back(each.file);
    }
    if (listed.empty()) TRY(store.remove_directory(day));
    if (replaced.empty() && missing.empty()) return std::string();
    const std::string unlisted = unlisted_folder(folder);
    const std::string next =
        TRY(free_directory(store, fmt::format("{}/ingest_day={}", unlisted, ingest_day)));
    const auto exchange_it = [&]() -> Result<void> {
        for (const std::string& name : listed) {
            const std::string to = (replaced.contains(name) ? unlisted : next) + "/" + name;
            TRY(link_once(store, day + "/" + name, to));
        }
        for (const std::string& file : missing) {
            TRY(store.link(unlisted_path(file), next + "/" + name_of(file)));
        }
        const bool is_empty = replaced.size() == listed.size() && missing.empty();
        if (is_empty) TRY(make_directory(store, day + "/" + listed.front(), next));
        TRY(store.sync_directory(unlisted));
        return store.exchange(day, next);
    };
    auto exchanged = exchange_it();
    if (!exchanged) {
        // It is tried again, so it must leave nothing, unless that is what somebody still lists.
        const auto now = store.list(day);
        if (now && *now == listed) forget(store, next);
        return std::move(exchanged).error();
    }
    for (const std::string& file : missing) TRY(store.remove(unlisted_path(file)));
    if (TRY(store.list(day)).empty()) TRY(store.remove_directory(day));
    return next;
}

}  // namespace braid::dataset
