// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace braid {

/// SQLSTATE of a manifest that is older than the log beside it: no stream's own illness, since
/// every one of them would answer what was once true. A start is refused with it.
inline constexpr std::string_view kOlderManifest = "XB003";

}  // namespace braid
