// SPDX-License-Identifier: Apache-2.0
#include "collect/file_position.h"

#include "base/bytes.h"
#include "base/error_makers.h"

namespace braid::collect {

namespace {

/// The first form began with an offset, which was never 0.
constexpr std::string_view kSecondForm("\0\2", 2);

constexpr uint64_t kFirstPart = 1;
constexpr uint64_t kDone = 2;
constexpr uint64_t kCopy = 4;

Result<FilePosition> read_first_form(std::string_view text) {
    ByteReader reader(text);
    FilePosition position;
    position.is_old = true;
    position.content.bytes = TRY(reader.varint());
    position.old_head_bytes = TRY(reader.varint());
    position.old_head = TRY(reader.fixed<uint64_t>());
    return position;
}

}  // namespace

std::string FilePosition::to_text() const {
    std::string text;
    ByteWriter writer(text);
    writer.raw(kSecondForm);
    writer.varint((first_part ? kFirstPart : 0) | (is_done ? kDone : 0) | (is_copy ? kCopy : 0));
    writer.varint(content.bytes);
    writer.fixed(content.head);
    writer.fixed(content.chain);
    writer.fixed(content.tail);
    writer.varint(seen_bytes);
    writer.varint(static_cast<uint64_t>(grown_at_s));
    writer.text(path);
    if (first_part) {
        writer.varint(first_part->partition.value);
        writer.varint(static_cast<uint64_t>(first_part->offset.value));
    }
    return text;
}

Result<FilePosition> FilePosition::from_text(std::string_view text) {
    if (!text.starts_with(kSecondForm)) return read_first_form(text);
    ByteReader reader(text.substr(kSecondForm.size()));
    FilePosition position;
    const uint64_t flags = TRY(reader.varint());
    position.is_done = (flags & kDone) != 0;
    position.is_copy = (flags & kCopy) != 0;
    position.content.bytes = TRY(reader.varint());
    position.content.head = TRY(reader.fixed<uint64_t>());
    position.content.chain = TRY(reader.fixed<uint64_t>());
    position.content.tail = TRY(reader.fixed<uint64_t>());
    position.seen_bytes = TRY(reader.varint());
    position.grown_at_s = static_cast<int64_t>(TRY(reader.varint()));
    position.path = TRY(reader.text());
    if ((flags & kFirstPart) != 0) {
        const uint64_t partition = TRY(reader.varint());
        const uint64_t offset = TRY(reader.varint());
        position.first_part =
            EventId{{static_cast<uint32_t>(partition)}, {static_cast<int64_t>(offset)}};
    }
    return position;
}

}  // namespace braid::collect
