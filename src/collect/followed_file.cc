// SPDX-License-Identifier: Apache-2.0
#include "collect/followed_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error_makers.h"
#include "base/hash.h"

namespace braid::collect {

std::string FilePosition::to_text() const {
    std::string text;
    ByteWriter writer(text);
    writer.varint(offset);
    writer.varint(head_bytes);
    writer.fixed(head_hash);
    return text;
}

Result<FilePosition> FilePosition::from_text(std::string_view text) {
    ByteReader reader(text);
    FilePosition position;
    position.offset = TRY(reader.varint());
    position.head_bytes = TRY(reader.varint());
    position.head_hash = TRY(reader.fixed<uint64_t>());
    return position;
}

FollowedFile::FollowedFile(std::unique_ptr<ReadableFile> file, std::string path, FileInfo info,
                           const FileSourceOptions& options)
    : options_(options),
      file_(std::move(file)),
      identity_(identity_of(info)),
      path_(std::move(path)),
      size_(info.bytes) {}

std::string FollowedFile::identity_of(const FileInfo& info) {
    return fmt::format("{}:{}", info.device, info.inode);
}

Result<uint64_t> FollowedFile::size() {
    size_ = TRY(file_->size());
    return size_;
}

Result<bool> FollowedFile::resume(const FilePosition& position) {
    if (TRY(size()) < position.offset) return false;
    std::vector<std::byte> head(position.head_bytes);
    if (TRY(file_->read_at(0, head)) != head.size()) return false;
    if (hash64(as_text(head)) != position.head_hash) return false;
    position_ = position;
    return true;
}

void FollowedFile::restart() {
    position_ = {};
    long_scanned_to_ = 0;
}

Result<FilePosition> FollowedFile::position_at(uint64_t offset) {
    FilePosition position = position_;
    position.offset = offset;
    const uint64_t wanted = std::min(offset, kHeadBytesMax);
    if (wanted == position.head_bytes) return position;
    std::vector<std::byte> head(wanted);
    if (TRY(file_->read_at(0, head)) != wanted) {
        return io_error("file \"{}\" became shorter while it was read", path_);
    }
    position.head_bytes = wanted;
    position.head_hash = hash64(as_text(head));
    return position;
}

void FollowedFile::take_line(std::string_view line, FileLines& lines) const {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    // Blank as over HTTP: a line of nothing but blanks is no record either.
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.records.push_back(line);
}

Result<FileLines> FollowedFile::read_lines(bool take_rest) {
    FileLines lines;
    lines.end = position_;
    if (long_scanned_to_ > position_.offset) {
        TRY(measure_long_line(take_rest, lines));
        return lines;
    }
    buffer_.resize(options_.batch_bytes_max + options_.record_bytes_max + 2);
    const size_t got = TRY(file_->read_at(position_.offset, buffer_));
    const std::string_view text = as_text(Bytes(buffer_).first(got));
    size_t from = 0;
    while (from < text.size() && from < options_.batch_bytes_max) {
        const void* newline = std::memchr(text.data() + from, '\n', text.size() - from);
        if (newline == nullptr) break;
        const auto to = static_cast<size_t>(static_cast<const char*>(newline) - text.data());
        if (to - from > options_.record_bytes_max) break;
        take_line(text.substr(from, to - from), lines);
        from = to + 1;
    }
    const bool is_rest = position_.offset + got >= size_;
    if (from == 0 && text.size() > options_.record_bytes_max) {
        long_scanned_to_ = position_.offset;
        long_record_.clear();
        TRY(measure_long_line(take_rest, lines));
        return lines;
    }
    if (take_rest && is_rest && from < text.size() &&
        text.find('\n', from) == std::string_view::npos &&
        text.size() - from <= options_.record_bytes_max) {
        take_line(text.substr(from), lines);
        from = text.size();
    }
    if (from == 0) return lines;
    lines.end = TRY(position_at(position_.offset + from));
    lines.has_progress = true;
    return lines;
}

/// Walks over a line that is too long to keep, piece by piece and without holding it; when its end
/// is found it becomes one record with a prefix and its true length.
Result<bool> FollowedFile::measure_long_line(bool take_rest, FileLines& lines) {
    if (long_record_.empty()) {
        std::vector<std::byte> prefix(options_.prefix_bytes);
        const size_t got = TRY(file_->read_at(position_.offset, prefix));
        long_record_.assign(as_text(Bytes(prefix).first(got)));
    }
    buffer_.resize(options_.batch_bytes_max);
    while (true) {
        const size_t got = TRY(file_->read_at(long_scanned_to_, buffer_));
        const std::string_view text = as_text(Bytes(buffer_).first(got));
        const size_t newline = text.find('\n');
        const bool ended = newline != std::string_view::npos;
        const uint64_t line_end = long_scanned_to_ + (ended ? newline : got);
        if (!ended && got == buffer_.size()) {
            long_scanned_to_ += got;
            continue;
        }
        if (!ended && !take_rest) {
            long_scanned_to_ += got;
            return false;
        }
        std::string record(kLongRecordMarker);
        record += fmt::format("{}", line_end - position_.offset);
        record.push_back('\0');
        record += long_record_;
        long_record_ = std::move(record);
        lines.records.push_back(long_record_);
        lines.end = TRY(position_at(line_end + (ended ? 1 : 0)));
        lines.has_progress = true;
        long_scanned_to_ = 0;
        return true;
    }
}

}  // namespace braid::collect
