// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "collect/content_hash.h"
#include "collect/file_position.h"
#include "collect/file_source.h"
#include "collect/recognition.h"

namespace braid::collect {

/// Starts a record that was too long to keep: marker, its true length in digits, a zero byte, its
/// prefix. The decoder knows it (operators/decode).
inline constexpr std::string_view kLongRecordMarker("\0BRAID-LONG\0", 12);
/// Starts the rest of a record that was taken before its line had an end: marker, partition, ':',
/// offset of the first part, a zero byte, the rest. The decoder knows it too.
inline constexpr std::string_view kRestMarker("\0BRAID-REST\0", 12);

/// Lines that were read but are not yet in the log.
struct FileLines {
    std::vector<std::string_view> records;  // point into the buffer or `made`
    std::deque<std::string> made;
    ContentHash content;                // everything taken, once they are in the log
    std::optional<EventId> first_part;  // still without its line's end
    bool ends_open = false;             // the last record is a line without end
    bool has_progress = false;          // `content` grew, even if there is no record (blank lines)
    bool is_busy = false;               // a long line was walked over: there may be more
    bool is_intact = true;  // false: what was taken before is not there any more; nothing was read
};

/// One file and what of it is in the log. It keeps no buffer, and need not keep a descriptor; what
/// only few files have is kept apart, as there may be ten thousands of them.
class FollowedFile {
  public:
    enum class Phase : uint8_t {
        kRecognising,  // whether its content is known is being found out
        kFollowing,
        kCopy,        // all of it was taken from another file
        kCompressed,  // cannot be read
    };

    FollowedFile(std::string identity, std::string path, const FileSourceOptions& options)
        : path(std::move(path)), options_(options), identity_(std::move(identity)) {}

    /// "device:inode".
    static std::string identity_of(const FileInfo& info);
    const std::string& identity() const { return identity_; }

    bool is_open() const { return handle_ != nullptr; }
    void attach(std::unique_ptr<ReadableFile> handle) { handle_ = std::move(handle); }
    /// Others are used more: holds as little as it can until something comes.
    void detach() {
        handle_.reset();
        content_.rest();
    }
    const ReadableFile& handle() const { return *handle_; }

    /// Everything that is in the log.
    const ContentHash& content() const { return content_; }
    uint64_t offset() const { return content_.bytes(); }
    const std::optional<EventId>& first_part() const { return first_part_; }
    bool is_at_end() const { return offset() >= info.bytes; }

    /// Goes on behind content that is in the log already.
    void resume(ContentHash content, std::optional<EventId> first_part);
    /// Starts over: what was taken is not there any more.
    void restart();

    /// Whether the file still holds what was taken: its first and its last bytes are compared.
    Result<bool> is_intact(std::vector<std::byte>& buffer) const;
    /// Reads complete lines, at most about a batch. `take_rest`: also a last line without newline.
    Result<FileLines> read_lines(bool take_rest, std::vector<std::byte>& buffer);
    /// What read_lines gave is durable now.
    void commit(FileLines lines);

    std::string path;
    FileInfo info;  // as last looked at
    Phase phase = Phase::kRecognising;
    std::unique_ptr<Recognition> recognition;  // while it is found out; of a copy
    std::string last_error;
    uint64_t seen_bytes = 0;     // its size when it was last found intact
    uint64_t tried_bytes = 0;    // its size when no whole line was found in it
    uint64_t generation = 0;     // how often it was started over
    int64_t first_seen_us = 0;   // monotonic, as all of these
    int64_t first_taken_us = 0;  // when something of it was first in the log
    int64_t last_growth_us = 0;
    uint64_t last_used = 0;      // its descriptor, in uses of any
    int64_t check_until_us = 0;  // a change may still hide behind an equal time of modification
    int64_t retry_us = 0;        // after an error
    bool is_gone = false;        // no name of it is followed any more
    bool is_lost = false;        // nor is it found, and no descriptor is open
    bool is_failing = false;     // last_error is of the last attempt, and in the trace
    bool is_awake = true;        // looked at each time, not only in its turn

  private:
    struct LongLine {
        ContentHash walked;  // up to where no end was found
        std::string prefix;
    };

    Result<std::optional<std::string_view>> read_after(const ContentHash& content,
                                                       std::vector<std::byte>& buffer) const;
    size_t leading_bytes(std::string_view text) const;
    void take_line(std::string_view line, FileLines& lines) const;
    void take_rest_of_line(std::string_view line, FileLines& lines) const;
    void measure_long_line(std::string_view text, bool take_rest, FileLines& lines);

    const FileSourceOptions& options_;
    std::unique_ptr<ReadableFile> handle_;
    const std::string identity_;
    ContentHash content_;
    std::optional<EventId> first_part_;
    std::unique_ptr<LongLine> long_line_;
};

}  // namespace braid::collect
