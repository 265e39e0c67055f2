// SPDX-License-Identifier: Apache-2.0
#include "collect/glob.h"

#include <algorithm>
#include <fnmatch.h>

namespace braid::collect {

namespace {

bool is_pattern(const std::string& component) {
    return component.find_first_of("*?[") != std::string::npos;
}

Result<void> expand(FileSystem& files, const std::string& directory, const std::string& rest,
                    std::vector<std::string>& found) {
    const size_t slash = rest.find('/');
    const std::string component = rest.substr(0, slash);
    const bool is_last = slash == std::string::npos;
    std::vector<std::string> names;
    if (is_pattern(component)) {
        auto listed = files.list(directory.empty() ? "/" : directory);
        // A directory that is not there, or may not be read, matches nothing yet.
        if (!listed) return {};
        for (std::string& name : *listed) {
            if (fnmatch(component.c_str(), name.c_str(), FNM_PERIOD) == 0)
                names.push_back(std::move(name));
        }
    } else {
        names.push_back(component);
    }
    for (const std::string& name : names) {
        const std::string path = directory + "/" + name;
        const auto info = files.info(path);
        if (!info) continue;
        if (is_last && !info->is_directory) found.push_back(path);
        if (!is_last && info->is_directory) TRY(expand(files, path, rest.substr(slash + 1), found));
    }
    return {};
}

}  // namespace

Result<std::vector<std::string>> expand_glob(FileSystem& files, const std::string& pattern) {
    std::vector<std::string> found;
    TRY(expand(files, "", pattern.substr(1), found));
    std::ranges::sort(found);
    return found;
}

}  // namespace braid::collect
