// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "collect/file_position.h"
#include "collect/followed_file.h"
#include "collect/recognition.h"
#include "log/partitioned_log.h"

namespace braid::collect {

/// What the log says of the files of a stream: one position for each file that it has something of,
/// and one for each content that was there before a file was written anew ("content:…"). Those that
/// are done are kept so that a copy that turns up later is known; the oldest beyond a limit are
/// forgotten.
class KnownContents {
  public:
    static constexpr size_t kPastContentsMax = 10'000;
    /// Of so many past contents the last bytes are kept in memory.
    static constexpr size_t kWindowsMax = 64;

    struct Entry {
        FilePosition position;
        PartitionId partition;
        std::string window;
        int64_t since_us = INT64_MIN;  // monotonic: when something of it was first taken
    };

    Result<void> load(const log::PartitionedLog& log);
    const std::map<std::string, Entry>& entries() const { return entries_; }
    const Entry* find(const std::string& source) const;
    /// As the log now has it: an entry without bytes is forgotten.
    void set(const std::string& source, Entry entry);

    /// The name of what a file held until now.
    static std::string past_name(const FollowedFile& file, const ContentMark& content);
    static bool is_past(std::string_view source) { return source.starts_with("content:"); }

    /// What `file`, which begins with `head`, may be (part of), the longest first. Only what was
    /// taken before the file was first seen counts: two files that came together are two files.
    std::vector<KnownContent> candidates(
        const FollowedFile& file, std::string_view head,
        const std::vector<std::unique_ptr<FollowedFile>>& followed) const;
    /// Which ones have to go for the limit to hold.
    std::vector<std::string> superfluous() const;

  private:
    std::map<std::string, Entry> entries_;
    std::vector<std::string> windows_;  // which entries have theirs, the oldest first
};

}  // namespace braid::collect
