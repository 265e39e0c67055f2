// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "operators/decode/slice_decoder_internal.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

/// Made once, shared by all columns of the slice.
struct SliceBytes {
    Keepalive records;
    std::shared_ptr<TextArena> arena;
};

/// A slice is larger than the first-level cache: records come into it a little before their turn.
constexpr uint32_t kRowsAhead = 3;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void prefetch(std::string_view record) {
    constexpr size_t kCacheLineBytes = 64;
    constexpr size_t kBytesMax = 256;
    const size_t bytes = std::min(record.size(), kBytesMax);
    for (size_t at = 0; at < bytes; at += kCacheLineBytes) __builtin_prefetch(record.data() + at);
}

std::string_view raw_text(std::string_view record, TextArena& arena) {
    uint64_t true_bytes = 0;
    std::string_view text;
    std::string_view place;
    if (split_long_record(record, true_bytes, text)) record = text;
    if (split_rest_record(record, place, text)) record = text;
    return is_valid_utf8(record) ? record : arena.add(mended_utf8(record));
}

}  // namespace

bool split_long_record(std::string_view record, uint64_t& true_bytes, std::string_view& prefix) {
    if (record.empty() || record[0] != '\0' || !record.starts_with(kLongRecordMarker)) return false;
    record.remove_prefix(kLongRecordMarker.size());
    const char* end = record.data() + record.size();
    const auto [at, error] = std::from_chars(record.data(), end, true_bytes);
    if (error != std::errc() || at == end || *at != '\0') return false;
    prefix = {at + 1, static_cast<size_t>(end - at - 1)};
    return true;
}

bool split_rest_record(std::string_view record, std::string_view& first_part,
                       std::string_view& rest) {
    if (record.empty() || record[0] != '\0' || !record.starts_with(kRestMarker)) return false;
    record.remove_prefix(kRestMarker.size());
    const size_t end = record.find('\0');
    if (end == std::string_view::npos) return false;
    first_part = record.substr(0, end);
    rest = record.substr(end + 1);
    return true;
}

SliceDecoder::SliceDecoder(const Schema& columns, const ColumnWriter::Options& options) {
    for (const Field& field : columns.fields) columns_.emplace_back(field, options);
}

void SliceDecoder::decode(const RecordSlice& slice, const std::vector<bool>& wanted,
                          DecodedSlice& out) {
    CHECK_EQ(wanted.size(), columns_.size() + plan::kSystemColumnCount);
    auto arena = std::make_shared<TextArena>();
    const size_t rows = slice.records.size();
    for (size_t c = 0; c < columns_.size(); ++c) columns_[c].start(rows, wanted[c], arena.get());
    start_slice(*arena);
    out.bad.clear();
    out.good.clear();
    out.good.reserve(rows);
    std::string reason;
    for (uint32_t row = 0; row < rows; ++row) {
        if (row + kRowsAhead < rows) prefetch(slice.records[row + kRowsAhead]);
        if (read_any(row, slice.records[row], reason)) [[likely]] {
            out.good.push_back(row);
            continue;
        }
        for (ColumnWriter& column : columns_) column.set_null(row);
        out.bad.push_back({row, one_line(reason)});
    }
    finish(slice, wanted, std::move(arena), out);
}

bool SliceDecoder::read_any(uint32_t row, std::string_view record, std::string& reason) {
    // What programs on Windows put before a text's first line says nothing about the record.
    if (record.starts_with(kByteOrderMark)) [[unlikely]]
        record.remove_prefix(kByteOrderMark.size());
    if (!record.empty() && record[0] == '\0') [[unlikely]] {
        uint64_t true_bytes = 0;
        std::string_view prefix;
        if (split_long_record(record, true_bytes, prefix)) {
            reason = "record of " + std::to_string(true_bytes) + " bytes exceeds the limit of " +
                     std::to_string(kRecordBytesMax) + " bytes";
            return false;
        }
        std::string_view first_part;
        if (split_rest_record(record, first_part, prefix)) {
            reason = "rest of the record at " + std::string(first_part) +
                     " (partition:offset), which was taken before its line had an end";
            return false;
        }
    }
    return read_record(row, record, reason);
}

void SliceDecoder::finish(const RecordSlice& slice, const std::vector<bool>& wanted,
                          std::shared_ptr<TextArena> arena, DecodedSlice& out) {
    const size_t rows = slice.records.size();
    const auto bytes = std::make_shared<const SliceBytes>(SliceBytes{slice.keepalive, arena});
    out.partition = slice.partition;
    out.offsets = slice.offsets;
    out.batch.length = rows;
    out.batch.columns.clear();
    for (ColumnWriter& column : columns_) out.batch.columns.push_back(column.finish(bytes));
    const auto system = [&](plan::SystemColumn which, auto make) {
        const auto index = static_cast<size_t>(which);
        const bool is_wanted = wanted[columns_.size() + index];
        const Type type = plan::system_columns().fields[index].type;
        out.batch.columns.push_back(is_wanted ? make(type) : Column());
    };
    system(plan::SystemColumn::kPartition, [&](Type) {
        return Column::constant(Datum::int4(static_cast<int32_t>(slice.partition.value)), rows);
    });
    system(plan::SystemColumn::kOffset,
           [&](Type type) { return Column::flat<int64_t>(type, slice.offsets.values(rows)); });
    system(plan::SystemColumn::kIngestedAt, [&](Type type) {
        return Column::constant(Datum{type, slice.ingested_at_us + kUnixEpochUs}, rows);
    });
    system(plan::SystemColumn::kRaw, [&](Type type) {
        std::vector<std::string_view> texts(rows);
        for (size_t i = 0; i < rows; ++i) texts[i] = raw_text(slice.records[i], *arena);
        return Column::flat<std::string_view>(type, std::move(texts), {}, bytes);
    });
    system(plan::SystemColumn::kError, [&](Type type) {
        std::vector<std::string_view> texts(rows);
        std::vector<uint8_t> valid(rows, 0);
        for (const BadRecord& bad : out.bad) {
            texts[bad.row] = arena->add(bad.reason);
            valid[bad.row] = 1;
        }
        return Column::flat<std::string_view>(type, std::move(texts), std::move(valid), bytes);
    });
}

}  // namespace braid::operators
