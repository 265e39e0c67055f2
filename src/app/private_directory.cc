// SPDX-License-Identifier: Apache-2.0
#include "app/private_directory.h"

#include <filesystem>
#include <system_error>

#include "base/error_makers.h"
#include "base/trace.h"

namespace braid::app {

namespace {

using std::filesystem::path;
using std::filesystem::perms;

constexpr perms kOthers = perms::group_all | perms::others_all;
/// What Braid makes in its data directory.
constexpr const char* kOwnNames[] = {"INIT", "LOCK", "_tmp",  "cache", "dataset",  "function_data",
                                     "log",  "redo", "spill", "runs",  "manifest", "unlisted"};

Error cannot_close(const path& place, const std::error_code& why) {
    return io_error("could not close \"{}\" to other users: {}", place.string(), why.message())
        .with_hint("The data directory must belong to the user that runs Braid, with mode 0700.");
}

Result<void> close_one(const path& place) {
    std::error_code failure;
    std::filesystem::permissions(
        place, kOthers,
        std::filesystem::perm_options::remove | std::filesystem::perm_options::nofollow, failure);
    if (failure) return cannot_close(place, failure);
    return {};
}

/// Links are left alone: what they name is not below the directory.
Result<void> close_all_below(const path& directory) {
    std::error_code failure;
    auto each = std::filesystem::recursive_directory_iterator(directory, failure);
    for (; !failure && each != std::filesystem::recursive_directory_iterator();
         each.increment(failure)) {
        if (!each->is_symlink(failure)) TRY(close_one(each->path()));
    }
    if (failure) return cannot_close(directory, failure);
    return {};
}

}  // namespace

Result<void> make_private(const std::string& directory) {
    std::error_code failure;
    const auto status = std::filesystem::status(directory, failure);
    if (failure) return cannot_close(directory, failure);
    if ((status.permissions() & kOthers) == perms::none) return {};
    const bool is_ours = std::filesystem::exists(path(directory) / "manifest", failure) ||
                         std::filesystem::exists(path(directory) / "log", failure);
    const bool is_empty = std::filesystem::is_empty(directory, failure);
    const bool is_shared = (status.permissions() & perms::sticky_bit) != perms::none;
    if (failure || is_shared || (!is_ours && !is_empty)) {
        return invalid_input("data directory \"{}\" is open to other users", directory)
            .with_sqlstate("42501")
            .with_detail("It also holds files that are not Braid's.")
            .with_hint("Name a directory of its own, or take the others' rights: chmod 0700.");
    }
    for (const char* name : kOwnNames) {
        const path place = path(directory) / name;
        const auto kind = std::filesystem::symlink_status(place, failure).type();
        if (kind == std::filesystem::file_type::directory) TRY(close_all_below(place));
        if (kind == std::filesystem::file_type::directory ||
            kind == std::filesystem::file_type::regular) {
            TRY(close_one(place));
        }
    }
    // Last: a start that is killed on the way begins again.
    TRY(close_one(directory));
    trace(TraceLevel::kWarning, "serve", "data directory \"{}\" was open to other users: closed",
          directory);
    return {};
}

}  // namespace braid::app
