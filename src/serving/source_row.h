// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace braid::serving {

/// How one source of a stream stands: a row of braid.sources.
struct SourceRow {
    std::string source;  // a path, or "http"
    std::string state;
    std::optional<uint64_t> position;  // bytes of it that are in the log
    std::optional<uint64_t> size;
    std::string last_error;
};

}  // namespace braid::serving
