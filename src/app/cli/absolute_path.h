// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace braid::app {

/// What a path on the command line or in the configuration means, so that a later change of the
/// working directory changes nothing. An empty one stays empty.
std::string absolute_path(const std::string& path);

}  // namespace braid::app
