// SPDX-License-Identifier: Apache-2.0
#include "operators/decode/decode_testing.h"

#include "base/check.h"
#include "columnar/text_io.h"
#include "plan/view_plan.h"

namespace braid::operators {

Schema schema_of(std::string_view columns) {
    Schema schema;
    while (!columns.empty()) {
        const size_t end = std::min(columns.find(", "), columns.size());
        const std::string_view column = columns.substr(0, end);
        const size_t space = column.find(' ');
        Field field;
        field.name = column.substr(0, space);
        CHECK(parse_type_name(column.substr(space + 1), field.type));
        schema.fields.push_back(field);
        columns.remove_prefix(std::min(end + 2, columns.size()));
    }
    return schema;
}

DecoderSpec decoder_spec(std::string_view format, std::string_view columns,
                         std::map<std::string, std::string> options) {
    return {std::string(format), schema_of(columns), std::move(options)};
}

DecodedSlice decode_all(Decoder& decoder, const DecoderSpec& spec,
                        const std::vector<std::string>& records) {
    // Each record in memory of its own size, so that the sanitizer sees a read beyond it.
    auto held = std::make_shared<std::vector<std::vector<char>>>();
    std::vector<std::string_view> views;
    for (const std::string& record : records) {
        held->emplace_back(record.begin(), record.end());
        views.emplace_back(held->back().data(), held->back().size());
    }
    RecordSlice slice;
    slice.partition = {3};
    slice.offsets = Offsets(Offset{1000});
    slice.ingested_at_us = 1'431'857'103'000'000;
    slice.records = views;
    slice.keepalive = held;
    DecodedSlice out;
    decoder.decode(
        slice, std::vector<bool>(spec.columns.fields.size() + plan::kSystemColumnCount, true), out);
    return out;
}

std::vector<std::string> rows_of(const DecodedSlice& slice, const DecoderSpec& spec) {
    std::vector<std::string> rows;
    size_t bad = 0;
    for (size_t row = 0; row < slice.batch.length; ++row) {
        std::string& line = rows.emplace_back();
        if (bad < slice.bad.size() && slice.bad[bad].row == row) {
            line = "! " + slice.bad[bad++].reason;
            continue;
        }
        for (size_t c = 0; c < spec.columns.fields.size(); ++c) {
            const Column& column = slice.batch.columns[c];
            if (c != 0) line += '|';
            if (column.is_null(row)) {
                line += '~';
            } else {
                format_text(column, row, utc_format(), line);
            }
        }
    }
    return rows;
}

std::vector<std::string> decode_rows(const DecoderSpec& spec,
                                     const std::vector<std::string>& records) {
    auto decoder = make_decoder(spec);
    CHECK(decoder.has_value());
    return rows_of(decode_all(**decoder, spec, records), spec);
}

}  // namespace braid::operators
