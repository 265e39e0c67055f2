// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"

namespace braid {

/// The real file system below `root` (an existing directory; "" or "/" for the whole machine, as
/// the file source needs). Symbolic links are followed.
Result<std::unique_ptr<FileSystem>> open_posix_file_system(std::string root);

}  // namespace braid
