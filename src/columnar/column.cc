// SPDX-License-Identifier: Apache-2.0
#include "columnar/column.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "columnar/kind_switch.h"

namespace braid {

Column Column::constant(const Datum& value, size_t length) {
    ColumnBuilder builder(value.type, 1);
    builder.append(value);
    Column column = builder.finish();
    column.encoding_ = Encoding::kConstant;
    column.length_ = length;
    return column;
}

Column Column::dictionary(Column dictionary, std::vector<int32_t> codes) {
    CHECK(dictionary.encoding_ == Encoding::kFlat);
    Column column;
    column.type_ = dictionary.type_;
    column.encoding_ = Encoding::kDictionary;
    column.length_ = codes.size();
    if (!codes.empty()) {
        const auto [low, high] = std::ranges::minmax(codes);
        CHECK(low >= -1);
        CHECK(high < static_cast<int64_t>(dictionary.length_));
        column.codes_have_null_ = low < 0;
    }
    auto held = std::make_shared<const std::vector<int32_t>>(std::move(codes));
    column.codes_ = *held;
    column.values_owner_ = std::move(held);
    column.dictionary_ = std::make_shared<const Column>(std::move(dictionary));
    return column;
}

bool Column::may_have_nulls() const {
    if (encoding_ == Encoding::kDictionary)
        return codes_have_null_ || dictionary_->may_have_nulls();
    return !validity_.empty();
}

bool Column::is_null(size_t row) const {
    switch (encoding_) {
        case Encoding::kFlat:
            return !validity_.empty() && validity_[row] == 0;
        case Encoding::kConstant:
            return !validity_.empty() && validity_[0] == 0;
        case Encoding::kDictionary:
            return codes_[row] < 0 || dictionary_->is_null(static_cast<size_t>(codes_[row]));
    }
    return false;
}

Datum Column::datum(size_t row) const {
    if (is_null(row)) return Datum::null(type_);
    switch (type_.kind) {
        case TypeKind::kBool:
            return {type_, at<uint8_t>(row) != 0};
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return {type_, at<int32_t>(row)};
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return {type_, at<int64_t>(row)};
        case TypeKind::kNumeric:
            return {type_, at<Numeric>(row)};
        case TypeKind::kFloat8:
            return {type_, at<double>(row)};
        case TypeKind::kInterval:
            return {type_, at<Interval64>(row)};
        case TypeKind::kUnknown:
        case TypeKind::kText:
            return {type_, std::string(at<std::string_view>(row))};
    }
    return Datum::null(type_);
}

Column Column::flattened() const {
    if (encoding_ == Encoding::kFlat) return *this;
    std::vector<uint32_t> rows(length_, 0);
    if (encoding_ == Encoding::kConstant) {
        Column single = *this;
        single.encoding_ = Encoding::kFlat;
        single.length_ = 1;
        return single.gather(rows);
    }
    if (dictionary_->length_ == 0) {
        ColumnBuilder nulls(type_, length_);
        for (size_t row = 0; row < length_; row++) nulls.append_null();
        return nulls.finish();
    }
    // A NULL row takes any value of the dictionary: its value is unspecified but readable.
    for (size_t row = 0; row < length_; row++) {
        rows[row] = static_cast<uint32_t>(std::max(codes_[row], 0));
    }
    Column column = dictionary_->gather(rows).with_type(type_);
    if (!codes_have_null_) return column;
    auto validity = std::make_shared<std::vector<uint8_t>>(length_);
    for (size_t row = 0; row < length_; row++) (*validity)[row] = is_null(row) ? 0 : 1;
    column.validity_ = *validity;
    column.validity_owner_ = std::move(validity);
    return column;
}

namespace {

template <typename T>
std::shared_ptr<T[]> gathered(const T* from, std::span<const uint32_t> rows) {
    auto buffer = std::make_shared_for_overwrite<T[]>(rows.size());
    T* to = buffer.get();
    for (size_t i = 0; i < rows.size(); i++) to[i] = from[rows[i]];
    return buffer;
}

}  // namespace

template <typename T>
Column Column::gather_values(std::span<const uint32_t> rows) const {
    Column column;
    column.type_ = type_;
    column.length_ = rows.size();
    auto values = gathered(static_cast<const T*>(values_), rows);
    column.values_ = values.get();
    column.values_owner_ = std::move(values);
    if (!validity_.empty()) {
        auto validity = gathered(validity_.data(), rows);
        column.validity_ = {validity.get(), rows.size()};
        column.validity_owner_ = std::move(validity);
    }
    column.bytes_owner_ = bytes_owner_;
    return column;
}

Column Column::gather(std::span<const uint32_t> rows) const {
    if (encoding_ == Encoding::kConstant) {
        Column column = *this;
        column.length_ = rows.size();
        return column;
    }
    if (encoding_ == Encoding::kDictionary) {
        Column column = *this;
        column.length_ = rows.size();
        auto codes = gathered(codes_.data(), rows);
        column.codes_ = {codes.get(), rows.size()};
        column.values_owner_ = std::move(codes);
        return column;
    }
    return switch_kind(type_.kind,
                       [&]<typename T>(std::type_identity<T>) { return gather_values<T>(rows); });
}

Column Column::slice(size_t from, size_t length) const {
    CHECK(from <= length_ && length <= length_ - from);
    Column column = *this;
    column.length_ = length;
    if (encoding_ == Encoding::kConstant) return column;
    if (encoding_ == Encoding::kDictionary) {
        column.codes_ = codes_.subspan(from, length);
        return column;
    }
    if (!validity_.empty()) column.validity_ = validity_.subspan(from, length);
    column.values_ = static_cast<const char*>(values_) + from * value_size(type_.kind);
    return column;
}

Column Column::with_type(Type type) const {
    CHECK(type.kind == type_.kind || (is_text(type.kind) && is_text(type_.kind)));
    Column column = *this;
    column.type_ = type;
    if (dictionary_)
        column.dictionary_ = std::make_shared<const Column>(dictionary_->with_type(type));
    return column;
}

size_t Column::bytes_used() const {
    if (encoding_ == Encoding::kDictionary) {
        return codes_.size_bytes() + dictionary_->bytes_used();
    }
    const size_t count = encoding_ == Encoding::kConstant ? 1 : length_;
    size_t bytes = count * value_size(type_.kind) + validity_.size_bytes();
    if (is_text(type_.kind)) {
        for (const std::string_view text : values<std::string_view>()) bytes += text.size();
    }
    return bytes;
}

int Schema::find(std::string_view name) const {
    for (size_t i = 0; i < fields.size(); i++) {
        if (fields[i].name == name) return static_cast<int>(i);
    }
    return -1;
}

Batch Batch::gather(std::span<const uint32_t> rows) const {
    Batch batch{rows.size(), {}};
    batch.columns.reserve(columns.size());
    for (const Column& column : columns) batch.columns.push_back(column.gather(rows));
    return batch;
}

Batch Batch::slice(size_t from, size_t length_wanted) const {
    Batch batch{length_wanted, {}};
    batch.columns.reserve(columns.size());
    for (const Column& column : columns) batch.columns.push_back(column.slice(from, length_wanted));
    return batch;
}

}  // namespace braid
