// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "manifest/manifest.h"

namespace braid::manifest {

/// What a manifest would say of a run, for one that no manifest names: where its parts lie, with
/// their checksums, and its account. As a file of the chain that adds nothing else.
Result<std::string> run_to_text(const Run& run);

/// Corrupt, naming `path`, unless it is such a text, whole.
Result<Run> run_from_text(std::string_view text, const std::string& path);

}  // namespace braid::manifest
