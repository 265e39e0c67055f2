// SPDX-License-Identifier: Apache-2.0
#include "columnar/text_io.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "columnar/text_io_internal.h"

namespace braid {

const TextFormat& utc_format() {
    static const TextFormat format{utc()};
    return format;
}

Result<void> parse_text_into(ColumnBuilder& builder, std::string_view text,
                             const TextFormat& format) {
    const Type& type = builder.type();
    switch (type.kind) {
        case TypeKind::kBool:
            builder.append_bool(TRY(text_io::parse_bool(text)));
            return {};
        case TypeKind::kInt4:
            builder.append_int4(TRY(text_io::parse_int4(text, type)));
            return {};
        case TypeKind::kInt8:
            builder.append_int8(TRY(text_io::parse_int8(text, type)));
            return {};
        case TypeKind::kNumeric: {
            const Numeric value = TRY(parse_numeric(text));
            if (type.precision < 0) {
                builder.append_numeric(value);
            } else {
                builder.append_numeric(TRY(fit(value, type.precision, type.scale)));
            }
            return {};
        }
        case TypeKind::kFloat8:
            builder.append_float8(TRY(text_io::parse_float8(text)));
            return {};
        case TypeKind::kDate:
            builder.append_int4(TRY(text_io::parse_date(text)));
            return {};
        case TypeKind::kTimestamp:
            builder.append_int8(TRY(text_io::parse_timestamp(text)));
            return {};
        case TypeKind::kTimestampTz:
            builder.append_int8(TRY(text_io::parse_timestamptz(text, *format.zone)));
            return {};
        case TypeKind::kInterval:
            builder.append_interval(TRY(text_io::parse_interval(text)));
            return {};
        case TypeKind::kUnknown:
        case TypeKind::kText:
            if (is_array(type)) {
                builder.append_text(TRY(text_io::parse_array(text, type, format)));
            } else {
                builder.append_text(TRY(text_io::parse_string(text, type)));
            }
            return {};
    }
    return {};
}

Result<Datum> parse_text(std::string_view text, const Type& type, const TextFormat& format) {
    ColumnBuilder builder(type, 1);
    TRY(parse_text_into(builder, text, format));
    return builder.finish().datum(0);
}

void format_text(const Column& column, size_t row, const TextFormat& format, std::string& out) {
    switch (column.type().kind) {
        case TypeKind::kBool:
            out += column.at<uint8_t>(row) != 0 ? 't' : 'f';
            return;
        case TypeKind::kInt4:
            return text_io::format_int(column.at<int32_t>(row), out);
        case TypeKind::kInt8:
            return text_io::format_int(column.at<int64_t>(row), out);
        case TypeKind::kNumeric:
            return format_numeric(column.at<Numeric>(row), out);
        case TypeKind::kFloat8:
            return format_double(column.at<double>(row), out);
        case TypeKind::kDate:
            return text_io::format_date(column.at<int32_t>(row), out);
        case TypeKind::kTimestamp:
            return text_io::format_timestamp(column.at<int64_t>(row), out);
        case TypeKind::kTimestampTz:
            return text_io::format_timestamptz(column.at<int64_t>(row), *format.zone, out);
        case TypeKind::kInterval:
            return text_io::format_interval(column.at<Interval64>(row), out);
        case TypeKind::kUnknown:
        case TypeKind::kText:
            out += column.at<std::string_view>(row);
            return;
    }
}

void format_text(const Datum& value, const TextFormat& format, std::string& out) {
    format_text(Column::constant(value, 1), 0, format, out);
}

}  // namespace braid
