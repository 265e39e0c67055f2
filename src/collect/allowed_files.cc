// SPDX-License-Identifier: Apache-2.0
#include "collect/allowed_files.h"

#include <algorithm>
#include <utility>

#include "base/error_makers.h"

namespace braid::collect {

namespace {

/// "/var/log" and what lies below it; everything lies below "/".
bool lies_in(std::string_view place, std::string_view directory) {
    if (directory == "/" || place == directory) return true;
    return place.size() > directory.size() && place.starts_with(directory) &&
           place[directory.size()] == '/';
}

Error refused(const std::string& path, const std::string& directory) {
    return Error(invalid_input("permission denied for file \"{}\"", path))
        .with_sqlstate("42501")
        .with_detail("It does not lie in a directory that this node may read.")
        .with_hint(fmt::format("Under [files] in the configuration add allow = [\"{0}\"] and send "
                               "SIGHUP, or start with --files {0}.",
                               directory));
}

Error closed(const std::string& path) {
    return Error(invalid_input("permission denied for file \"{}\"", path))
        .with_sqlstate("42501")
        .with_detail("It lies in the data directory, which no source may read.");
}

Error reads_only(std::string_view what) { return unsupported("sources do not {} files", what); }

}  // namespace

/// Judged again at the first read after the list has changed.
class AllowedFiles::OpenFile final : public ReadableFile {
  public:
    OpenFile(const AllowedFiles& owner, std::unique_ptr<ReadableFile> file, std::string path,
             std::string place, uint64_t list_number)
        : owner_(owner),
          file_(std::move(file)),
          path_(std::move(path)),
          place_(std::move(place)),
          list_number_(list_number) {}

    Result<size_t> read_at(uint64_t position, std::span<std::byte> buffer) const override {
        const uint64_t list_number = owner_.list_number_.load();
        if (list_number != list_number_) {
            TRY(owner_.judge(path_, place_));
            list_number_ = list_number;
        }
        return file_->read_at(position, buffer);
    }
    Result<uint64_t> size() const override { return file_->size(); }
    Result<FileInfo> info() const override { return file_->info(); }

  private:
    const AllowedFiles& owner_;
    const std::unique_ptr<ReadableFile> file_;
    const std::string path_;
    const std::string place_;
    mutable std::atomic<uint64_t> list_number_;
};

std::string fixed_directory(std::string_view pattern) {
    const size_t end = pattern.find_first_of("*?[");
    const size_t slash = pattern.substr(0, end).rfind('/');
    if (slash == std::string_view::npos || slash == 0) return "/";
    return std::string(pattern.substr(0, slash));
}

AllowedFiles::AllowedFiles(FileSystem& machine, ResolveLinks resolve,
                           const std::vector<std::string>& closed)
    : machine_(machine), resolve_(std::move(resolve)) {
    for (const std::string& directory : closed) {
        if (!directory.empty()) closed_.push_back(resolved(directory));
    }
}

/// A path that cannot be resolved, for want of rights say, is judged as written: open() asks again.
std::string AllowedFiles::resolved(const std::string& path) const {
    std::string place = path;
    if (resolve_ && !path.empty()) {
        if (auto known = resolve_(path)) place = *std::move(known);
    }
    while (place.size() > 1 && place.ends_with('/')) place.pop_back();
    return place;
}

void AllowedFiles::allow(const std::vector<std::string>& directories) {
    std::vector<std::string> allowed;
    for (const std::string& directory : directories) allowed.push_back(resolved(directory));
    const ScopedLock lock(mutex_);
    allowed_ = std::move(allowed);
    list_number_.fetch_add(1);
}

bool AllowedFiles::is_allowed(std::string_view place) const {
    const ScopedLock lock(mutex_);
    return std::ranges::any_of(
        allowed_, [&](const std::string& directory) { return lies_in(place, directory); });
}

bool AllowedFiles::is_closed(std::string_view place) const {
    return std::ranges::any_of(
        closed_, [&](const std::string& directory) { return lies_in(place, directory); });
}

Result<void> AllowedFiles::check(const std::string& pattern) const {
    const std::string directory = fixed_directory(pattern);
    const bool is_one_file = pattern.find_first_of("*?[") == std::string::npos;
    const std::string place = resolved(is_one_file ? pattern : directory);
    if (is_closed(place)) return closed(pattern);
    if (!is_allowed(place)) return refused(pattern, directory);
    return {};
}

Result<std::string> AllowedFiles::admit(const std::string& path) const {
    std::string place = resolve_ ? TRY(resolve_(path)) : path;
    TRY(judge(path, place));
    return place;
}

Result<void> AllowedFiles::judge(const std::string& path, const std::string& place) const {
    if (is_closed(place)) return closed(path);
    if (!is_allowed(place)) return refused(path, fixed_directory(place));
    return {};
}

Result<std::unique_ptr<ReadableFile>> AllowedFiles::open(const std::string& path) {
    const uint64_t list_number = list_number_.load();
    std::string place = TRY(admit(path));
    auto file = TRY(machine_.open(place));
    return std::make_unique<OpenFile>(*this, std::move(file), path, std::move(place), list_number);
}

Result<std::vector<std::string>> AllowedFiles::list(const std::string& directory) {
    return machine_.list(TRY(admit(directory)));
}

Result<std::unique_ptr<WritableFile>> AllowedFiles::create(const std::string& /*path*/) {
    return reads_only("create");
}

Result<std::string> AllowedFiles::read_all(const std::string& /*path*/) {
    return reads_only("load whole");
}

Result<void> AllowedFiles::create_directories(const std::string& /*path*/) {
    return reads_only("make directories for");
}

Result<void> AllowedFiles::move_no_replace(const std::string& /*from*/, const std::string& /*to*/) {
    return reads_only("move");
}

Result<void> AllowedFiles::remove(const std::string& /*path*/) { return reads_only("remove"); }

Result<void> AllowedFiles::remove_directory(const std::string& /*path*/) {
    return reads_only("remove directories of");
}

Result<std::unique_ptr<Directory>> AllowedFiles::open_directory(const std::string& /*path*/) {
    return reads_only("sync directories of");
}

Result<std::unique_ptr<FileLock>> AllowedFiles::lock(const std::string& /*path*/) {
    return reads_only("lock");
}

}  // namespace braid::collect
