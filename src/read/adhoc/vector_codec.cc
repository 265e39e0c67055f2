// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <duckdb.h>

#include "base/check.h"
#include "base/error_makers.h"
#include "columnar/kind_switch.h"
#include "operators/expr/numeric_blob.h"
#include "read/adhoc/physical_internal.h"
#include "read/adhoc/vector_codec_internal.h"

namespace braid::read {

namespace {

using operators::decode_interval_blob;
using operators::decode_numeric_blob;
using operators::encode_interval_blob;
using operators::encode_numeric_blob;

constexpr size_t kInlineBytesMax = 12;  // of duckdb_string_t

duckdb_type type_of(Physical form) {
    switch (form) {
        case Physical::kBoolean:
            return DUCKDB_TYPE_BOOLEAN;
        case Physical::kInteger:
            return DUCKDB_TYPE_INTEGER;
        case Physical::kBigint:
            return DUCKDB_TYPE_BIGINT;
        case Physical::kDouble:
            return DUCKDB_TYPE_DOUBLE;
        case Physical::kVarchar:
            return DUCKDB_TYPE_VARCHAR;
        case Physical::kBlob:
            return DUCKDB_TYPE_BLOB;
    }
    std::unreachable();
}

std::string_view view_of(const duckdb_string_t& value) {
    const uint32_t length = value.value.inlined.length;
    return {length <= kInlineBytesMax ? value.value.inlined.inlined : value.value.pointer.ptr,
            length};
}

/// One byte per row as columns want it; empty when nothing is NULL.
std::vector<uint8_t> validity_of(DuckVector vector, size_t count) {
    const uint64_t* bits = duckdb_vector_get_validity(vector);
    std::vector<uint8_t> validity;
    if (bits == nullptr) return validity;
    validity.resize(count);
    bool has_null = false;
    for (size_t row = 0; row < count; ++row) {
        validity[row] = static_cast<uint8_t>(bits[row / 64] >> (row % 64) & 1);
        has_null |= validity[row] == 0;
    }
    if (!has_null) validity.clear();
    return validity;
}

template <typename T>
Result<std::vector<T>> read_values(const void* data, size_t count,
                                   const std::vector<uint8_t>& validity) {
    if constexpr (std::is_arithmetic_v<T>) {
        const T* values = static_cast<const T*>(data);
        return std::vector<T>(values, values + count);
    } else {
        const auto* strings = static_cast<const duckdb_string_t*>(data);
        std::vector<T> values(count);
        for (size_t row = 0; row < count; ++row) {
            if (!validity.empty() && validity[row] == 0) continue;
            const std::string_view bytes = view_of(strings[row]);
            bool is_good = true;
            if constexpr (std::is_same_v<T, Numeric>) {
                is_good = decode_numeric_blob(bytes, values[row]);
            } else if constexpr (std::is_same_v<T, Interval64>) {
                is_good = decode_interval_blob(bytes, values[row]);
            } else {
                values[row] = bytes;
            }
            if (!is_good) return internal_error("bytes from DuckDB are no value of ours");
        }
        return values;
    }
}

/// Clears bits of rows that are NULL.
class NullWriter {
  public:
    explicit NullWriter(DuckVector vector, size_t first = 0) : vector_(vector), first_(first) {}
    void set_null(size_t row) {
        row += first_;
        if (bits_ == nullptr) {
            duckdb_vector_ensure_validity_writable(vector_);
            bits_ = duckdb_vector_get_validity(vector_);
        }
        bits_[row / 64] &= ~(uint64_t{1} << (row % 64));
    }

  private:
    DuckVector vector_;
    size_t first_;
    uint64_t* bits_ = nullptr;
};

/// Sets strings of a vector, those that fit in place.
class StringWriter {
  public:
    explicit StringWriter(DuckVector vector, size_t first)
        : vector_(vector),
          first_(first),
          strings_(static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))) {}
    void set(size_t row, std::string_view bytes) {
        row += first_;
        if (bytes.size() > kInlineBytesMax) {
            duckdb_unsafe_vector_assign_string_element_len(vector_, row, bytes.data(),
                                                           bytes.size());
            return;
        }
        // The rest must be zero: DuckDB compares and hashes all of it.
        duckdb_string_t value{};
        value.value.inlined.length = static_cast<uint32_t>(bytes.size());
        if (!bytes.empty()) {
            std::memcpy(value.value.inlined.inlined, bytes.data(), bytes.size());
        }
        strings_[row] = value;
    }

  private:
    DuckVector vector_;
    size_t first_;
    duckdb_string_t* strings_;
};

void set_value(StringWriter& writer, size_t row, std::string_view value) { writer.set(row, value); }
void set_value(StringWriter& writer, size_t row, const Numeric& value) {
    const auto blob = encode_numeric_blob(value);
    writer.set(row, {blob.data(), blob.size()});
}
void set_value(StringWriter& writer, size_t row, const Interval64& value) {
    const auto blob = encode_interval_blob(value);
    writer.set(row, {blob.data(), blob.size()});
}

template <typename T>
void write_flat(const Column& column, size_t from, size_t count, DuckVector vector, size_t at) {
    const std::span<const uint8_t> validity = column.validity();
    if (!validity.empty()) {
        NullWriter nulls(vector, at);
        for (size_t row = 0; row < count; ++row) {
            if (validity[from + row] == 0) nulls.set_null(row);
        }
    }
    const T* values = column.values<T>().data() + from;
    if constexpr (std::is_arithmetic_v<T>) {
        if (count > 0) {
            std::memcpy(static_cast<T*>(duckdb_vector_get_data(vector)) + at, values,
                        count * sizeof(T));
        }
    } else {
        StringWriter writer(vector, at);
        for (size_t row = 0; row < count; ++row) {
            if (validity.empty() || validity[from + row] != 0) set_value(writer, row, values[row]);
        }
    }
}

template <typename T>
void write_any(const Column& column, size_t from, size_t count, DuckVector vector, size_t at) {
    NullWriter nulls(vector, at);
    const auto each = [&](auto&& set) {
        for (size_t row = 0; row < count; ++row) {
            if (column.is_null(from + row)) {
                nulls.set_null(row);
            } else {
                set(row, column.at<T>(from + row));
            }
        }
    };
    if constexpr (std::is_arithmetic_v<T>) {
        T* values = static_cast<T*>(duckdb_vector_get_data(vector)) + at;
        each([&](size_t row, T value) { values[row] = value; });
    } else {
        StringWriter writer(vector, at);
        each([&](size_t row, const T& value) { set_value(writer, row, value); });
    }
}

}  // namespace

_duckdb_logical_type* make_logical_type(TypeKind kind) {
    return duckdb_create_logical_type(type_of(physical_of(kind)));
}

bool has_form_of(DuckVector vector, TypeKind kind) {
    duckdb_logical_type type = duckdb_vector_get_column_type(vector);
    const duckdb_type id = duckdb_get_type_id(type);
    duckdb_destroy_logical_type(&type);
    return id == type_of(physical_of(kind));
}

Result<Column> read_vector(DuckVector vector, const Type& type, size_t count, Keepalive keepalive) {
    const void* data = duckdb_vector_get_data(vector);
    std::vector<uint8_t> validity = validity_of(vector, count);
    return switch_kind(type.kind, [&]<typename T>(std::type_identity<T>) -> Result<Column> {
        std::vector<T> values = TRY(read_values<T>(data, count, validity));
        return Column::flat<T>(type, std::move(values), std::move(validity), std::move(keepalive));
    });
}

void write_vector(const Column& column, size_t from, size_t count, DuckVector vector, size_t at) {
    switch_kind(column.type().kind, [&]<typename T>(std::type_identity<T>) {
        if (column.encoding() == Column::Encoding::kFlat) {
            write_flat<T>(column, from, count, vector, at);
        } else {
            write_any<T>(column, from, count, vector, at);
        }
    });
}

DictionaryWriter::DictionaryWriter(DictionaryWriter&& other) noexcept
    : loaded_(std::move(other.loaded_)), vector_(std::exchange(other.vector_, nullptr)) {}

DictionaryWriter::~DictionaryWriter() { clear(); }

void DictionaryWriter::clear() {
    if (vector_ != nullptr) duckdb_destroy_vector(&vector_);
    vector_ = nullptr;
}

void DictionaryWriter::load(const Column& dictionary) {
    clear();
    loaded_ = dictionary;
    duckdb_logical_type type = make_logical_type(dictionary.type().kind);
    // One entry more, for NULL.
    vector_ = duckdb_create_vector(type, dictionary.length() + 1);
    duckdb_destroy_logical_type(&type);
    write_vector(dictionary, 0, dictionary.length(), vector_);
    NullWriter(vector_).set_null(dictionary.length());
}

void DictionaryWriter::write(const Column& column, size_t from, size_t count, DuckVector vector) {
    const bool is_dictionary = column.encoding() == Column::Encoding::kDictionary;
    // A dictionary with more entries than there are rows to come would cost more than it saves; and
    // small values are cheaper copied.
    if (!is_dictionary || value_size(column.type().kind) <= 8 ||
        column.dictionary().length() > column.length()) {
        write_vector(column, from, count, vector);
        return;
    }
    const Column& dictionary = column.dictionary();
    const auto address = [](const Column& each) {
        return switch_kind(each.type().kind, [&]<typename T>(std::type_identity<T>) {
            return static_cast<const void*>(each.values<T>().data());
        });
    };
    if (vector_ == nullptr || loaded_.length() != dictionary.length() ||
        address(loaded_) != address(dictionary)) {
        load(dictionary);
    }
    duckdb_selection_vector selection = duckdb_create_selection_vector(count);
    sel_t* entries = duckdb_selection_vector_get_data_ptr(selection);
    const auto null_entry = static_cast<sel_t>(dictionary.length());
    for (size_t row = 0; row < count; ++row) {
        const int32_t code = column.codes()[from + row];
        entries[row] = code < 0 ? null_entry : static_cast<sel_t>(code);
    }
    duckdb_vector_reference_vector(vector, vector_);
    duckdb_slice_vector(vector, selection, count);
    duckdb_destroy_selection_vector(selection);
}

}  // namespace braid::read
