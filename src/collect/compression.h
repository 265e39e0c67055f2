// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace braid::collect {

/// "gzip", "zstd", "bzip2" or "xz" for a file that begins so, whatever its name; else empty.
std::string_view compression_of(std::string_view first_bytes);

/// So many first bytes tell.
inline constexpr size_t kCompressionMarkBytes = 10;

}  // namespace braid::collect
