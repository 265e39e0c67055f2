// SPDX-License-Identifier: Apache-2.0
#include "log/extent_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "log/extent.h"

namespace braid::log {

namespace {

/// Small requests are written together; for larger ones a call costs less than a copy.
constexpr size_t kPieceBytes = 64 << 10;

/// After this step failed nobody knows what is on the disk; whatever the file system called it, it
/// is Io.
Result<void> or_stop(Result<void> step, std::string_view what, const std::string& path) {
    if (step || step.error().code() == ErrorCode::kIo) return step;
    return io_error("could not {} \"{}\": {}", what, path, step.error().message());
}

}  // namespace

Result<std::unique_ptr<ExtentWriter>> ExtentWriter::create(FileSystem& files,
                                                           const std::string& directory,
                                                           const ExtentHeader& header,
                                                           UnplacedBlocks snapshot,
                                                           const GroupStamp& stamp) {
    std::unique_ptr<ExtentWriter> writer(new ExtentWriter(files, directory, header));
    writer->header_.records_position = kExtentHeaderBytes + snapshot.bytes.size();
    TRY(writer->open_file());
    const GroupPlace place{.mark = header.mark, .group = kExtentHeaderBytes, .stamp = stamp};
    place_blocks(snapshot, place, kExtentHeaderBytes, header.base, false);
    TRY(writer->write(encode_extent_header(writer->header_) + snapshot.bytes));
    return writer;
}

Result<void> ExtentWriter::open_file() {
    name_ = {.base = header_.base, .epoch = header_.epoch, .number = 0};
    for (const std::string& each : TRY(files_.list(directory_))) {
        const auto other = parse_extent_name(each);
        if (!other || other->base != name_.base || other->epoch != name_.epoch) continue;
        name_.number = std::max(name_.number, other->number + 1);
    }
    path_ = directory_ + "/" + name_.text();
    file_ = TRY(files_.create(path_));
    return {};
}

Result<std::vector<std::string>> ExtentWriter::append_group(
    std::span<UnplacedBlocks* const> requests, Offset first, const GroupStamp& stamp) {
    const GroupPlace place{
        .mark = header_.mark, .group = is_named_ ? bytes_ : kExtentHeaderBytes, .stamp = stamp};
    uint64_t position = bytes_;
    std::vector<std::string> pieces;
    for (UnplacedBlocks* each : requests) {
        place_blocks(*each, place, position, first, each == requests.back());
        position += each->bytes.size();
        first.value += each->record_count;
        if (!pieces.empty() && pieces.back().size() + each->bytes.size() <= kPieceBytes) {
            pieces.back() += each->bytes;
        } else {
            pieces.push_back(std::move(each->bytes));
        }
    }
    for (const std::string& piece : pieces) TRY(write(piece));
    TRY(or_stop(file_->sync(), "sync", path_));
    if (!is_named_) TRY(make_name_durable());
    return pieces;
}

Result<void> ExtentWriter::write(std::string_view bytes) {
    Result<void> written = file_->append(as_bytes(bytes));
    if (written) {
        bytes_ += bytes.size();
        return {};
    }
    // A group without its end is cut at the next start; a new file without a whole group, too.
    if (!is_named_) discard();
    if (written.error().code() == ErrorCode::kExhausted) return written;
    return or_stop(std::move(written), "write", path_);
}

Result<void> ExtentWriter::make_name_durable() {
    TRY(or_stop(files_.sync_directory(directory_), "sync directory", directory_));
    is_named_ = true;
    remove_replaced();
    return {};
}

/// Those of this epoch only: whoever takes the directory over may find the others to be what
/// counts. They go with trim() or at the next start, and so does what cannot be removed now.
void ExtentWriter::remove_replaced() {
    const auto names = files_.list(directory_);
    if (!names) return;
    for (const std::string& each : *names) {
        const auto other = parse_extent_name(each);
        if (!other || other->base != name_.base || other->epoch != name_.epoch) continue;
        if (*other < name_) static_cast<void>(files_.remove(directory_ + "/" + each));
    }
}

void ExtentWriter::discard() {
    // Only to give its room back: recovery and the next writer of this base cope with it if it
    // stays.
    static_cast<void>(files_.remove(path_));
}

void ExtentWriter::close(Offset end, const GroupStamp& stamp) {
    CHECK(is_named_);
    UnplacedBlocks note = encode_closed();
    place_blocks(note, {.mark = header_.mark, .group = bytes_, .stamp = stamp}, bytes_, end, true);
    // Neither synced nor checked: that it can be read at all is what it says.
    static_cast<void>(file_->append(as_bytes(note.bytes)));
}

}  // namespace braid::log
