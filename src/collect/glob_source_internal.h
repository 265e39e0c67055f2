// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "collect/file_source.h"
#include "collect/followed_file.h"
#include "collect/glob.h"
#include "collect/known_contents.h"

namespace braid::collect {

/// The one form of FileSource. Its parts: glob_source.cc (steps, scans, what becomes of files),
/// glob_source_take.cc (from a file into the log).
class GlobSource final : public FileSource {
  public:
    GlobSource(FileSystem& files, const Clock& clock, std::shared_ptr<log::PartitionedLog> log,
               FileSourceOptions options, Metrics* metrics, std::string table);
    /// What the log knows of files.
    Result<void> load() { return known_.load(*log_); }

    StepOutcome step() override;
    bool is_caught_up() const override { return caught_up_; }
    std::vector<SourceFacts> facts() const override;

  private:
    using FilePointer = std::unique_ptr<FollowedFile>;

    // Which files there are.
    bool has_new_names(int64_t now_us) const;
    void note_folder_times();
    int64_t folder_time(const std::string& folder) const;
    void remember_folders(const std::vector<std::string>& paths);
    Result<void> scan(const GlobMatches& matches);
    void meet(const std::string& path, std::map<std::string, FollowedFile*>& by_identity);
    FollowedFile& add(std::string identity, const std::string& path);
    Result<void> find_lost_files(const std::vector<std::string>& paths);
    void tell_matches(const GlobMatches& matches);
    void note_unreadable(const std::string& path, const Error& error);
    Result<void> drop_finished();
    Result<void> finish(FollowedFile& file);

    // Which of them are looked at.
    bool is_quiet(const FollowedFile& file) const;
    void gather_awake();
    Result<bool> follow_awake();
    Result<bool> follow_quiet();

    // One file.
    Result<bool> follow(FollowedFile& file);
    Result<bool> advance(FollowedFile& file);
    Result<void> look(FollowedFile& file);
    /// Where the file lies now, whatever its name was; nothing if it is not found.
    Result<std::optional<FileInfo>> find_again(FollowedFile& file);
    Result<void> ensure_open(FollowedFile& file);
    void close_least_used();
    bool needs_check(const FollowedFile& file) const;
    Result<bool> recognise(FollowedFile& file);
    Result<bool> settle(FollowedFile& file, Recognition::Finding finding);
    Result<bool> is_compressed(FollowedFile& file, std::string& head);
    Result<void> forget_own(FollowedFile& file);
    Result<bool> look_at_copy(FollowedFile& file);
    Result<bool> begin_anew(FollowedFile& file);

    // Into the log.
    Result<bool> take(FollowedFile& file);
    Result<bool> take_lines(FollowedFile& file, bool take_rest);
    bool waits_no_longer(const FollowedFile& file) const;
    FilePosition position_of(const FollowedFile& file) const;
    /// Makes positions durable without a record; one without bytes forgets its source.
    Result<void> record(std::map<std::string, KnownContents::Entry> entries);
    Result<log::AppendOutcome> append(PartitionId partition, const log::AppendRequest& request);
    PartitionId partition_of(const FollowedFile& file) const;

    StepOutcome fail(const Error& error);
    void publish_facts();

    FileSystem& files_;
    const Clock& clock_;
    const std::shared_ptr<log::PartitionedLog> log_;
    const FileSourceOptions options_;
    const std::string table_;
    KnownContents known_;
    std::vector<FilePointer> followed_;
    std::map<std::string, std::string> unreadable_;  // path -> why
    std::vector<std::byte> buffer_;                  // of all files
    std::vector<FollowedFile*> awake_;               // of those followed
    size_t next_awake_ = 0;
    size_t next_quiet_ = 0;   // of all that are followed
    size_t quiet_looks_ = 0;  // that are left until then
    int64_t next_quiet_us_ = 0;
    uint64_t uses_ = 0;  // of descriptors
    GlobWalk walk_;
    bool is_walking_ = false;
    // As of the last scan.
    size_t matched_ = 0;  // files
    std::vector<std::string> matched_folders_;
    bool is_cut_short_ = false;
    std::string walk_error_;
    int64_t next_scan_us_ = 0;
    int64_t next_early_scan_us_ = 0;
    std::map<std::string, int64_t> folders_;  // where names were found, and when they changed last
    bool has_scanned_ = false;
    bool has_append_failed_ = false;
    bool has_new_facts_ = true;
    std::atomic<bool> caught_up_ = false;
    mutable Mutex facts_mutex_;
    std::vector<SourceFacts> facts_ GUARDED_BY(facts_mutex_);
    Metric* records_ = nullptr;
    Metric* bytes_ = nullptr;
    Metric* errors_ = nullptr;
    Metric* lost_bytes_ = nullptr;
};

}  // namespace braid::collect
