// SPDX-License-Identifier: Apache-2.0
#include "tests/support/files_below.h"

#include <fmt/format.h>

namespace braid::testing {

void list_files(FileSystem& files, const std::string& directory, std::set<std::string>& found) {
    const auto names = files.list(directory);
    if (!names) return;  // nothing was ever put there
    for (const std::string& name : *names) {
        const std::string path = fmt::format("{}/{}", directory, name);
        if (files.info(path).value().is_directory) {
            list_files(files, path, found);
        } else {
            found.insert(path);
        }
    }
}

}  // namespace braid::testing
