// SPDX-License-Identifier: Apache-2.0
#include "log/redo_record.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error_makers.h"
#include "log/record_frame.h"

namespace braid::log {

namespace {

constexpr FrameKind kFrame = {.magic = "BRAIDRED", .version = 2, .name = "redo record"};
constexpr std::string_view kEnding = ".redo";

void write_ids(ByteWriter& writer, const std::vector<ObjectId>& ids) {
    writer.varint(ids.size());
    for (const ObjectId id : ids) writer.varint(id.value);
}

Result<std::vector<ObjectId>> read_ids(ByteReader& reader) {
    std::vector<ObjectId> ids;
    for (uint64_t count = TRY(reader.varint()); count > 0; --count) {
        ids.push_back(ObjectId{TRY(reader.varint())});
    }
    return ids;
}

Result<RedoRecord::Part> read_part(ByteReader& reader) {
    RedoRecord::Part part;
    part.table = TableId{TRY(reader.varint())};
    part.log = LogId{std::string(TRY(reader.text()))};
    part.partition.value = static_cast<uint32_t>(TRY(reader.varint()));
    for (uint64_t count = TRY(reader.varint()); count > 0; --count) {
        part.records.emplace_back(TRY(reader.text()));
    }
    return part;
}

}  // namespace

std::string encode(const RedoRecord& record) {
    std::string body;
    ByteWriter writer(body);
    writer.text(record.name);
    writer.varint(record.epoch);
    write_ids(writer, record.made);
    write_ids(writer, record.dropped);
    writer.varint(record.parts.size());
    for (const RedoRecord::Part& part : record.parts) {
        writer.varint(part.table.value);
        writer.text(part.log.hex);
        writer.varint(part.partition.value);
        writer.varint(part.records.size());
        for (const std::string& each : part.records) writer.text(each);
    }
    return frame_record(kFrame, body);
}

Result<RedoRecord> decode_redo_record(std::string_view bytes) {
    const FramedRecord frame = TRY(open_record(kFrame, bytes));
    ByteReader reader(frame.body);
    RedoRecord record;
    record.name = TRY(reader.text());
    if (frame.version > 1) record.epoch = TRY(reader.varint());
    record.made = TRY(read_ids(reader));
    record.dropped = TRY(read_ids(reader));
    for (uint64_t count = TRY(reader.varint()); count > 0; --count) {
        record.parts.push_back(TRY(read_part(reader)));
    }
    if (!reader.at_end()) return corrupt("it goes on behind its end");
    return record;
}

/// By the number of its parts and the epoch too: what is left of a record lies beside it until that
/// is gone. In version 1 there was no epoch.
std::string RedoRecords::path_of(const RedoRecord& record) const {
    std::string name = fmt::format("{}/{}-{}", directory_, record.name, record.parts.size());
    if (record.epoch > 0) name += fmt::format("-{}", record.epoch);
    return name + std::string(kEnding);
}

Result<std::vector<RedoRecord>> RedoRecords::left() const {
    std::vector<RedoRecord> records;
    for (const std::string& name : TRY(files_.list(directory_))) {
        if (!name.ends_with(kEnding)) continue;
        const std::string path = fmt::format("{}/{}", directory_, name);
        Result<std::string> bytes = files_.read_all(path);
        // A process that has lost the directory since may just have come to its end.
        if (!bytes && bytes.error().code() == ErrorCode::kNotFound) continue;
        if (!bytes) return std::move(bytes).error();
        records.push_back(TRY(decode_redo_record(*bytes).context(fmt::format("reading {}", path))));
    }
    return records;
}

Result<void> RedoRecords::write(const RedoRecord& record) {
    const std::string path = path_of(record);
    return must_be_done(TRY(put_new(files_, path, as_bytes(encode(record)))), path);
}

Result<void> RedoRecords::remove(const RedoRecord& record) {
    TRY(files_.remove(path_of(record)));
    return files_.sync_directory(directory_);
}

Result<void> RedoRecords::narrow(const RedoRecord& record, const RedoRecord& rest) {
    CHECK(rest.name == record.name && path_of(rest) != path_of(record));
    // What a crash has left of this before: the same, or damaged.
    auto written = write(rest);
    if (!written && written.error().code() != ErrorCode::kAlreadyExists) return written;
    return remove(record);
}

}  // namespace braid::log
