// SPDX-License-Identifier: Apache-2.0
#include "collect/followed_file.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/error_makers.h"

namespace braid::collect {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Blank as over HTTP: a line of nothing but blanks is no record either.
bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::string FollowedFile::identity_of(const FileInfo& info) {
    return fmt::format("{}:{}", info.device, info.inode);
}

void FollowedFile::resume(ContentHash content, std::optional<EventId> first_part) {
    content_ = std::move(content);
    if (!is_open()) content_.rest();  // closed for others while it was found out
    first_part_ = first_part;
    long_line_.reset();
}

void FollowedFile::restart() {
    resume({}, {});
    recognition.reset();
    phase = Phase::kRecognising;
    tried_bytes = 0;
    last_error.clear();
    ++generation;
}

Result<bool> FollowedFile::is_intact(std::vector<std::byte>& buffer) const {
    const ContentHash& content = long_line_ ? long_line_->walked : content_;
    buffer.resize(content.window_size());
    const auto text = TRY(read_after(content, buffer));
    return text.has_value();
}

/// What the file has behind `content`, as much as fits into the buffer beside its window; nothing
/// if it does not hold that content any more.
Result<std::optional<std::string_view>> FollowedFile::read_after(
    const ContentHash& content, std::vector<std::byte>& buffer) const {
    if (content.window_start() > 0) {
        std::byte head[ContentHash::kHeadBytes];
        const size_t got = TRY(handle_->read_at(0, head));
        if (as_text(Bytes(head).first(got)) != content.head())
            return std::optional<std::string_view>();
    }
    const size_t got = TRY(handle_->read_at(content.window_start(), buffer));
    const std::string_view text = as_text(Bytes(buffer).first(got));
    if (!content.fits_window(text)) return std::optional<std::string_view>();
    return std::optional(text.substr(content.window_size()));
}

/// How many bytes of what follows are no data: a byte order mark at the start; or more of the hole
/// that a writer leaves who goes on at its old place after the file was cut.
size_t FollowedFile::leading_bytes(std::string_view text) const {
    if (offset() == 0 && text.starts_with(kByteOrderMark)) return kByteOrderMark.size();
    // Anything else that was taken ends with the end of a line.
    const bool may_be_in_hole =
        offset() == 0 || (!first_part_ && content_.window().ends_with('\0'));
    return may_be_in_hole ? std::min(text.find_first_not_of('\0'), text.size()) : 0;
}

void FollowedFile::take_line(std::string_view line, FileLines& lines) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (lines.first_part) return take_rest_of_line(line, lines);
    if (!is_blank(line)) lines.records.push_back(line);
}

void FollowedFile::take_rest_of_line(std::string_view line, FileLines& lines) const {
    if (is_blank(line)) return;
    std::string& record = lines.made.emplace_back(kRestMarker);
    record +=
        fmt::format("{}:{}", lines.first_part->partition.value, lines.first_part->offset.value);
    record.push_back('\0');
    record += line;
    lines.records.push_back(record);
}

Result<FileLines> FollowedFile::read_lines(bool take_rest, std::vector<std::byte>& buffer) {
    FileLines lines;
    lines.first_part = first_part_;
    const ContentHash& from = long_line_ ? long_line_->walked : content_;
    buffer.resize(from.window_size() + options_.batch_bytes_max + options_.record_bytes_max + 2);
    const auto read = TRY(read_after(from, buffer));
    lines.is_intact = read.has_value();
    if (!read) return lines;
    const std::string_view text = *read;
    // There is more to come.
    if (!long_line_) content_.wake(as_text(Bytes(buffer)));
    take_rest = take_rest && from.bytes() + text.size() >= info.bytes;
    if (long_line_) {
        measure_long_line(text, take_rest, lines);
        return lines;
    }
    size_t at = leading_bytes(text);
    while (at < text.size() && at < options_.batch_bytes_max) {
        const void* newline = std::memchr(text.data() + at, '\n', text.size() - at);
        if (newline == nullptr) break;
        const auto end = static_cast<size_t>(static_cast<const char*>(newline) - text.data());
        if (end - at > options_.record_bytes_max) break;
        take_line(text.substr(at, end - at), lines);
        lines.first_part.reset();
        at = end + 1;
    }
    if (at == 0 && text.size() > options_.record_bytes_max) {
        long_line_ = std::make_unique<LongLine>(content_,
                                                std::string(text.substr(0, options_.prefix_bytes)));
        measure_long_line(text, take_rest, lines);
        return lines;
    }
    if (take_rest && at < text.size() && text.find('\n', at) == std::string_view::npos &&
        text.size() - at <= options_.record_bytes_max) {
        const size_t before = lines.records.size();
        take_line(text.substr(at), lines);
        lines.ends_open = lines.records.size() > before;
        at = text.size();
    }
    if (at == 0) return lines;
    lines.content = content_;
    lines.content.add(text.substr(0, at));
    lines.has_progress = true;
    return lines;
}

/// Walks over a line that is too long to keep, piece by piece and without holding it; when its end
/// is found it becomes one record with a prefix and its true length.
void FollowedFile::measure_long_line(std::string_view text, bool take_rest, FileLines& lines) {
    const size_t newline = text.find('\n');
    const bool has_ended = newline != std::string_view::npos;
    const size_t taken = has_ended ? newline : text.size();
    if (!has_ended && !take_rest) {
        long_line_->walked.add(text);
        lines.is_busy = !text.empty();
        return;
    }
    std::string& record = lines.made.emplace_back(kLongRecordMarker);
    record += fmt::format("{}", long_line_->walked.bytes() - offset() + taken);
    record.push_back('\0');
    record += long_line_->prefix;
    lines.records.push_back(record);
    lines.content = long_line_->walked;
    lines.content.add(text.substr(0, taken + (has_ended ? 1 : 0)));
    lines.ends_open = !has_ended;
    if (has_ended) lines.first_part.reset();
    lines.has_progress = true;
}

void FollowedFile::commit(FileLines lines) {
    content_ = std::move(lines.content);
    first_part_ = lines.first_part;
    long_line_.reset();
}

}  // namespace braid::collect
