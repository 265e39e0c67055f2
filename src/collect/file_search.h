// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/file_system.h"

namespace braid::collect {

/// Path by identity of the files in these directories: where a file may have gone that lost its
/// name while nobody held it open. What cannot be listed is passed over.
std::map<std::string, std::string> find_identities(FileSystem& files,
                                                   const std::set<std::string>& directories);

}  // namespace braid::collect
