// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace braid::operators {

/// The numbers 0 … count - 1 in memcmp order of key(i).
std::vector<uint32_t> sort_keys(size_t count, const std::function<std::string_view(uint32_t)>& key);

}  // namespace braid::operators
