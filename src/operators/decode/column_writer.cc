// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "operators/decode/column_writer_internal.h"

namespace braid::operators {

std::string_view TextArena::add(std::string_view text) {
    if (text.size() > left_) {
        const size_t bytes = std::max(kBlockBytes, text.size());
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
        next_ = blocks_.back().get();
        left_ = bytes;
    }
    char* at = next_;
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    next_ += text.size();
    left_ -= text.size();
    return {at, text.size()};
}

ColumnWriter::ColumnWriter(Field field, Options options)
    : field_(std::move(field)),
      options_(std::move(options)),
      // varchar(n) and name have rules of their own.
      is_plain_text_(field_.type == Type::of(TypeKind::kText)),
      is_utc_(options_.format.zone == nullptr || options_.format.zone == utc()) {}

bool ColumnWriter::is_time() const {
    const TypeKind kind = field_.type.kind;
    return kind == TypeKind::kDate || kind == TypeKind::kTimestamp ||
           kind == TypeKind::kTimestampTz;
}

void ColumnWriter::start(size_t rows, bool is_wanted, TextArena* arena) {
    rows_ = rows;
    is_wanted_ = is_wanted;
    arena_ = arena;
    validity_.clear();
    if (!is_wanted) return;
    switch (field_.type.kind) {
        case TypeKind::kBool:
            bools_.assign(rows, 0);
            break;
        case TypeKind::kInt4:
        case TypeKind::kDate:
            int4s_.assign(rows, 0);
            break;
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            int8s_.assign(rows, 0);
            break;
        case TypeKind::kFloat8:
            float8s_.assign(rows, 0);
            break;
        case TypeKind::kNumeric:
            numerics_.assign(rows, {});
            break;
        case TypeKind::kInterval:
            intervals_.assign(rows, {});
            break;
        case TypeKind::kText:
        case TypeKind::kUnknown:
            texts_.assign(rows, {});
            break;
    }
}

void ColumnWriter::set_null(uint32_t row) {
    if (!is_wanted_) return;
    if (validity_.empty()) validity_.assign(rows_, 1);
    validity_[row] = 0;
}

bool ColumnWriter::set_unchecked(uint32_t row, std::string_view text, std::string& reason) {
    if (is_valid_utf8(text)) return set(row, text, reason);
    return parse_slowly(row, text, reason);
}

bool ColumnWriter::parse(uint32_t row, std::string_view text, std::string& reason) {
    int64_t integer = 0;
    switch (field_.type.kind) {
        case TypeKind::kInt4:
            if (field_.type.alias != TypeAlias::kNone || !read_integer(text, integer)) break;
            if (integer < INT32_MIN || integer > INT32_MAX) break;
            put(int4s_, row, static_cast<int32_t>(integer));
            return true;
        case TypeKind::kInt8:
            if (field_.type.alias != TypeAlias::kNone || !read_integer(text, integer)) break;
            put(int8s_, row, integer);
            return true;
        case TypeKind::kFloat8: {
            double value = 0;
            if (!read_double(text, value)) break;
            put(float8s_, row, value);
            return true;
        }
        case TypeKind::kNumeric: {
            Numeric value;
            if (!read_decimal(text, value)) break;
            if (field_.type.precision >= 0) {
                const Result<Numeric> fitted = fit(value, field_.type.precision, field_.type.scale);
                if (!fitted) break;
                value = *fitted;
            }
            put(numerics_, row, value);
            return true;
        }
        case TypeKind::kBool:
            if (text != "true" && text != "false") break;
            put(bools_, row, static_cast<uint8_t>(text.size() == 4 ? 1 : 0));
            return true;
        case TypeKind::kDate:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            if (!parse_time(row, text)) break;
            return true;
        default:
            break;
    }
    return parse_slowly(row, text, reason);
}

bool ColumnWriter::parse_time(uint32_t row, std::string_view text) {
    WrittenTime time;
    if (options_.has_log_times ? !read_log_time(text, memo_, time)
                               : !read_iso_time(text, memo_, time)) {
        return false;
    }
    if (field_.type.kind == TypeKind::kDate) {
        // Of a date with a clock PostgreSQL keeps the date as written.
        put(int4s_, row, time.days);
    } else if (field_.type.kind == TypeKind::kTimestamp) {
        // And of a timestamp with a zone the clock as written.
        put(int8s_, row, time.local_us);
    } else if (time.has_zone || is_utc_) {
        put(int8s_, row, time.local_us - time.zone_seconds * kMicrosPerSecond);
    } else {
        put(int8s_, row, options_.format.zone->to_utc_us(time.local_us));
    }
    return true;
}

bool ColumnWriter::parse_slowly(uint32_t row, std::string_view text, std::string& reason) {
    const Result<Datum> value = parse_text(text, field_.type, options_.format);
    if (!value) {
        reason = reason_in_column(field_.name, value.error().message());
        return false;
    }
    if (is_wanted_) store(row, *value);
    return true;
}

void ColumnWriter::store(uint32_t row, const Datum& value) {
    switch (field_.type.kind) {
        case TypeKind::kBool:
            put(bools_, row, static_cast<uint8_t>(value.as<bool>() ? 1 : 0));
            break;
        case TypeKind::kInt4:
        case TypeKind::kDate:
            put(int4s_, row, value.as<int32_t>());
            break;
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            put(int8s_, row, value.as<int64_t>());
            break;
        case TypeKind::kFloat8:
            put(float8s_, row, value.as<double>());
            break;
        case TypeKind::kNumeric:
            put(numerics_, row, value.as<Numeric>());
            break;
        case TypeKind::kInterval:
            put(intervals_, row, value.as<Interval64>());
            break;
        case TypeKind::kText:
        case TypeKind::kUnknown:
            put(texts_, row, arena_->add(value.as<std::string>()));
            break;
    }
}

Column ColumnWriter::finish(const Keepalive& keepalive) {
    if (!is_wanted_) return Column();
    const Type type = field_.type;
    auto valid = std::move(validity_);
    validity_.clear();
    switch (type.kind) {
        case TypeKind::kBool:
            return Column::flat(type, std::move(bools_), std::move(valid));
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return Column::flat(type, std::move(int4s_), std::move(valid));
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return Column::flat(type, std::move(int8s_), std::move(valid));
        case TypeKind::kFloat8:
            return Column::flat(type, std::move(float8s_), std::move(valid));
        case TypeKind::kNumeric:
            return Column::flat(type, std::move(numerics_), std::move(valid));
        case TypeKind::kInterval:
            return Column::flat(type, std::move(intervals_), std::move(valid));
        case TypeKind::kText:
        case TypeKind::kUnknown:
            break;
    }
    return Column::flat(type, std::move(texts_), std::move(valid), keepalive);
}

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the longest beginning of a character at the front; `is_whole` if it is all of one.
size_t character_part(std::string_view bytes, bool& is_whole) {
    const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    const uint8_t lead = at(0);
    is_whole = false;
    if (lead < 0x80) {
        is_whole = lead != 0;
        return 1;
    }
    const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4) return 1;
    for (size_t i = 1; i < size; ++i) {
        if (i == bytes.size()) return i;
        uint8_t low = 0x80;
        uint8_t high = 0xBF;
        if (i == 1 && lead == 0xE0) low = 0xA0;
        if (i == 1 && lead == 0xED) high = 0x9F;
        if (i == 1 && lead == 0xF0) low = 0x90;
        if (i == 1 && lead == 0xF4) high = 0x8F;
        if (at(i) < low || at(i) > high) return i;
    }
    is_whole = true;
    return size;
}

}  // namespace

std::string mended_utf8(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
        bool is_whole = false;
        const size_t size = character_part(bytes, is_whole);
        out += is_whole ? bytes.substr(0, size) : kReplacement;
        bytes.remove_prefix(size);
    }
    return out;
}

std::string one_line(std::string_view text) {
    constexpr size_t kBytesMax = 300;
    std::string out = mended_utf8(text.substr(0, kBytesMax));
    if (text.size() > kBytesMax) out += "…";
    for (char& c : out) {
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) c = ' ';
    }
    return out;
}

std::string reason_in_column(const std::string& column, std::string_view message) {
    return one_line("column \"" + column + "\": " + std::string(message));
}

}  // namespace braid::operators
