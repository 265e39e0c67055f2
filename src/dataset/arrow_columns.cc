// SPDX-License-Identifier: Apache-2.0
#include "dataset/arrow_columns.h"

#include <functional>

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "base/error_makers.h"
#include "columnar/arrow_result.h"
#include "columnar/text_io.h"
#include "columnar/time_zone.h"

namespace braid::dataset {

namespace {

constexpr auto kUnixEpochDay = static_cast<int32_t>(kUnixEpochUs / kMicrosPerDay);

bool is_text_in_files(const Type& type) {
    return type.kind == TypeKind::kText || type.kind == TypeKind::kUnknown ||
           type.kind == TypeKind::kInterval ||
           (type.kind == TypeKind::kNumeric && type.precision < 0);
}

int64_t unix_us(int64_t us) {
    return us == kTimestampInfinity || us == kTimestampNegativeInfinity ? us : us - kUnixEpochUs;
}
int64_t from_unix_us(int64_t us) {
    return us == kTimestampInfinity || us == kTimestampNegativeInfinity ? us : us + kUnixEpochUs;
}
int32_t unix_days(int32_t days) {
    return days == kDateInfinity || days == kDateNegativeInfinity ? days : days - kUnixEpochDay;
}
int32_t from_unix_days(int32_t days) {
    return days == kDateInfinity || days == kDateNegativeInfinity ? days : days + kUnixEpochDay;
}

using Arrays = std::shared_ptr<arrow::Array>;

/// Appends each row through `append`, NULLs as NULL.
template <typename Builder, typename Append>
Result<Arrays> build(Builder builder, const Column& column, const Append& append) {
    TRY(builder.Reserve(static_cast<int64_t>(column.length())));
    for (size_t row = 0; row < column.length(); ++row) {
        if (column.is_null(row)) {
            TRY(builder.AppendNull());
        } else {
            TRY(append(builder, row));
        }
    }
    return TRY(builder.Finish());
}

Result<Arrays> text_to_arrow(const Column& column) {
    std::string text;
    return build(arrow::StringBuilder(), column, [&](arrow::StringBuilder& builder, size_t row) {
        if (column.type().kind == TypeKind::kText)
            return builder.Append(column.at<std::string_view>(row));
        text.clear();
        format_text(column, row, utc_format(), text);
        return builder.Append(text);
    });
}

Result<Arrays> numeric_to_arrow(const Column& column) {
    return build(
        arrow::Decimal128Builder(arrow_type_of(column.type())), column,
        [&](arrow::Decimal128Builder& builder, size_t row) {
            const Numeric& value = column.at<Numeric>(row);
            // NaN: has_file_form() told the writer.
            if (!value.is_finite()) return builder.AppendNull();
            return builder.Append(arrow::Decimal128(static_cast<int64_t>(value.unscaled >> 64),
                                                    static_cast<uint64_t>(value.unscaled)));
        });
}

std::vector<uint8_t> validity_of(const arrow::Array& array) {
    std::vector<uint8_t> validity;
    if (array.null_count() == 0) return validity;
    validity.resize(static_cast<size_t>(array.length()));
    for (int64_t row = 0; row < array.length(); ++row) {
        validity[static_cast<size_t>(row)] = array.IsValid(row) ? 1 : 0;
    }
    return validity;
}

/// Copies fixed-width values through `convert`.
template <typename ArrowArray, typename To, typename Convert>
Column fixed_from_arrow(const arrow::Array& array, const Type& type, const Convert& convert) {
    const auto& typed = static_cast<const ArrowArray&>(array);
    std::vector<To> values(static_cast<size_t>(array.length()));
    for (int64_t row = 0; row < array.length(); ++row) {
        values[static_cast<size_t>(row)] = convert(typed.Value(row));
    }
    return Column::flat<To>(type, std::move(values), validity_of(array));
}

Column text_from_arrow(const Arrays& array) {
    const auto& typed = static_cast<const arrow::StringArray&>(*array);
    std::vector<std::string_view> values(static_cast<size_t>(array->length()));
    for (int64_t row = 0; row < array->length(); ++row) {
        values[static_cast<size_t>(row)] = typed.GetView(row);
    }
    return Column::flat<std::string_view>(Type::of(TypeKind::kText), std::move(values),
                                          validity_of(*array), array);
}

Column dictionary_from_arrow(const Arrays& array) {
    const auto& typed = static_cast<const arrow::DictionaryArray&>(*array);
    std::vector<int32_t> codes(static_cast<size_t>(array->length()));
    for (int64_t row = 0; row < array->length(); ++row) {
        codes[static_cast<size_t>(row)] =
            array->IsNull(row) ? -1 : static_cast<int32_t>(typed.GetValueIndex(row));
    }
    return Column::dictionary(text_from_arrow(typed.dictionary()), std::move(codes));
}

/// Values kept as text in files, read by the type's own input.
Result<Column> parsed_from_arrow(const arrow::Array& array, const Type& type) {
    const auto& typed = static_cast<const arrow::StringArray&>(array);
    ColumnBuilder builder(type, static_cast<size_t>(array.length()));
    for (int64_t row = 0; row < array.length(); ++row) {
        if (array.IsNull(row)) {
            builder.append_null();
        } else {
            TRY(parse_text_into(builder, typed.GetView(row), utc_format()));
        }
    }
    return builder.finish();
}

Column numeric_from_arrow(const arrow::Array& array, const Type& type) {
    const auto& typed = static_cast<const arrow::Decimal128Array&>(array);
    std::vector<Numeric> values(static_cast<size_t>(array.length()));
    for (int64_t row = 0; row < array.length(); ++row) {
        const arrow::Decimal128 value(typed.GetValue(row));
        const auto high = static_cast<int128>(value.high_bits());
        values[static_cast<size_t>(row)] = {(high << 64) | static_cast<int128>(value.low_bits()),
                                            type.scale, Numeric::Kind::kFinite};
    }
    return Column::flat<Numeric>(type, std::move(values), validity_of(array));
}

}  // namespace

std::shared_ptr<arrow::DataType> arrow_type_of(const Type& type) {
    if (is_text_in_files(type)) return arrow::utf8();
    switch (type.kind) {
        case TypeKind::kBool:
            return arrow::boolean();
        case TypeKind::kInt4:
            return arrow::int32();
        case TypeKind::kInt8:
            return arrow::int64();
        case TypeKind::kNumeric:
            return arrow::decimal128(type.precision, type.scale);
        case TypeKind::kFloat8:
            return arrow::float64();
        case TypeKind::kDate:
            return arrow::date32();
        case TypeKind::kTimestamp:
            return arrow::timestamp(arrow::TimeUnit::MICRO);
        case TypeKind::kTimestampTz:
            return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
        default:
            return arrow::utf8();
    }
}

bool has_file_form(const Column& column) {
    if (column.type().kind != TypeKind::kNumeric || column.type().precision < 0) return true;
    for (size_t row = 0; row < column.length(); ++row) {
        if (!column.is_null(row) && !column.at<Numeric>(row).is_finite()) return false;
    }
    return true;
}

Result<std::shared_ptr<arrow::Array>> to_arrow(const Column& column) {
    if (is_text_in_files(column.type())) return text_to_arrow(column);
    switch (column.type().kind) {
        case TypeKind::kBool:
            return build(arrow::BooleanBuilder(), column, [&](auto& builder, size_t row) {
                return builder.Append(column.at<uint8_t>(row) != 0);
            });
        case TypeKind::kInt4:
            return build(arrow::Int32Builder(), column, [&](auto& builder, size_t row) {
                return builder.Append(column.at<int32_t>(row));
            });
        case TypeKind::kInt8:
            return build(arrow::Int64Builder(), column, [&](auto& builder, size_t row) {
                return builder.Append(column.at<int64_t>(row));
            });
        case TypeKind::kNumeric:
            return numeric_to_arrow(column);
        case TypeKind::kFloat8:
            return build(arrow::DoubleBuilder(), column, [&](auto& builder, size_t row) {
                return builder.Append(column.at<double>(row));
            });
        case TypeKind::kDate:
            return build(arrow::Date32Builder(), column, [&](auto& builder, size_t row) {
                return builder.Append(unix_days(column.at<int32_t>(row)));
            });
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return build(
                arrow::TimestampBuilder(arrow_type_of(column.type()), arrow::default_memory_pool()),
                column, [&](auto& builder, size_t row) {
                    return builder.Append(unix_us(column.at<int64_t>(row)));
                });
        default:
            return internal_error("type {} has no form in a segment", column.type().name());
    }
}

Result<Column> from_arrow(const std::shared_ptr<arrow::Array>& array, const Type& type) {
    if (array->type_id() == arrow::Type::DICTIONARY) {
        return dictionary_from_arrow(array).with_type(type);
    }
    if (type.kind == TypeKind::kText) return text_from_arrow(array).with_type(type);
    if (is_text_in_files(type)) return parsed_from_arrow(*array, type);
    const auto same = [](auto value) { return value; };
    switch (type.kind) {
        case TypeKind::kBool:
            return fixed_from_arrow<arrow::BooleanArray, uint8_t>(
                *array, type, [](bool value) { return static_cast<uint8_t>(value ? 1 : 0); });
        case TypeKind::kInt4:
            return fixed_from_arrow<arrow::Int32Array, int32_t>(*array, type, same);
        case TypeKind::kInt8:
            return fixed_from_arrow<arrow::Int64Array, int64_t>(*array, type, same);
        case TypeKind::kNumeric:
            return numeric_from_arrow(*array, type);
        case TypeKind::kFloat8:
            return fixed_from_arrow<arrow::DoubleArray, double>(*array, type, same);
        case TypeKind::kDate:
            return fixed_from_arrow<arrow::Date32Array, int32_t>(*array, type, from_unix_days);
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return fixed_from_arrow<arrow::TimestampArray, int64_t>(*array, type, from_unix_us);
        default:
            return internal_error("type {} has no form in a segment", type.name());
    }
}

}  // namespace braid::dataset
