// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "columnar/datum.h"
#include "columnar/type.h"

namespace braid {

/// Bytes that columns point into, alive while any of them is.
using Keepalive = std::shared_ptr<const void>;

/// Values of one type for the rows of a batch. Immutable once built, cheap to copy (shares its
/// buffers), so it may be read from any thread.
///
/// Three encodings: flat (one value per row), constant (one value for all rows), dictionary (a code
/// per row into a flat dictionary column; text only makes sense here, but any type is allowed). A
/// NULL row has validity 0; its value is unspecified but readable. In a dictionary column NULL is
/// code -1.
class Column {
  public:
    enum class Encoding : uint8_t { kFlat, kConstant, kDictionary };

    Column() = default;

    /// `values` must hold `length` elements of the kind's C++ type; `validity` is empty when
    /// nothing is NULL.
    template <typename T>
    static Column flat(Type type, std::vector<T> values, std::vector<uint8_t> validity = {},
                       Keepalive keepalive = nullptr);
    static Column constant(const Datum& value, size_t length);
    static Column dictionary(Column dictionary, std::vector<int32_t> codes);

    const Type& type() const { return type_; }
    size_t length() const { return length_; }
    Encoding encoding() const { return encoding_; }

    /// Flat: one per row. Constant: exactly one element. Dictionary: not allowed, use dictionary().
    template <typename T>
    std::span<const T> values() const {
        DCHECK(encoding_ != Encoding::kDictionary);
        return {static_cast<const T*>(values_), encoding_ == Encoding::kConstant ? 1 : length_};
    }
    /// 1 = not NULL, per row (flat) or one element (constant); empty when nothing is NULL.
    std::span<const uint8_t> validity() const { return validity_; }
    std::span<const int32_t> codes() const { return codes_; }
    const Column& dictionary() const { return *dictionary_; }

    bool may_have_nulls() const;
    bool is_null(size_t row) const;
    /// Value of a row that is not NULL, whatever the encoding. For loops prefer the spans.
    template <typename T>
    const T& at(size_t row) const {
        if (encoding_ == Encoding::kDictionary) {
            return dictionary_->at<T>(static_cast<size_t>(codes_[row]));
        }
        return static_cast<const T*>(values_)[encoding_ == Encoding::kConstant ? 0 : row];
    }
    Datum datum(size_t row) const;

    /// The same rows as a flat column (itself if it is flat already).
    Column flattened() const;
    /// Rows at the given indexes. Dictionary and constant encodings are kept.
    Column gather(std::span<const uint32_t> rows) const;
    Column slice(size_t from, size_t length) const;
    /// The same column under another type of the same kind (other alias, precision or scale).
    Column with_type(Type type) const;
    size_t bytes_used() const;

  private:
    friend class ColumnBuilder;
    template <typename T>
    Column gather_values(std::span<const uint32_t> rows) const;

    Type type_;
    Encoding encoding_ = Encoding::kFlat;
    size_t length_ = 0;
    const void* values_ = nullptr;
    std::span<const uint8_t> validity_;
    std::span<const int32_t> codes_;
    bool codes_have_null_ = false;  // false only if no code is -1
    std::shared_ptr<const Column> dictionary_;
    // Each holds what the member of that name points to; bytes_owner_ the bytes of text values.
    Keepalive values_owner_;
    Keepalive validity_owner_;
    Keepalive bytes_owner_;
};

template <typename T>
Column Column::flat(Type type, std::vector<T> values, std::vector<uint8_t> validity,
                    Keepalive keepalive) {
    CHECK(validity.empty() || validity.size() == values.size());
    Column column;
    column.type_ = type;
    column.length_ = values.size();
    auto held = std::make_shared<const std::vector<T>>(std::move(values));
    column.values_ = held->data();
    column.values_owner_ = std::move(held);
    if (!validity.empty()) {
        auto valid = std::make_shared<const std::vector<uint8_t>>(std::move(validity));
        column.validity_ = *valid;
        column.validity_owner_ = std::move(valid);
    }
    column.bytes_owner_ = std::move(keepalive);
    return column;
}

/// Builds a flat column value by value. Text is copied into an arena that the column keeps alive,
/// except through append_text_view, whose bytes the caller keeps alive by `hold`.
class ColumnBuilder {
  public:
    explicit ColumnBuilder(Type type, size_t reserve = 0);
    ~ColumnBuilder();
    ColumnBuilder(ColumnBuilder&&) noexcept;
    ColumnBuilder& operator=(ColumnBuilder&&) noexcept;

    const Type& type() const { return type_; }
    size_t length() const;
    void append_null();
    void append_bool(bool value);
    void append_int4(int32_t value);  // kInt4, kDate
    void append_int8(int64_t value);  // kInt8, kTimestamp, kTimestampTz
    void append_float8(double value);
    void append_numeric(const Numeric& value);
    void append_interval(const Interval64& value);
    void append_text(std::string_view value);
    void append_text_view(std::string_view value);
    /// The datum's kind must be the builder's.
    void append(const Datum& value);
    void append_from(const Column& column, size_t row);
    void hold(Keepalive keepalive);
    Column finish();

  private:
    struct Body;
    Type type_;
    std::unique_ptr<Body> body_;
};

struct Field {
    std::string name;
    Type type;
    friend bool operator==(const Field&, const Field&) = default;
};

struct Schema {
    std::vector<Field> fields;
    /// Index by exact name, -1 if there is none.
    int find(std::string_view name) const;
    friend bool operator==(const Schema&, const Schema&) = default;
};

/// Rows as columns of equal length. Schemas travel beside batches, not in them.
struct Batch {
    size_t length = 0;
    std::vector<Column> columns;

    Batch gather(std::span<const uint32_t> rows) const;
    Batch slice(size_t from, size_t length) const;
};

}  // namespace braid
