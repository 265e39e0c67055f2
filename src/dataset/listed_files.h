// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/store.h"
#include "manifest/manifest.h"

namespace braid::dataset {

// Whoever reads the dataset from outside lists it; Braid reads what the manifest names. So a
// segment that the manifest does not name any more, but somebody still reads, and one that it names
// already, but the folder of its day does not show yet, lie below `unlisted/`.
// docs/formats/segment.md.

/// Below this is all that is not listed.
inline constexpr const char* kUnlistedDirectory = "unlisted";

/// Where what is not listed of a stream lies, of its dataset's folder.
std::string unlisted_folder(const std::string& folder);
/// Where a segment lies while it is not listed.
std::string unlisted_path(const std::string& file);

/// Where a segment is put that takes the place of others: there, where the store can exchange
/// directories; else it is listed beside them for a moment.
Result<std::string> path_to_put(Store& store, const std::string& file);

/// A segment's file, listed or not. NotFound only if it is neither.
Result<std::unique_ptr<ReadableFile>> open_file(Store& store, const std::string& file);
Result<bool> file_exists(Store& store, const std::string& file);

/// Lets the folder of a day show what the table's list names of it, and nothing that was replaced,
/// in one step: whoever lists it, before, while or after, finds each record once. Does nothing
/// where it does so already. Can be cut off anywhere and called again. Nobody may put a segment of
/// the stream meanwhile. Gives the directory in which the folder lies as it was, so that who is
/// listing it comes to the end: it may go after a while; empty where nothing was to do. A folder of
/// which nothing is left goes.
/// Unsupported where the store cannot exchange directories.
Result<std::string> show_day(Store& store, const std::string& folder, const std::string& ingest_day,
                             const manifest::TableState& table);

}  // namespace braid::dataset
