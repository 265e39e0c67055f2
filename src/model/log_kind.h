// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace braid {

/// Which form of PartitionedLog keeps the records of a stream.
enum class LogKind : uint8_t {
    kEmbedded,  // files of the data directory
};

constexpr std::string_view to_text(LogKind kind) {
    switch (kind) {
        case LogKind::kEmbedded:
            return "embedded";
    }
    return "";
}

}  // namespace braid
