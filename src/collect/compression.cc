// SPDX-License-Identifier: Apache-2.0
#include "collect/compression.h"

namespace braid::collect {

std::string_view compression_of(std::string_view first_bytes) {
    if (first_bytes.starts_with("\x1F\x8B\x08")) return "gzip";
    if (first_bytes.starts_with("\x28\xB5\x2F\xFD")) return "zstd";
    if (first_bytes.starts_with(std::string_view("\xFD"
                                                 "7zXZ\0",
                                                 6)))
        return "xz";
    // "BZh", the block size, and the first six digits of π.
    constexpr std::string_view kPi = "\x31\x41\x59\x26\x53\x59";
    const bool is_bzip2 = first_bytes.starts_with("BZh") && first_bytes.size() >= 10 &&
                          first_bytes.substr(4, kPi.size()) == kPi;
    return is_bzip2 ? "bzip2" : "";
}

}  // namespace braid::collect
