// SPDX-License-Identifier: Apache-2.0
#include "columnar/key_codec.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "columnar/decimal_internal.h"
#include "columnar/key_value_internal.h"
#include "columnar/kind_switch.h"

namespace braid {
namespace keys {

char* put(const Interval64& value, char* to) {
    *to = static_cast<char>(kValue);
    const uint128 biased =
        static_cast<uint128>(span_us(value)) + (uint128{1} << (kIntervalBytes * 8 - 1));
    for (size_t i = 0; i < kIntervalBytes; i++) {
        to[1 + i] = static_cast<char>(biased >> ((kIntervalBytes - 1 - i) * 8));
    }
    return to + 1 + kIntervalBytes;
}

namespace {

NumericClass class_of(const Numeric& value) {
    switch (value.kind) {
        case Numeric::Kind::kNaN:
            return NumericClass::kNaN;
        case Numeric::Kind::kInfinity:
            return NumericClass::kInfinity;
        case Numeric::Kind::kNegativeInfinity:
            return NumericClass::kNegativeInfinity;
        case Numeric::Kind::kFinite:
            break;
    }
    if (value.unscaled == 0) return NumericClass::kZero;
    return value.unscaled < 0 ? NumericClass::kNegative : NumericClass::kPositive;
}

/// Writes the digits from the end of `digits`; returns the first.
char* write_digits(uint128 value, std::array<char, 40>& digits) {
    char* at = digits.data() + digits.size();
    while ((value >> 64) != 0) {
        *--at = static_cast<char>(value % 10);
        value /= 10;
    }
    for (auto low = static_cast<uint64_t>(value); low != 0; low /= 10)
        *--at = static_cast<char>(low % 10);
    return at;
}

}  // namespace

char* put_numeric(const Numeric& value, char* to) {
    const NumericClass numeric_class = class_of(value);
    *to++ = static_cast<char>(numeric_class);
    if (numeric_class != NumericClass::kPositive && numeric_class != NumericClass::kNegative)
        return to;
    std::array<char, 40> digits;
    const char* at = write_digits(decimal::magnitude(value.unscaled), digits);
    const char* end = digits.data() + digits.size();
    const auto exponent = static_cast<uint32_t>(kExponentBias + (end - at) - value.scale);
    while (end[-1] == 0) end--;
    char* const from = to;
    *to++ = static_cast<char>(exponent >> 8);
    *to++ = static_cast<char>(exponent);
    for (; at < end; at += 2) {
        const int low = at + 1 < end ? at[1] : 0;
        *to++ = static_cast<char>(at[0] * 10 + low + 1);
    }
    *to++ = 0;
    if (numeric_class == NumericClass::kNegative) {
        for (char* byte = from; byte < to; byte++) *byte = static_cast<char>(~*byte);
    }
    return to;
}

}  // namespace keys

namespace {

void append_null(std::string& out) { out.push_back(static_cast<char>(keys::kNull)); }

template <typename T>
void append_value(const T& value, std::string& out) {
    if constexpr (std::is_same_v<T, Numeric>) {
        std::array<char, keys::kNumericBytesMax> bytes;
        out.append(bytes.data(), keys::put_numeric(value, bytes.data()));
    } else if constexpr (std::is_same_v<T, std::string_view>) {
        DCHECK(value.find('\0') == std::string_view::npos);
        out.append(value);
        out.push_back(static_cast<char>(keys::kTextEnd));
    } else {
        std::array<char, 16> bytes;
        out.append(bytes.data(), keys::put(value, bytes.data()));
    }
}

}  // namespace

void encode_key(const Datum& value, std::string& out) {
    if (value.is_null()) return append_null(out);
    switch_kind(value.type.kind, [&]<typename T>(std::type_identity<T>) {
        if constexpr (std::is_same_v<T, uint8_t>) {
            append_value<uint8_t>(value.as<bool>() ? 1 : 0, out);
        } else if constexpr (std::is_same_v<T, std::string_view>) {
            append_value<std::string_view>(value.as<std::string>(), out);
        } else {
            append_value(value.as<T>(), out);
        }
    });
}

void encode_key_value(const Column& column, size_t row, std::string& out) {
    if (column.is_null(row)) return append_null(out);
    switch_kind(column.type().kind,
                [&]<typename T>(std::type_identity<T>) { append_value(column.at<T>(row), out); });
}

namespace {

/// Writers of one column's part of each key. Rows are named by their place in `rows`.

/// Values as they lie, of every kind but numeric.
template <typename T>
struct FlatWriter {
    const T* values;
    const uint8_t* validity;  // nullptr: nothing is NULL
    const uint32_t* rows;

    size_t size(size_t i) const {
        if (validity != nullptr && validity[rows[i]] == 0) return 1;
        return keys::size(values[rows[i]]);
    }
    char* put(size_t i, char* to) const {
        if (validity != nullptr && validity[rows[i]] == 0) {
            *to = static_cast<char>(keys::kNull);
            return to + 1;
        }
        return keys::put(values[rows[i]], to);
    }
};

/// Text lies in the dictionary almost as it stands in a key, so it is not encoded twice.
struct DictionaryTextWriter {
    const std::string_view* values;
    const int32_t* codes;
    const uint32_t* rows;

    size_t size(size_t i) const {
        const int32_t code = codes[rows[i]];
        return code < 0 ? 1 : values[code].size() + 1;
    }
    char* put(size_t i, char* to) const {
        const int32_t code = codes[rows[i]];
        if (code >= 0) return keys::put(values[code], to);
        *to = static_cast<char>(keys::kNull);
        return to + 1;
    }
};

/// Copies values that were encoded once each: a constant, the entries of a dictionary, numerics.
struct EncodedWriter {
    enum class Index { kPlace, kCode, kZero };

    std::string bytes;
    std::vector<uint32_t> starts{0};
    Index index;
    const int32_t* codes = nullptr;
    const uint32_t* rows;

    EncodedWriter(Index how, const uint32_t* for_rows) : index(how), rows(for_rows) {}

    void add(const Column& column, size_t row) {
        encode_key_value(column, row, bytes);
        CHECK_LE(bytes.size(), size_t{UINT32_MAX});
        starts.push_back(static_cast<uint32_t>(bytes.size()));
    }
    /// The last entry is NULL when rows go by code.
    size_t entry(size_t i) const {
        if (index == Index::kPlace) return i;
        if (index == Index::kZero) return 0;
        const int32_t code = codes[rows[i]];
        return code < 0 ? starts.size() - 2 : static_cast<size_t>(code);
    }
    size_t size(size_t i) const {
        const size_t at = entry(i);
        return starts[at + 1] - starts[at];
    }
    char* put(size_t i, char* to) const {
        const size_t at = entry(i);
        const size_t length = starts[at + 1] - starts[at];
        keys::copy_bytes(bytes.data() + starts[at], length, to);
        return to + length;
    }
};

using ColumnWriter =
    std::variant<FlatWriter<uint8_t>, FlatWriter<int32_t>, FlatWriter<int64_t>, FlatWriter<double>,
                 FlatWriter<Interval64>, FlatWriter<std::string_view>, DictionaryTextWriter,
                 EncodedWriter>;

ColumnWriter flat_writer(const Column& column, std::span<const uint32_t> rows) {
    const uint8_t* validity = column.validity().empty() ? nullptr : column.validity().data();
    return switch_kind(column.type().kind, [&]<typename T>(std::type_identity<T>) -> ColumnWriter {
        if constexpr (std::is_same_v<T, Numeric>) {
            EncodedWriter writer(EncodedWriter::Index::kPlace, rows.data());
            for (const uint32_t row : rows) writer.add(column, row);
            return writer;
        } else {
            return FlatWriter<T>{column.values<T>().data(), validity, rows.data()};
        }
    });
}

ColumnWriter dictionary_writer(const Column& column, std::span<const uint32_t> rows) {
    const Column& dictionary = column.dictionary();
    if (is_text(column.type().kind) && !dictionary.may_have_nulls()) {
        return DictionaryTextWriter{dictionary.values<std::string_view>().data(),
                                    column.codes().data(), rows.data()};
    }
    EncodedWriter writer(EncodedWriter::Index::kCode, rows.data());
    writer.codes = column.codes().data();
    for (size_t code = 0; code < dictionary.length(); code++) writer.add(dictionary, code);
    writer.add(Column::constant(Datum::null(column.type()), 1), 0);
    return writer;
}

ColumnWriter writer_of(const Column& column, std::span<const uint32_t> rows) {
    switch (column.encoding()) {
        case Column::Encoding::kFlat:
            return flat_writer(column, rows);
        case Column::Encoding::kDictionary:
            // Encoding a dictionary much larger than the rows would cost more than it saves.
            if (column.dictionary().length() <= rows.size() || is_text(column.type().kind)) {
                return dictionary_writer(column, rows);
            } else {
                EncodedWriter writer(EncodedWriter::Index::kPlace, rows.data());
                for (const uint32_t row : rows) writer.add(column, row);
                return writer;
            }
        case Column::Encoding::kConstant: {
            EncodedWriter writer(EncodedWriter::Index::kZero, rows.data());
            writer.add(column, 0);
            return writer;
        }
    }
    return flat_writer(column, rows);
}

}  // namespace

void encode_keys(std::span<const Column> columns, std::span<const uint32_t> rows,
                 EncodedKeys& out) {
    std::vector<ColumnWriter> writers;
    writers.reserve(columns.size());
    for (const Column& column : columns) writers.push_back(writer_of(column, rows));

    // Column by column, first the sizes, then the bytes: the kind is asked once a column, not once
    // a value.
    out.ends.assign(rows.size(), 0);
    for (const ColumnWriter& column : writers) {
        std::visit(
            [&](const auto& writer) {
                for (size_t i = 0; i < rows.size(); i++) {
                    out.ends[i] += static_cast<uint32_t>(writer.size(i));
                }
            },
            column);
    }
    std::vector<uint32_t> cursors(rows.size());
    uint64_t total = 0;
    for (size_t i = 0; i < rows.size(); i++) {
        cursors[i] = static_cast<uint32_t>(total);
        total += out.ends[i];
        out.ends[i] = static_cast<uint32_t>(total);
    }
    CHECK_LE(total, uint64_t{UINT32_MAX});
    out.bytes.resize_and_overwrite(total, [&](char* bytes, size_t size) {
        for (const ColumnWriter& column : writers) {
            std::visit(
                [&](const auto& writer) {
                    for (size_t i = 0; i < rows.size(); i++) {
                        cursors[i] =
                            static_cast<uint32_t>(writer.put(i, bytes + cursors[i]) - bytes);
                    }
                },
                column);
        }
        return size;
    });
}

}  // namespace braid
