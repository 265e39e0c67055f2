// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/binary_io_internal.h"
#include "columnar/text_io.h"
#include "columnar/text_io_internal.h"
#include "columnar/time_zone.h"

namespace braid {
namespace {

using binary_io::append_big_endian;
using binary_io::bad_size;
using binary_io::read_big_endian;

template <typename T>
Result<T> read_exactly(std::string_view bytes) {
    if (bytes.size() != sizeof(T)) return bad_size();
    return read_big_endian<T>(bytes.data());
}

Result<Datum> parse_int8_binary(std::string_view bytes, const Type& type) {
    if (type.alias == TypeAlias::kNone) return Datum{type, TRY(read_exactly<int64_t>(bytes))};
    return Datum{type, static_cast<int64_t>(TRY(read_exactly<uint32_t>(bytes)))};
}

Result<Datum> parse_time_binary(std::string_view bytes, const Type& type) {
    if (type.kind == TypeKind::kDate) {
        const auto days = TRY(read_exactly<int32_t>(bytes));
        if (!text_io::is_date(days)) {
            return invalid_input("date out of range").with_sqlstate("22008");
        }
        return Datum{type, days};
    }
    const auto us = TRY(read_exactly<int64_t>(bytes));
    if (!text_io::is_timestamp(us)) {
        return invalid_input("timestamp out of range").with_sqlstate("22008");
    }
    return Datum{type, us};
}

Result<Datum> parse_text_binary(std::string_view bytes, const Type& type) {
    if (is_array(type)) return Datum{type, TRY(text_io::parse_array_binary(bytes, type))};
    return Datum{type, std::string(TRY(text_io::parse_string(bytes, type)))};
}

}  // namespace

void format_binary(const Column& column, size_t row, std::string& out) {
    const Type& type = column.type();
    switch (type.kind) {
        case TypeKind::kBool:
            out += static_cast<char>(column.at<uint8_t>(row) != 0 ? 1 : 0);
            return;
        case TypeKind::kInt4:
            if (type.alias == TypeAlias::kInt2) {
                return append_big_endian(static_cast<int16_t>(column.at<int32_t>(row)), out);
            }
            return append_big_endian(column.at<int32_t>(row), out);
        case TypeKind::kDate:
            return append_big_endian(column.at<int32_t>(row), out);
        case TypeKind::kInt8:
            if (type.alias != TypeAlias::kNone) {
                return append_big_endian(static_cast<uint32_t>(column.at<int64_t>(row)), out);
            }
            return append_big_endian(column.at<int64_t>(row), out);
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return append_big_endian(column.at<int64_t>(row), out);
        case TypeKind::kNumeric:
            return format_numeric_binary(column.at<Numeric>(row), out);
        case TypeKind::kFloat8:
            return append_big_endian(std::bit_cast<uint64_t>(column.at<double>(row)), out);
        case TypeKind::kInterval: {
            const auto& interval = column.at<Interval64>(row);
            append_big_endian(interval.us, out);
            append_big_endian(interval.days, out);
            return append_big_endian(interval.months, out);
        }
        case TypeKind::kUnknown:
        case TypeKind::kText: {
            const std::string_view text = column.at<std::string_view>(row);
            if (is_array(type)) return text_io::format_array_binary(text, type, out);
            out += text;
            return;
        }
    }
}

Result<Datum> parse_binary(std::string_view bytes, const Type& type) {
    switch (type.kind) {
        case TypeKind::kBool:
            return Datum{type, TRY(read_exactly<uint8_t>(bytes)) != 0};
        case TypeKind::kInt4:
            if (type.alias == TypeAlias::kInt2) {
                return Datum{type, int32_t{TRY(read_exactly<int16_t>(bytes))}};
            }
            return Datum{type, TRY(read_exactly<int32_t>(bytes))};
        case TypeKind::kInt8:
            return parse_int8_binary(bytes, type);
        case TypeKind::kNumeric: {
            const Numeric value = TRY(parse_numeric_binary(bytes));
            if (type.precision < 0) return Datum{type, value};
            return Datum{type, TRY(fit(value, type.precision, type.scale))};
        }
        case TypeKind::kFloat8:
            return Datum{type, std::bit_cast<double>(TRY(read_exactly<uint64_t>(bytes)))};
        case TypeKind::kDate:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return parse_time_binary(bytes, type);
        case TypeKind::kInterval: {
            constexpr size_t kIntervalBytes = 16;
            if (bytes.size() != kIntervalBytes) return bad_size();
            return Datum{type, Interval64{read_big_endian<int64_t>(bytes.data()),
                                          read_big_endian<int32_t>(bytes.data() + 8),
                                          read_big_endian<int32_t>(bytes.data() + 12)}};
        }
        case TypeKind::kUnknown:
        case TypeKind::kText:
            return parse_text_binary(bytes, type);
    }
    return internal_error("type without binary form: {}", type.name());
}

}  // namespace braid
