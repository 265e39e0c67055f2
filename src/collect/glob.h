// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace braid::collect {

/// Files (not directories) that match an absolute path with *, ? and [] in any component, sorted.
/// Names that start with a dot match only a pattern that does.
Result<std::vector<std::string>> expand_glob(FileSystem& files, const std::string& pattern);

}  // namespace braid::collect
