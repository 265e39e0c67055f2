// SPDX-License-Identifier: Apache-2.0
#include "collect/file_source.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/trace.h"
#include "collect/followed_file.h"
#include "collect/glob.h"

namespace braid::collect {

namespace {

constexpr int64_t kRetryUs = 1'000'000;
constexpr int64_t kLargeGlobRestUs = 60'000'000;  // after a walk that met its limits

class GlobSource final : public FileSource {
  public:
    GlobSource(FileSystem& files, const Clock& clock, std::shared_ptr<log::PartitionedLog> log,
               FileSourceOptions options, Metrics* metrics, const std::string& table)
        : files_(files),
          clock_(clock),
          log_(std::move(log)),
          options_(std::move(options)),
          walk_(files_, clock_, options_.path) {
        const std::string labels = fmt::format("table=\"{}\"", table);
        const auto counter = [&](const char* name, const char* help) {
            return &metrics->get(name, Metrics::Kind::kCounter, help, labels);
        };
        records_ = counter("braid_collect_records_total", "Lines taken from files.");
        bytes_ = counter("braid_collect_bytes_total", "Bytes of files taken.");
        errors_ =
            counter("braid_collect_errors_total", "Failed attempts to read a file or to append.");
        next_scan_us_ = clock_.monotonic_us();
        for (uint32_t index = 0; index < log_->partition_count(); ++index) {
            for (log::SourcePosition& each : log_->source_positions(PartitionId{index})) {
                known_.insert_or_assign(std::move(each.source), std::move(each.position));
            }
        }
    }

    StepOutcome step() override {
        const int64_t now_us = clock_.monotonic_us();
        const bool is_walking = now_us >= next_scan_us_ && !walk_.advance();
        if (now_us >= next_scan_us_ && !is_walking) {
            const GlobMatches matches = walk_.take();
            scan(matches);
            next_scan_us_ =
                now_us + (matches.is_cut_short ? kLargeGlobRestUs : options_.scan_interval_us);
            has_scanned_ = true;
        }
        for (size_t tried = 0; tried < followed_.size(); ++tried) {
            if (next_file_ >= followed_.size()) next_file_ = 0;
            const auto progressed = follow(*followed_[next_file_++]);
            if (!progressed) return fail(progressed.error());
            if (*progressed) {
                caught_up_ = false;
                return {.progressed = true, .idle_us = 0};
            }
        }
        if (is_walking) return {.progressed = true, .idle_us = 0};
        drop_drained();
        caught_up_ = has_scanned_ && std::ranges::all_of(followed_, [](const auto& file) {
                         return file->is_at_end();
                     });
        return {.progressed = false, .idle_us = options_.poll_interval_us};
    }

    bool is_caught_up() const override { return caught_up_; }

  private:
    StepOutcome fail(const Error& error) {
        errors_->add(1);
        write_trace(TraceLevel::kWarning, "collect", error.to_string());
        return {.progressed = false, .idle_us = kRetryUs};
    }

    /// Looks which files there are: new ones are opened, renamed ones keep their place.
    void scan(const GlobMatches& matches) {
        const std::vector<std::string>& paths = matches.paths;
        if (matches.is_cut_short && !std::exchange(was_cut_short_, true)) {
            trace(TraceLevel::kWarning, "collect",
                  "the path \"{}\" fits more names than are looked at: files beyond are not read",
                  options_.path);
        }
        if (!matches.is_cut_short) {
            for (const auto& file : followed_) file->is_gone = true;
        }
        std::erase_if(unreadable_, [&](const std::string& path) {
            return std::ranges::find(paths, path) == paths.end();
        });
        for (const std::string& path : paths) {
            const auto info = files_.info(path);
            if (!info) continue;  // gone since it was listed
            const std::string identity = FollowedFile::identity_of(*info);
            const auto place = std::ranges::find(followed_, identity,
                                                 [](const auto& file) { return file->identity(); });
            if (place != followed_.end()) {
                (*place)->is_gone = false;
                (*place)->set_path(path);
                continue;
            }
            // One that cannot be read must not keep the others from being read.
            const auto opened = open(path);
            if (!opened) note_unreadable(path, opened.error());
        }
    }

    /// Says it once for each path; it is tried again at every scan.
    void note_unreadable(const std::string& path, const Error& error) {
        errors_->add(1);
        if (!unreadable_.insert(path).second) return;
        write_trace(TraceLevel::kWarning, "collect", error.to_string());
    }

    Result<void> open(const std::string& path) {
        auto handle = files_.open(path);
        if (!handle && handle.error().code() == ErrorCode::kNotFound) return {};
        std::unique_ptr<ReadableFile> readable = TRY(std::move(handle));
        const FileInfo info = TRY(readable->info());
        auto file = std::make_unique<FollowedFile>(std::move(readable), path, info, options_);
        file->last_growth_us = clock_.monotonic_us();
        const auto known = known_.find(file->identity());
        if (known != known_.end()) {
            const FilePosition position = TRY(FilePosition::from_text(known->second));
            if (!TRY(file->resume(position))) {
                trace(TraceLevel::kWarning, "collect",
                      "file \"{}\" is not the one that was read up to byte {}: reading it from its "
                      "start",
                      path, position.offset);
            }
        }
        followed_.push_back(std::move(file));
        return {};
    }

    /// Takes one batch of lines of a file into the log.
    Result<bool> follow(FollowedFile& file) {
        const int64_t now_us = clock_.monotonic_us();
        const uint64_t before = file.position().offset;
        const bool was_at_end = file.is_at_end();
        const uint64_t size = TRY(file.size());
        if (size < before) {
            trace(TraceLevel::kWarning, "collect",
                  "file \"{}\" shrank from {} to {} bytes: reading it as a new file", file.path(),
                  before, size);
            file.restart();
        } else if (was_at_end && !file.is_at_end()) {
            file.last_growth_us = now_us;
        }
        if (file.is_at_end()) return false;
        const bool take_rest =
            file.is_gone || now_us >= file.last_growth_us + options_.last_line_wait_us;
        const FileLines lines = TRY(file.read_lines(take_rest));
        if (!lines.has_progress) {
            if (size != last_size_[file.identity()]) file.last_growth_us = now_us;
            last_size_[file.identity()] = size;
            return false;
        }
        if (!lines.records.empty()) {
            log::AppendRequest request;
            request.records = lines.records;
            request.positions.push_back({file.identity(), lines.end.to_text()});
            TRY(log_->append(partition_of(file), request));
            records_->add(static_cast<int64_t>(lines.records.size()));
        }
        bytes_->add(static_cast<int64_t>(lines.end.offset - file.position().offset));
        file.commit(lines.end);
        known_.insert_or_assign(file.identity(), lines.end.to_text());
        file.last_growth_us = now_us;
        return true;
    }

    PartitionId partition_of(const FollowedFile& file) const {
        return {static_cast<uint32_t>(hash64(file.identity()) % log_->partition_count())};
    }

    /// Files that have lost their name and are read to their end.
    void drop_drained() {
        std::erase_if(followed_, [&](const auto& file) {
            if (!file->is_gone || !file->is_at_end()) return false;
            last_size_.erase(file->identity());
            return true;
        });
    }

    FileSystem& files_;
    const Clock& clock_;
    const std::shared_ptr<log::PartitionedLog> log_;
    const FileSourceOptions options_;
    GlobWalk walk_;
    bool was_cut_short_ = false;
    std::map<std::string, std::string> known_;  // identity -> position in the log
    std::map<std::string, uint64_t> last_size_;
    std::set<std::string> unreadable_;  // paths that were told about
    std::vector<std::unique_ptr<FollowedFile>> followed_;
    size_t next_file_ = 0;
    int64_t next_scan_us_ = 0;
    bool has_scanned_ = false;
    std::atomic<bool> caught_up_ = false;
    Metric* records_ = nullptr;
    Metric* bytes_ = nullptr;
    Metric* errors_ = nullptr;
};

}  // namespace

Result<void> FileSource::check(const FileSourceOptions& options) {
    if (options.path.empty()) {
        return Error(invalid_input("a table of connector \"file\" needs the option \"path\""))
            .with_hint("Add path = '/var/log/nginx/access.log' to WITH (…).");
    }
    if (options.path.front() != '/') {
        return Error(invalid_input("path \"{}\" is not absolute", options.path))
            .with_hint("The server has no working directory of its own: give the whole path.");
    }
    if (options.path.find("/../") != std::string::npos || options.path.ends_with("/..")) {
        return invalid_input("path \"{}\" leads through \"..\"", options.path);
    }
    return {};
}

Result<std::unique_ptr<FileSource>> FileSource::open(FileSystem& files, const Clock& clock,
                                                     std::shared_ptr<log::PartitionedLog> log,
                                                     FileSourceOptions options, Metrics* metrics,
                                                     std::string table_label) {
    TRY(check(options));
    return std::unique_ptr<FileSource>(std::make_unique<GlobSource>(
        files, clock, std::move(log), std::move(options), metrics, table_label));
}

}  // namespace braid::collect
