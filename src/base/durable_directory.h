// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace braid {

/// Creates the directory and its parents so that they survive a power cut: one after the other,
/// each synced in its parent before the next is made. A directory that is there already is synced
/// too, since whoever made it may have been killed before that.
Result<void> create_durable_directories(FileSystem& files, const std::string& path);

}  // namespace braid
