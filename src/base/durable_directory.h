// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace braid {

/// Creates the directory and its parents so that they survive a power cut: what had to be made is
/// synced in its parent. Cheap when the directory is there already.
Result<void> create_durable_directories(FileSystem& files, const std::string& path);

}  // namespace braid
