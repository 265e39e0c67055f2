// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"

namespace braid {

/// What open() and list() make of a path that leads through a symbolic link.
enum class Links : unsigned char {
    kFollowed,
    /// NotFound: what is opened lies at exactly the path given, also when a link is put there in
    /// between.
    kRefused,
};

/// The real file system below `root` (an existing directory; "" or "/" for the whole machine, as
/// the file source needs). Files are made with mode 0600, directories with 0700.
Result<std::unique_ptr<FileSystem>> open_posix_file_system(std::string root,
                                                           Links links = Links::kFollowed);

/// Where an absolute path of the machine leads once all links are followed. What is not there yet
/// is taken as written.
Result<std::string> resolve_links(const std::string& path);

}  // namespace braid
