// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "base/file_system.h"

namespace braid::testing {

/// Adds the paths of all files below a directory, which need not be there.
void list_files(FileSystem& files, const std::string& directory, std::set<std::string>& found);

}  // namespace braid::testing
