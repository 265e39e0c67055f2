// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/posix_file_system.h"
#include "operators/enrich/function_data.h"

namespace braid::operators {

/// A file of this machine; relative to the project's root.
inline DataFile read_data_file(const std::string& path) {
    const auto machine = open_posix_file_system("/");
    CHECK(machine.has_value());
    auto bytes = (*machine)->read_all(std::filesystem::absolute(path).relative_path().string());
    CHECK(bytes.has_value());
    return {path, *std::move(bytes)};
}

}  // namespace braid::operators
