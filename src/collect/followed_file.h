// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "collect/file_source.h"

namespace braid::collect {

/// Starts a record that was too long to keep: marker, its true length in digits, a zero byte, its
/// prefix. The decoder knows it (operators/decode).
inline constexpr std::string_view kLongRecordMarker("\0BRAID-LONG\0", 12);

/// How far a file is in the log: everything below `offset`; the hash of its first `head_bytes`
/// bytes tells it from another file that got the same inode.
struct FilePosition {
    uint64_t offset = 0;
    uint64_t head_bytes = 0;
    uint64_t head_hash = 0;

    std::string to_text() const;
    static Result<FilePosition> from_text(std::string_view text);
};

/// Lines that were read but are not yet in the log.
struct FileLines {
    std::vector<std::string_view> records;  // point into the file's buffer until the next read
    FilePosition end;                       // the position once they are in the log
    bool has_progress = false;              // `end` moved, even if there is no record (blank lines)
};

/// One open file and the place up to which its lines are in the log.
class FollowedFile {
  public:
    /// Bytes of the beginning of a file that take part in its identity.
    static constexpr uint64_t kHeadBytesMax = 1024;

    FollowedFile(std::unique_ptr<ReadableFile> file, std::string path, FileInfo info,
                 const FileSourceOptions& options);

    /// "device:inode".
    static std::string identity_of(const FileInfo& info);
    const std::string& identity() const { return identity_; }
    const std::string& path() const { return path_; }
    void set_path(std::string path) { path_ = std::move(path); }

    /// Whether this file begins as the position says; if so, reading goes on there.
    Result<bool> resume(const FilePosition& position);
    /// Starts over: the file was cut and written anew.
    void restart();

    /// Reads complete lines, at most about a batch. `take_rest`: also a last line without newline.
    Result<FileLines> read_lines(bool take_rest);
    /// The lines given by read_lines are durable now.
    void commit(const FilePosition& position) { position_ = position; }

    const FilePosition& position() const { return position_; }
    /// Looks at the file's size now.
    Result<uint64_t> size();
    bool is_at_end() const { return position_.offset >= size_; }
    int64_t last_growth_us = 0;
    bool is_gone = false;  // its name is another file's now, or nobody's

  private:
    void take_line(std::string_view line, FileLines& lines) const;
    Result<bool> measure_long_line(bool take_rest, FileLines& lines);
    Result<FilePosition> position_at(uint64_t offset);

    const FileSourceOptions& options_;
    std::unique_ptr<ReadableFile> file_;
    const std::string identity_;
    std::string path_;
    FilePosition position_;
    uint64_t size_ = 0;
    uint64_t long_scanned_to_ = 0;  // inside a line longer than a record may be
    std::string long_record_;
    std::vector<std::byte> buffer_;
};

}  // namespace braid::collect
