// SPDX-License-Identifier: Apache-2.0
#include "app/cli/absolute_path.h"

#include <limits.h>
#include <unistd.h>

namespace braid::app {

std::string absolute_path(const std::string& path) {
    if (path.empty() || path.starts_with('/')) return path;
    std::string directory(PATH_MAX, '\0');
    const char* here = ::getcwd(directory.data(), directory.size());
    return here == nullptr ? path : std::string(here) + "/" + path;
}

}  // namespace braid::app
