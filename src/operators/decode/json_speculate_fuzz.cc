// SPDX-License-Identifier: Apache-2.0
// Input: records, one a line. The speculating decoder must give what the conforming reader gives.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "operators/decode/decoder.h"
#include "operators/decode/json_reader_internal.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

Schema schema() {
    const auto of = [](TypeKind kind) { return Type::of(kind); };
    return {{{"a", of(TypeKind::kText)},
             {"b", of(TypeKind::kInt4)},
             {"c", of(TypeKind::kNumeric)},
             {"d", of(TypeKind::kTimestampTz)},
             {"e", of(TypeKind::kBool)},
             {"f", of(TypeKind::kFloat8)}}};
}

/// Like the decoder for JSON, but without speculation.
struct Conforming {
    std::vector<ColumnWriter> columns;
    TextArena arena;
    std::vector<BadRecord> bad;
    std::vector<Column> finished;

    explicit Conforming(std::span<const std::string_view> records) {
        for (const Field& field : schema().fields) {
            columns.emplace_back(field, ColumnWriter::Options{utc_format(), false});
            columns.back().start(records.size(), true, &arena);
        }
        JsonRow row(schema(), columns);
        row.start_slice(&arena);
        JsonReader reader;
        for (uint32_t i = 0; i < records.size(); ++i) {
            std::string reason;
            row.start(i);
            if (reader.read(records[i], row, reason)) continue;
            for (ColumnWriter& column : columns) column.set_null(i);
            bad.push_back({i, one_line(reason)});
        }
        for (ColumnWriter& column : columns) finished.push_back(column.finish(nullptr));
    }
};

std::string text_of(const Column& column, size_t row) {
    std::string out;
    if (!column.is_null(row)) format_text(column, row, utc_format(), out);
    return out;
}

void compare(std::span<const std::string_view> records) {
    RecordSlice slice;
    slice.records = records;
    DecodedSlice out;
    auto decoder = make_decoder({"json", schema(), {}});
    CHECK(decoder.has_value());
    const size_t columns = schema().fields.size();
    (*decoder)->decode(slice, std::vector<bool>(columns + plan::kSystemColumnCount, true), out);
    const Conforming expected(records);
    CHECK_EQ(out.bad.size(), expected.bad.size());
    for (size_t i = 0; i < out.bad.size(); ++i) {
        CHECK_EQ(out.bad[i].row, expected.bad[i].row);
        CHECK_EQ(out.bad[i].reason, expected.bad[i].reason);
    }
    for (size_t c = 0; c < columns; ++c) {
        for (size_t row = 0; row < records.size(); ++row) {
            CHECK_EQ(out.batch.columns[c].is_null(row), expected.finished[c].is_null(row));
            CHECK_EQ(text_of(out.batch.columns[c], row), text_of(expected.finished[c], row));
        }
    }
}

}  // namespace
}  // namespace braid::operators

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::vector<std::string_view> records;
    for (size_t from = 0; from <= input.size();) {
        const size_t end = std::min(input.find('\n', from), input.size());
        // The marker of long records is no JSON, and a byte order mark no reader's business.
        const std::string_view record = input.substr(from, end - from);
        if (!record.starts_with('\0') && !record.starts_with('\xEF')) records.push_back(record);
        from = end + 1;
    }
    // Twice, so that each record meets what the others have taught.
    const std::vector<std::string_view> once = records;
    records.insert(records.end(), once.begin(), once.end());
    braid::operators::compare(records);
    return 0;
}
