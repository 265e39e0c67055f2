// SPDX-License-Identifier: Apache-2.0
#include "collect/file_search.h"

#include "collect/followed_file.h"

namespace braid::collect {

std::map<std::string, std::string> find_identities(FileSystem& files,
                                                   const std::set<std::string>& directories) {
    std::map<std::string, std::string> found;
    for (const std::string& directory : directories) {
        const auto names = files.list(directory);
        if (!names) continue;
        for (const std::string& name : *names) {
            std::string path = directory == "/" ? "/" + name : directory + "/" + name;
            const auto info = files.info(path);
            if (!info || info->is_directory) continue;
            found.emplace(FollowedFile::identity_of(*info), std::move(path));
        }
    }
    return found;
}

}  // namespace braid::collect
