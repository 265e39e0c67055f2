// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "columnar/ascii.h"
#include "columnar/column.h"
#include "columnar/text_io.h"

/// Batches as text for the tests of every floor; included only by them.
///
///     const Schema schema = schema_of("path text, status int4");
///     const Batch batch = batch_of(schema, R"(
///         /a   | 200
///         NULL | 404
///     )");
///     EXPECT_EQ(to_text(schema, batch), "/a|200\nNULL|404\n");

namespace braid {
namespace test {

/// The parts of a text between separators, without the blanks around them.
inline std::vector<std::string_view> split_trimmed(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const size_t end = text.find(separator);
        parts.push_back(ascii::trimmed(text.substr(0, end)));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

}  // namespace test

/// "name type, name type": the types as parse_type_name reads them, so without commas of their own.
inline Schema schema_of(std::string_view fields) {
    Schema schema;
    for (const std::string_view field : test::split_trimmed(fields, ',')) {
        const size_t blank = field.find(' ');
        CHECK(blank != std::string_view::npos);
        Type type;
        CHECK(parse_type_name(ascii::trimmed(field.substr(blank)), type));
        schema.fields.push_back({std::string(field.substr(0, blank)), type});
    }
    return schema;
}

/// One row a line, cells between `|`, each read by its type's input function with time zone UTC.
/// Blanks around a cell and blank lines do not count; the cell NULL is NULL. Aborts on a cell that
/// cannot be read.
inline Batch batch_of(const Schema& schema, std::string_view rows) {
    std::vector<ColumnBuilder> builders;
    for (const Field& field : schema.fields) builders.emplace_back(field.type);
    Batch batch;
    for (const std::string_view row : test::split_trimmed(rows, '\n')) {
        if (row.empty()) continue;
        const std::vector<std::string_view> cells = test::split_trimmed(row, '|');
        CHECK_EQ(cells.size(), builders.size());
        for (size_t i = 0; i < cells.size(); i++) {
            if (cells[i] == "NULL") {
                builders[i].append_null();
                continue;
            }
            const Result<void> parsed = parse_text_into(builders[i], cells[i], utc_format());
            CHECK_EQ(parsed ? "" : parsed.error().to_string(), "");
        }
        batch.length++;
    }
    for (ColumnBuilder& builder : builders) batch.columns.push_back(builder.finish());
    return batch;
}

/// The rows as batch_of reads them, without blanks around `|`, each line ended.
inline std::string to_text(const Schema& schema, const Batch& batch) {
    CHECK_EQ(schema.fields.size(), batch.columns.size());
    std::string text;
    for (size_t row = 0; row < batch.length; row++) {
        for (size_t i = 0; i < batch.columns.size(); i++) {
            const Column& column = batch.columns[i];
            CHECK_EQ(column.length(), batch.length);
            if (i > 0) text += '|';
            if (column.is_null(row)) {
                text += "NULL";
            } else {
                format_text(column, row, utc_format(), text);
            }
        }
        text += '\n';
    }
    return text;
}

}  // namespace braid
