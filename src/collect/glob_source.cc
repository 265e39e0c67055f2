// SPDX-License-Identifier: Apache-2.0
// Steps, scans, and what becomes of files.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/trace.h"
#include "collect/file_search.h"
#include "collect/glob.h"
#include "collect/glob_source_internal.h"

namespace braid::collect {

namespace {

constexpr int64_t kRetryUs = 1'000'000;
constexpr int64_t kLargeGlobRestUs = 60'000'000;  // after a walk that met its limits
/// With more of them new names wait for as long as a scan interval.
constexpr size_t kEarlyScanPathsMax = 1'000;
constexpr size_t kEarlyScanFoldersMax = 16;
/// Names that a scan interval is for: with more of them it is as much longer.
constexpr size_t kScanPathsMax = 500;
/// A file that has not grown for so long is quiet: of those so many are looked at each time.
constexpr int64_t kQuietAfterUs = 60'000'000;
constexpr size_t kQuietLooksMax = 50;
/// A change may hide behind an equal time of modification for as long.
constexpr int64_t kSettleUs = 2'000'000;

std::string_view state_of(const FollowedFile& file) {
    switch (file.phase) {
        case FollowedFile::Phase::kRecognising:
            if (file.info.bytes > 0) return "recognising";
            break;
        case FollowedFile::Phase::kCopy:
            return "copy";
        case FollowedFile::Phase::kCompressed:
            return "compressed";
        case FollowedFile::Phase::kFollowing:
            break;
    }
    return file.is_gone ? "rotated" : "following";
}

bool is_caught_up(const FollowedFile& file) {
    switch (file.phase) {
        case FollowedFile::Phase::kRecognising:
            return file.info.bytes == 0;
        case FollowedFile::Phase::kFollowing:
            return file.is_at_end();
        case FollowedFile::Phase::kCopy:
        case FollowedFile::Phase::kCompressed:
            break;
    }
    return true;
}

std::string directory_of(const std::string& path) {
    const std::string directory = parent_directory(path);
    return directory.empty() ? "/" : directory;
}

}  // namespace

GlobSource::GlobSource(FileSystem& files, const Clock& clock,
                       std::shared_ptr<log::PartitionedLog> log, FileSourceOptions options,
                       Metrics* metrics, std::string table)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      options_(std::move(options)),
      table_(std::move(table)),
      walk_(files_, clock_, options_.path) {
    const std::string labels = fmt::format("table=\"{}\"", table_);
    const auto counter = [&](const char* name, const char* help) {
        return &metrics->get(name, Metrics::Kind::kCounter, help, labels);
    };
    records_ = counter("braid_collect_records_total", "Lines taken from files.");
    bytes_ = counter("braid_collect_bytes_total", "Bytes of files taken.");
    errors_ = counter("braid_collect_errors_total", "Failed attempts to read a file or to append.");
    lost_bytes_ = counter("braid_collect_lost_bytes_total",
                          "Bytes that files are known to have had and that were gone unread.");
    next_scan_us_ = clock_.monotonic_us();
}

StepOutcome GlobSource::step() {
    const int64_t now_us = clock_.monotonic_us();
    if (is_walking_ || now_us >= next_scan_us_ || has_new_names(now_us)) {
        if (!is_walking_) note_folder_times();
        is_walking_ = !walk_.advance();
        if (!is_walking_) {
            const GlobMatches matches = walk_.take();
            const auto scanned = scan(matches);
            gather_awake();
            if (!scanned) return fail(scanned.error());
            const auto intervals = static_cast<int64_t>(1 + matched_ / kScanPathsMax);
            next_scan_us_ = now_us + (matches.is_cut_short ? kLargeGlobRestUs
                                                           : intervals * options_.scan_interval_us);
            next_early_scan_us_ =
                now_us + (matched_ > kEarlyScanPathsMax ? options_.scan_interval_us
                                                        : options_.poll_interval_us);
            has_scanned_ = true;
        }
    }
    auto progressed =
        follow_quiet();  // few; a file that always has more must not keep them waiting
    if (progressed && !*progressed) progressed = follow_awake();
    if (!progressed) return fail(progressed.error());
    if (*progressed) {
        caught_up_ = false;
        has_new_facts_ = true;
        return {.progressed = true, .idle_us = 0};
    }
    if (is_walking_) return {.progressed = true, .idle_us = 0};
    const auto dropped = drop_finished();
    if (!dropped) return fail(dropped.error());
    caught_up_ = has_scanned_ && std::ranges::all_of(awake_, [](const FollowedFile* file) {
                     return collect::is_caught_up(*file);
                 });
    if (has_new_facts_) publish_facts();
    // The buffer is large, and most of the time nothing is new.
    buffer_ = {};
    return {.progressed = false, .idle_us = options_.poll_interval_us};
}

StepOutcome GlobSource::fail(const Error& error) {
    errors_->add(1);
    write_trace(TraceLevel::kWarning, "collect", error.to_string());
    return {.progressed = false, .idle_us = kRetryUs};
}

/// Nothing has come for long, and nothing is waited for.
bool GlobSource::is_quiet(const FollowedFile& file) const {
    const int64_t now_us = clock_.monotonic_us();
    return now_us >= file.last_growth_us + kQuietAfterUs && now_us >= file.check_until_us &&
           collect::is_caught_up(file) && !file.is_gone && !file.is_lost && !file.is_failing;
}

void GlobSource::gather_awake() {
    awake_.clear();
    for (const auto& file : followed_) {
        file->is_awake = !is_quiet(*file);
        if (file->is_awake) awake_.push_back(file.get());
    }
}

Result<bool> GlobSource::follow_awake() {
    for (size_t tried = 0; tried < awake_.size(); ++tried) {
        if (next_awake_ >= awake_.size()) next_awake_ = 0;
        if (TRY(follow(*awake_[next_awake_++]))) return true;
    }
    return false;
}

/// The next few in turn, so that ten thousand cost no more than fifty.
Result<bool> GlobSource::follow_quiet() {
    const int64_t now_us = clock_.monotonic_us();
    if (now_us >= next_quiet_us_) {
        quiet_looks_ = std::min(followed_.size(), kQuietLooksMax);
        next_quiet_us_ = now_us + options_.poll_interval_us;
    }
    while (quiet_looks_ > 0) {
        --quiet_looks_;
        if (next_quiet_ >= followed_.size()) {
            next_quiet_ = 0;
            gather_awake();
        }
        if (followed_.empty()) return false;
        FollowedFile& file = *followed_[next_quiet_++];
        if (file.is_awake) continue;
        const bool progressed = TRY(follow(file));
        if (!is_quiet(file)) {
            file.is_awake = true;
            awake_.push_back(&file);
        }
        if (progressed) return true;
    }
    return false;
}

/// One file that cannot be read must not keep the others from being read; one log that cannot be
/// written to keeps all.
Result<bool> GlobSource::follow(FollowedFile& file) {
    const int64_t now_us = clock_.monotonic_us();
    if (file.is_lost || now_us < file.retry_us) return false;
    has_append_failed_ = false;
    auto progressed = advance(file);
    if (!progressed && has_append_failed_) return progressed;
    if (progressed) {
        if (file.is_failing) file.last_error.clear();
        file.is_failing = false;
        return progressed;
    }
    errors_->add(1);
    file.retry_us = now_us + kRetryUs;
    if (!file.is_failing) {
        write_trace(TraceLevel::kWarning, "collect", progressed.error().to_string());
    }
    file.is_failing = true;
    file.last_error = progressed.error().message();
    has_new_facts_ = true;
    return false;
}

/// New names show in the times of their folders, which are looked at between the scans: files that
/// are rotated faster than those are found.
bool GlobSource::has_new_names(int64_t now_us) const {
    if (now_us < next_early_scan_us_) return false;
    return std::ranges::any_of(
        folders_, [&](const auto& folder) { return folder_time(folder.first) != folder.second; });
}

int64_t GlobSource::folder_time(const std::string& folder) const {
    const auto info = files_.info(folder);
    return info ? info->modified_us : 0;
}

void GlobSource::note_folder_times() {
    for (auto& [folder, time] : folders_) time = folder_time(folder);
}

void GlobSource::remember_folders(const std::vector<std::string>& paths) {
    std::map<std::string, int64_t> folders;
    const auto add_folder_of = [&](const std::string& path) {
        const std::string folder = directory_of(path);
        const auto known = folders_.find(folder);
        folders.emplace(folder, known == folders_.end() ? 0 : known->second);
    };
    add_folder_of(options_.path);
    for (const std::string& path : paths) {
        if (folders.size() < kEarlyScanFoldersMax) add_folder_of(path);
    }
    folders_ = std::move(folders);
}

/// Looks which files there are: new ones are opened, renamed ones keep their place, and those that
/// have lost their name are followed for a while.
Result<void> GlobSource::scan(const GlobMatches& matches) {
    const std::vector<std::string>& paths = matches.paths;
    remember_folders(paths);
    tell_matches(matches);
    std::erase_if(unreadable_,
                  [&](const auto& each) { return !std::ranges::binary_search(paths, each.first); });
    std::map<std::string, FollowedFile*> by_identity;
    for (const auto& file : followed_) by_identity.emplace(file->identity(), file.get());
    std::map<std::string, std::vector<std::string>> names;
    for (const std::string& path : paths) {
        const auto info = files_.info(path);
        if (info) names[FollowedFile::identity_of(*info)].push_back(path);
    }
    for (const auto& [identity, each] : by_identity) {
        FollowedFile& file = *each;
        const auto found = names.find(identity);
        if (found != names.end()) {
            // Of several names the one that it has been known by.
            if (std::ranges::find(found->second, file.path) == found->second.end()) {
                file.path = found->second.front();
            }
            has_new_facts_ |= file.is_gone;
            file.is_gone = file.is_lost = false;
        } else if (!file.is_gone && !matches.is_cut_short) {
            file.is_gone = has_new_facts_ = true;
            file.last_growth_us = std::max(file.last_growth_us, clock_.monotonic_us());
            // Its descriptor is all that leads to it from now on; its name is for people.
            const auto found_again = find_again(file);
            const auto opened = found_again ? ensure_open(file) : Result<void>(found_again.error());
            if (!opened) note_unreadable(file.path, opened.error());
        }
    }
    for (const auto& [identity, found] : names) {
        if (by_identity.contains(identity)) continue;
        FollowedFile& file = add(identity, found.front());
        const auto opened = ensure_open(file);
        if (opened) continue;
        if (!file.is_lost) note_unreadable(file.path, opened.error());
        followed_.pop_back();
    }
    return has_scanned_ ? Result<void>() : find_lost_files(paths);
}

FollowedFile& GlobSource::add(std::string identity, const std::string& path) {
    followed_.push_back(std::make_unique<FollowedFile>(std::move(identity), path, options_));
    FollowedFile& file = *followed_.back();
    file.first_seen_us = file.last_growth_us = clock_.monotonic_us();
    has_new_facts_ = true;
    return file;
}

/// What matches and what does not, once for each.
void GlobSource::tell_matches(const GlobMatches& matches) {
    const size_t count = matches.paths.size();
    if (!has_scanned_ || (count == 0) != (matched_ == 0)) {
        trace(count == 0 ? TraceLevel::kWarning : TraceLevel::kInfo, "collect",
              "table \"{}\": path \"{}\" matches {} files", table_, options_.path, count);
        has_new_facts_ = true;
    }
    matched_ = count;
    if (matches.is_cut_short && !is_cut_short_) {
        trace(TraceLevel::kWarning, "collect",
              "the path \"{}\" fits more names than are looked at: files beyond are not read",
              options_.path);
    }
    for (const std::string& folder : matches.directories) {
        if (std::ranges::binary_search(matched_folders_, folder)) continue;
        trace(TraceLevel::kWarning, "collect", "\"{}\" is a folder: nothing is read from it",
              folder);
    }
    const std::string failure = matches.failure ? matches.failure->message() : std::string();
    if (!failure.empty() && failure != walk_error_) {
        write_trace(TraceLevel::kWarning, "collect", failure);
    }
    has_new_facts_ |= matches.is_cut_short != is_cut_short_ || failure != walk_error_ ||
                      matches.directories != matched_folders_;
    is_cut_short_ = matches.is_cut_short;
    matched_folders_ = matches.directories;
    walk_error_ = failure;
}

/// Says it once for each path; it is tried again at every scan.
void GlobSource::note_unreadable(const std::string& path, const Error& error) {
    errors_->add(1);
    if (!unreadable_.insert_or_assign(path, error.message()).second) return;
    has_new_facts_ = true;
    write_trace(TraceLevel::kWarning, "collect", error.to_string());
}

/// At the start: files that the log speaks of and that the path does not match may have been
/// renamed meanwhile, with lines in them that were not read.
Result<void> GlobSource::find_lost_files(const std::vector<std::string>& paths) {
    std::set<std::string_view> followed;
    for (const auto& file : followed_) followed.insert(file->identity());
    std::map<std::string, KnownContents::Entry> lost;
    for (const auto& [source, entry] : known_.entries()) {
        if (!followed.contains(source) && !entry.position.is_done) lost.emplace(source, entry);
    }
    if (lost.empty()) return {};
    std::set<std::string> directories = {directory_of(options_.path)};
    for (const std::string& path : paths) directories.insert(directory_of(path));
    for (const auto& [source, entry] : lost) {
        if (!entry.position.path.empty()) directories.insert(directory_of(entry.position.path));
    }
    const auto found = find_identities(files_, directories);
    for (auto& [source, entry] : lost) {
        entry.position.is_done = true;
        const auto place = found.find(source);
        if (place == found.end()) continue;
        FollowedFile& file = add(source, place->second);
        file.is_gone = true;
        const auto opened = ensure_open(file);
        if (!opened) note_unreadable(file.path, opened.error());
    }
    std::erase_if(lost, [&](const auto& each) { return found.contains(each.first); });
    for (const auto& [source, entry] : lost) {
        const FilePosition& position = entry.position;
        if (position.is_old || position.is_copy) continue;
        const uint64_t unread =
            std::max(position.seen_bytes, position.offset()) - position.offset();
        lost_bytes_->add(static_cast<int64_t>(unread));
        trace(
            TraceLevel::kWarning, "collect",
            "file \"{}\", of which {} bytes were read, is not found any more: {} bytes that it is "
            "known to have had were not read, nor is what may have been written to it since",
            position.path, position.offset(), unread);
    }
    return record(std::move(lost));
}

Result<std::optional<FileInfo>> GlobSource::find_again(FollowedFile& file) {
    const auto info = files_.info(file.path);
    if (info && FollowedFile::identity_of(*info) == file.identity()) return std::optional(*info);
    if (!info && info.error().code() != ErrorCode::kNotFound) return info.error();
    const auto found = find_identities(files_, {directory_of(file.path)});
    const auto place = found.find(file.identity());
    if (place == found.end()) return std::optional<FileInfo>();
    file.path = place->second;
    return std::optional(TRY(files_.info(file.path)));
}

Result<void> GlobSource::look(FollowedFile& file) {
    FileInfo info = file.info;
    if (file.is_open()) {
        info = TRY(file.handle().info());
    } else {
        const auto found = TRY(find_again(file));
        file.is_lost = !found;
        if (found) info = *found;
    }
    const int64_t now_us = clock_.monotonic_us();
    if (info.bytes != file.info.bytes || info.modified_us != file.info.modified_us) {
        file.check_until_us = now_us + kSettleUs;
        has_new_facts_ = true;
        if (info.bytes != file.info.bytes) file.last_growth_us = now_us;
    }
    file.info = info;
    return {};
}

Result<void> GlobSource::ensure_open(FollowedFile& file) {
    file.last_used = ++uses_;
    if (file.is_open()) return {};
    file.is_lost = !TRY(find_again(file)).has_value();
    if (file.is_lost) return not_found("file \"{}\" is not found any more", file.path);
    close_least_used();
    auto handle = TRY(files_.open(file.path));
    const FileInfo info = TRY(handle->info());
    if (FollowedFile::identity_of(info) != file.identity()) {
        return unavailable("file \"{}\" was renamed while it was opened", file.path);
    }
    file.attach(std::move(handle));
    return {};
}

void GlobSource::close_least_used() {
    size_t open = 0;
    FollowedFile* least = nullptr;
    for (const auto& file : followed_) {
        if (!file->is_open()) continue;
        ++open;
        // The two used last may be being compared.
        if (file->is_gone || file->last_used + 1 >= uses_) continue;
        if (least == nullptr || file->last_used < least->last_used) least = file.get();
    }
    if (open >= options_.open_files_max && least != nullptr) least->detach();
}

/// Files that have lost their name and were idle for long enough, and those that are not found.
Result<void> GlobSource::drop_finished() {
    if (std::ranges::none_of(awake_,
                             [](const auto* file) { return file->is_gone || file->is_lost; })) {
        return {};
    }
    const int64_t now_us = clock_.monotonic_us();
    for (size_t index = 0; index < followed_.size();) {
        FollowedFile& file = *followed_[index];
        const bool is_idle =
            file.is_gone && now_us >= file.last_growth_us + options_.rotate_wait_us;
        if (!is_idle && !file.is_lost) {
            ++index;
            continue;
        }
        TRY(finish(file));
        std::erase(awake_, &file);
        followed_.erase(followed_.begin() + static_cast<ptrdiff_t>(index));
        has_new_facts_ = true;
    }
    return {};
}

Result<void> GlobSource::finish(FollowedFile& file) {
    const bool has_content =
        file.phase == FollowedFile::Phase::kFollowing || file.phase == FollowedFile::Phase::kCopy;
    const uint64_t size = std::max(file.info.bytes, file.offset());
    const uint64_t unread = size - file.offset();
    if (unread > 0 || file.is_lost) {
        lost_bytes_->add(static_cast<int64_t>(unread));
        trace(TraceLevel::kWarning, "collect", "file \"{}\" {}: {} bytes of it were not read{}",
              file.path, file.is_lost ? "is not found any more" : "is followed no longer", unread,
              file.last_error.empty() ? "" : " (" + file.last_error + ")");
    }
    if (!has_content || file.offset() == 0) return {};
    KnownContents::Entry entry;
    entry.position = position_of(file);
    entry.position.is_done = true;
    entry.partition = partition_of(file);
    entry.window = file.content().window();
    entry.since_us = file.first_taken_us;
    std::map<std::string, KnownContents::Entry> entries;
    entries.emplace(file.identity(), std::move(entry));
    return record(std::move(entries));
}

void GlobSource::publish_facts() {
    has_new_facts_ = false;
    std::vector<SourceFacts> facts;
    facts.reserve(followed_.size() + unreadable_.size() + matched_folders_.size() + 2);
    for (const auto& file : followed_) {
        facts.push_back(
            {file->path, state_of(*file), file->offset(), file->info.bytes, file->last_error});
    }
    for (const auto& [path, error] : unreadable_) {
        facts.push_back({path, "unreadable", std::nullopt, std::nullopt, error});
    }
    for (const std::string& path : matched_folders_) {
        facts.push_back(
            {path, "folder", std::nullopt, std::nullopt, "nothing is read from a folder"});
    }
    if (matched_ == 0 && matched_folders_.empty() && has_scanned_) {
        facts.push_back({options_.path, "missing", std::nullopt, std::nullopt,
                         walk_error_.empty() ? "the path matches no file" : walk_error_});
    }
    if (is_cut_short_) {
        facts.push_back({options_.path, "cut short", std::nullopt, std::nullopt,
                         "the path fits more names than are looked at"});
    }
    std::ranges::sort(facts, {}, &SourceFacts::path);
    const ScopedLock lock(facts_mutex_);
    facts_ = std::move(facts);
}

std::vector<SourceFacts> GlobSource::facts() const {
    const ScopedLock lock(facts_mutex_);
    return facts_;
}

}  // namespace braid::collect
