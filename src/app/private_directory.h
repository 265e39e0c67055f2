// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace braid::app {

/// Sees to it that only the owner of a data directory (an absolute path, there already) can enter
/// it. One that others may enter is closed to them, with all that Braid has made below it, if it is
/// empty or a data directory; anything else is InvalidInput (42501), since its other files are not
/// Braid's to close.
Result<void> make_private(const std::string& directory);

}  // namespace braid::app
