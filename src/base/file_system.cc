// SPDX-License-Identifier: Apache-2.0
#include "base/file_system.h"

#include "base/error_makers.h"

namespace braid {

namespace {

struct Temporary {
    std::string path;
    std::unique_ptr<WritableFile> file;
};

/// A crash may have left temporary files behind, so a taken name only means "try the next".
Result<Temporary> create_temporary(FileSystem& files, const std::string& directory,
                                   std::string_view name) {
    constexpr int kAttemptsMax = 10'000;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        std::string path =
            fmt::format("{}{}{}.{}.tmp", directory, directory.empty() ? "" : "/", name, attempt);
        Result<std::unique_ptr<WritableFile>> file = files.create(path);
        if (file) return Temporary{std::move(path), *std::move(file)};
        if (file.error().code() != ErrorCode::kAlreadyExists) return std::move(file).error();
    }
    return exhausted("no free temporary name for \"{}\" in \"{}\"", name, directory);
}

Result<void> write_and_move(FileSystem& files, Temporary& temporary, const std::string& path,
                            Bytes bytes) {
    TRY(temporary.file->append(bytes));
    TRY(temporary.file->sync());
    TRY(files.move_no_replace(temporary.path, path));
    return {};
}

}  // namespace

std::string parent_directory(std::string_view path) {
    const size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? std::string_view{}
                                                       : path.substr(0, slash));
}

Result<void> publish_file(FileSystem& files, const std::string& temporary_directory,
                          const std::string& path, Bytes bytes) {
    const std::string directory = parent_directory(path);
    const std::string_view name =
        std::string_view(path).substr(directory.empty() ? 0 : directory.size() + 1);
    Temporary temporary = TRY(create_temporary(files, temporary_directory, name));
    Result<void> moved = write_and_move(files, temporary, path, bytes);
    if (!moved) {
        // Best effort: what stays behind is garbage in a temporary directory, and the first error
        // matters.
        static_cast<void>(files.remove(temporary.path));
        return std::move(moved).context(fmt::format("publishing \"{}\"", path));
    }
    return files.sync_directory(directory);
}

}  // namespace braid
