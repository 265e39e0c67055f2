// SPDX-License-Identifier: Apache-2.0
#include "manifest/run_text.h"

#include "base/error_makers.h"
#include "manifest/version_file_internal.h"

namespace braid::manifest {

Result<std::string> run_to_text(const Run& run) {
    return write_version({}, "", 0, {Backfill{run}}, nullptr);
}

Result<Run> run_from_text(std::string_view text, const std::string& path) {
    VersionFile file = TRY(read_version(text, path));
    const bool is_one = !file.state && file.changes.size() == 1;
    if (!is_one || !std::holds_alternative<Backfill>(file.changes.front())) {
        return corrupt("{} does not describe a run", path);
    }
    return std::get<Backfill>(std::move(file.changes.front())).run;
}

}  // namespace braid::manifest
