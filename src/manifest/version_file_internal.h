// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"

namespace braid::manifest {

/// What one file of the chain says. docs/formats/manifest.md has the layout.
struct VersionFile {
    ManifestNumber number;
    std::string writer;  // random, one per Manifest object: makes the bytes of each writer its own
    int64_t at_us = 0;   // the time that the changes were applied with
    std::vector<Change> changes;
    std::optional<State> state;  // only in a whole version
};

/// The text of a file. `whole` is the state after the changes, or null. InvalidInput (22021) when
/// some text in it is not UTF-8.
Result<std::string> write_version(ManifestNumber number, std::string_view writer, int64_t at_us,
                                  const std::vector<Change>& changes, const State* whole);

/// Corrupt, naming `path`, unless the text is whole and can be understood; Unsupported when a newer
/// Braid wrote it.
Result<VersionFile> read_version(std::string_view text, const std::string& path);

/// By the library that reads: what it would refuse must not be written.
bool is_utf8(std::string_view text);

}  // namespace braid::manifest
