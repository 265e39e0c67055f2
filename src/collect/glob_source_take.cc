// SPDX-License-Identifier: Apache-2.0
// From a file into the log.
#include <algorithm>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "base/hash.h"
#include "base/trace.h"
#include "collect/compression.h"
#include "collect/glob_source_internal.h"

namespace braid::collect {

namespace {

/// A file may change twice within one tick of the clock of its file system; and what was copied may
/// still be growing.
constexpr int64_t kSettleUs = 2'000'000;
constexpr int64_t kMicrosecondsPerSecond = 1'000'000;

}  // namespace

bool GlobSource::needs_check(const FollowedFile& file) const {
    return clock_.monotonic_us() <= file.check_until_us;
}

/// Takes one step with a file; whether it has got any further.
Result<bool> GlobSource::advance(FollowedFile& file) {
    TRY(look(file));
    switch (file.phase) {
        case FollowedFile::Phase::kRecognising:
            return recognise(file);
        case FollowedFile::Phase::kFollowing:
            return take(file);
        case FollowedFile::Phase::kCopy:
            return look_at_copy(file);
        case FollowedFile::Phase::kCompressed:
            break;
    }
    // It may be written anew, with something that can be read.
    if (!needs_check(file)) return false;
    TRY(ensure_open(file));
    std::string head;
    if (TRY(is_compressed(file, head))) return false;
    file.restart();
    return true;
}

Result<bool> GlobSource::is_compressed(FollowedFile& file, std::string& head) {
    buffer_.resize(ContentHash::kHeadBytes);
    const size_t got = TRY(file.handle().read_at(0, buffer_));
    head = as_text(Bytes(buffer_).first(got));
    return !compression_of(head).empty();
}

Result<bool> GlobSource::recognise(FollowedFile& file) {
    if (file.info.bytes == 0) {
        file.recognition.reset();
        TRY(forget_own(file));
        return false;
    }
    TRY(ensure_open(file));
    if (!file.recognition) {
        const KnownContents::Entry* own = known_.find(file.identity());
        file.recognition = std::make_unique<Recognition>(
            own == nullptr ? std::nullopt : std::optional<FilePosition>(own->position));
    }
    std::string head;
    if (TRY(is_compressed(file, head))) {
        file.phase = FollowedFile::Phase::kCompressed;
        file.recognition.reset();
        file.last_error =
            fmt::format("compressed ({}) files are not read yet", compression_of(head));
        trace(TraceLevel::kWarning, "collect", "file \"{}\" is passed over: {}", file.path,
              file.last_error);
        return false;
    }
    const Recognition::Ground ground{
        .buffer = buffer_,
        .may_grow = clock_.monotonic_us() < file.first_seen_us + kSettleUs,
        .look = [this, &file](FollowedFile& other) -> Result<void> {
            file.last_used = ++uses_;
            TRY(ensure_open(other));
            return look(other);
        }};
    // What the log says of this very file comes first, and is enough most of the time.
    const bool has_own = file.recognition->has_open_own();
    const auto others =
        has_own ? std::vector<KnownContent>() : known_.candidates(file, head, followed_);
    const auto finding = TRY(file.recognition->step(file, others, ground));
    if (file.recognition->take_is_another()) TRY(forget_own(file));
    return settle(file, finding);
}

/// The log has a position of another file that had this inode, or of what this one held before it
/// was written anew while nobody looked. Copies of that may still turn up.
Result<void> GlobSource::forget_own(FollowedFile& file) {
    const KnownContents::Entry* own = known_.find(file.identity());
    if (own == nullptr) return {};
    KnownContents::Entry past = *own;
    const uint64_t offset = past.position.offset();
    const uint64_t unread = std::max(past.position.seen_bytes, offset) - offset;
    const std::string path = past.position.path.empty() ? file.path : past.position.path;
    past.position.is_done = true;
    std::map<std::string, KnownContents::Entry> entries;
    if (!past.position.is_old) {
        entries.emplace(KnownContents::past_name(file, past.position.content), std::move(past));
    }
    entries[file.identity()].partition = own->partition;
    TRY(record(std::move(entries)));
    lost_bytes_->add(static_cast<int64_t>(unread));
    trace(TraceLevel::kWarning, "collect",
          "file \"{}\" is not the one that was read up to byte {} as \"{}\": it is read as a new "
          "one; at least {} bytes of the other were not read",
          file.path, offset, path, unread);
    return {};
}

Result<bool> GlobSource::settle(FollowedFile& file, Recognition::Finding finding) {
    switch (finding) {
        case Recognition::Finding::kBusy:
            return true;
        case Recognition::Finding::kWait:
            return false;
        case Recognition::Finding::kNew:
            file.resume({}, {});
            file.phase = FollowedFile::Phase::kFollowing;
            file.recognition.reset();
            return true;
        case Recognition::Finding::kCopy:
        case Recognition::Finding::kContinue:
            break;
    }
    const bool is_copy = finding == Recognition::Finding::kCopy;
    const auto& own = file.recognition->own();
    const bool is_own = !is_copy && own && file.recognition->content().mark() == own->content;
    file.resume(file.recognition->content(), file.recognition->first_part());
    file.phase = is_copy ? FollowedFile::Phase::kCopy : FollowedFile::Phase::kFollowing;
    file.first_taken_us = INT64_MIN;
    file.seen_bytes = file.info.bytes;
    const bool was_own = own.has_value();
    if (!is_copy) file.recognition.reset();
    if (is_own) return true;
    if (!was_own) {
        trace(TraceLevel::kInfo, "collect",
              "file \"{}\" begins with {} bytes that were taken from another: it goes on behind "
              "them",
              file.path, file.offset());
    }
    KnownContents::Entry entry;
    entry.position = position_of(file);
    entry.partition = partition_of(file);
    TRY(record({{file.identity(), std::move(entry)}}));
    return true;
}

Result<bool> GlobSource::look_at_copy(FollowedFile& file) {
    if (!needs_check(file)) return false;
    TRY(ensure_open(file));
    if (file.info.bytes < file.offset() || !TRY(file.is_intact(buffer_))) {
        KnownContents::Entry nothing;
        nothing.partition = partition_of(file);
        TRY(record({{file.identity(), nothing}}));
        file.restart();
        file.first_seen_us = clock_.monotonic_us();
        return true;
    }
    if (file.info.bytes == file.offset()) return false;
    file.phase = FollowedFile::Phase::kRecognising;
    return true;
}

/// What was taken of the file is not there any more: it was cut, or written anew.
Result<bool> GlobSource::begin_anew(FollowedFile& file) {
    const uint64_t seen = std::max(file.seen_bytes, file.offset());
    const uint64_t unread = seen - file.offset();
    KnownContents::Entry past;
    past.position = position_of(file);
    past.position.is_done = true;
    past.position.seen_bytes = seen;
    past.partition = partition_of(file);
    past.window = file.content().window();
    past.since_us = file.first_taken_us;
    std::map<std::string, KnownContents::Entry> entries;
    entries[file.identity()].partition = past.partition;
    entries.emplace(KnownContents::past_name(file, past.position.content), std::move(past));
    TRY(record(std::move(entries)));
    lost_bytes_->add(static_cast<int64_t>(unread));
    const std::string how =
        file.info.bytes < seen
            ? fmt::format("shrank from {} to {} bytes", seen, file.info.bytes)
            : fmt::format("was written anew: its first {} bytes are others", file.offset());
    trace(TraceLevel::kWarning, "collect",
          "file \"{}\" {}: reading it as a new file; {} bytes of the old one were not read",
          file.path, how, unread);
    file.restart();
    file.first_seen_us = clock_.monotonic_us();
    file.seen_bytes = file.info.bytes;
    return true;
}

bool GlobSource::waits_no_longer(const FollowedFile& file) const {
    const int64_t wait_us =
        file.is_gone ? std::min(options_.last_line_wait_us, options_.rotated_line_wait_us)
                     : options_.last_line_wait_us;
    return clock_.monotonic_us() >= file.last_growth_us + wait_us;
}

Result<bool> GlobSource::take(FollowedFile& file) {
    if (file.info.bytes < file.offset()) return begin_anew(file);
    const bool take_rest = waits_no_longer(file);
    const bool has_new = !file.is_at_end() && (file.info.bytes != file.tried_bytes || take_rest);
    if (!has_new && !needs_check(file)) return false;
    TRY(ensure_open(file));
    if (!file.is_at_end()) return take_lines(file, take_rest);
    if (!TRY(file.is_intact(buffer_))) return begin_anew(file);
    file.seen_bytes = file.info.bytes;
    return false;
}

/// Takes one batch of lines of a file into the log.
Result<bool> GlobSource::take_lines(FollowedFile& file, bool take_rest) {
    file.tried_bytes = file.info.bytes;
    FileLines lines = TRY(file.read_lines(take_rest, buffer_));
    if (!lines.is_intact) return begin_anew(file);
    file.seen_bytes = file.info.bytes;
    if (lines.has_progress || lines.is_busy) file.tried_bytes = 0;
    if (!lines.has_progress) return lines.is_busy;
    const PartitionId partition = partition_of(file);
    const uint64_t before = file.offset();
    KnownContents::Entry entry;
    entry.partition = partition;
    if (lines.records.empty()) {
        bytes_->add(static_cast<int64_t>(lines.content.bytes() - before));
        file.commit(std::move(lines));
        return true;
    }
    const auto last = static_cast<int64_t>(lines.records.size()) - 1;
    const bool is_first_part = lines.ends_open && !lines.first_part;
    // Nobody else appends to a stream of files, so that the offset is known before.
    if (is_first_part) {
        lines.first_part =
            EventId{partition, {log_->durable_end().at[partition.value].value + last}};
    }
    if (file.offset() == 0) file.first_taken_us = clock_.monotonic_us();
    entry.since_us = file.first_taken_us;
    entry.position = position_of(file);
    entry.position.content = lines.content.mark();
    entry.position.first_part = lines.first_part;
    log::AppendRequest request;
    request.records = lines.records;
    request.positions.push_back({file.identity(), entry.position.to_text()});
    const log::AppendOutcome outcome = TRY(append(partition, request));
    if (is_first_part)
        lines.first_part->offset.value = outcome.offsets[lines.records.size() - 1].value;
    records_->add(last + 1);
    bytes_->add(static_cast<int64_t>(lines.content.bytes() - before));
    file.commit(std::move(lines));
    known_.set(file.identity(), std::move(entry));
    return true;
}

FilePosition GlobSource::position_of(const FollowedFile& file) const {
    FilePosition position;
    position.content = file.content().mark();
    position.first_part = file.first_part();
    position.seen_bytes = file.info.bytes;
    position.grown_at_s = clock_.wall_us() / kMicrosecondsPerSecond;
    position.is_copy = file.phase == FollowedFile::Phase::kCopy;
    position.path = file.path;
    return position;
}

Result<void> GlobSource::record(std::map<std::string, KnownContents::Entry> entries) {
    for (const std::string& source : known_.superfluous()) {
        entries[source].partition = known_.find(source)->partition;
    }
    std::map<PartitionId, log::AppendRequest> requests;
    for (const auto& [source, entry] : entries) {
        const bool is_forgotten = entry.position.offset() == 0;
        requests[entry.partition].positions.push_back(
            {source, is_forgotten ? std::string() : entry.position.to_text()});
    }
    for (const auto& [partition, request] : requests) TRY(append(partition, request));
    for (const auto& [source, entry] : entries) known_.set(source, entry);
    return {};
}

Result<log::AppendOutcome> GlobSource::append(PartitionId partition,
                                              const log::AppendRequest& request) {
    auto outcome = log_->append(partition, request);
    has_append_failed_ = !outcome.has_value();
    return outcome;
}

/// A file stays where it began, though the log may have got partitions since: its lines stay in
/// order, and its positions in one place.
PartitionId GlobSource::partition_of(const FollowedFile& file) const {
    const KnownContents::Entry* known = known_.find(file.identity());
    if (known != nullptr) return known->partition;
    return {static_cast<uint32_t>(hash64(file.identity()) % log_->partition_count())};
}

}  // namespace braid::collect
