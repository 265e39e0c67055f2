// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/error_makers.h"
#include "base/result.h"
#include "columnar/decimal_internal.h"
#include "columnar/key_codec.h"
#include "columnar/key_value_internal.h"
#include "columnar/kind_switch.h"

namespace braid {
namespace {

using keys::NumericClass;

Error bad_key(const Type& type) {
    return corrupt("key does not hold a value of type {}", type.name());
}

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

/// Bytes of a numeric that is not NULL, 0 if its end is missing.
size_t numeric_size(std::string_view bytes) {
    const uint8_t first = byte_at(bytes, 0);
    if (first != static_cast<uint8_t>(NumericClass::kPositive) &&
        first != static_cast<uint8_t>(NumericClass::kNegative)) {
        return 1;
    }
    constexpr size_t kDigitsFrom = 3;
    if (bytes.size() <= kDigitsFrom) return 0;
    const char end = first == static_cast<uint8_t>(NumericClass::kPositive) ? '\x00' : '\xff';
    const size_t at = bytes.substr(0, keys::kNumericBytesMax).find(end, kDigitsFrom);
    return at == std::string_view::npos ? 0 : at + 1;
}

/// Bytes of the first value, 0 if it is not whole.
size_t value_length(std::string_view bytes, TypeKind kind) {
    if (bytes.empty()) return 0;
    if (byte_at(bytes, 0) == keys::kNull) return 1;
    return switch_kind(kind, [&]<typename T>(std::type_identity<T>) -> size_t {
        if constexpr (std::is_same_v<T, std::string_view>) {
            const size_t end = bytes.find(static_cast<char>(keys::kTextEnd));
            return end == std::string_view::npos ? 0 : end + 1;
        } else if constexpr (std::is_same_v<T, Numeric>) {
            return numeric_size(bytes);
        } else {
            const size_t length = keys::size(T{});
            return bytes.size() < length ? 0 : length;
        }
    });
}

/// Digits of a finite numeric other than 0, in the only form that the encoder writes; false if they
/// are in another.
bool read_digits(std::string_view pairs, bool negative, uint128& digits, int& count) {
    for (const char pair : pairs) {
        const int value = (static_cast<uint8_t>(pair) ^ (negative ? 0xff : 0)) - 1;
        if (value < 0 || value > 99 || count >= Numeric::kDigitsMax) return false;
        digits = digits * 100 + static_cast<unsigned>(value);
        count += 2;
    }
    if (count == 0 || digits % 100 == 0 || digits < decimal::pow10(count - 1)) return false;
    if (digits % 10 == 0) {
        digits /= 10;
        count--;
    }
    return true;
}

bool decode_numeric(std::string_view bytes, const Type& type, Numeric& value) {
    const int scale_wanted = type.precision >= 0 ? std::max<int>(type.scale, 0) : 0;
    switch (static_cast<NumericClass>(byte_at(bytes, 0))) {
        case NumericClass::kNegativeInfinity:
            value.kind = Numeric::Kind::kNegativeInfinity;
            return true;
        case NumericClass::kInfinity:
            value.kind = Numeric::Kind::kInfinity;
            return true;
        case NumericClass::kNaN:
            value.kind = Numeric::Kind::kNaN;
            return true;
        case NumericClass::kZero:
            value.scale = static_cast<int16_t>(scale_wanted);
            return true;
        case NumericClass::kPositive:
        case NumericClass::kNegative:
            break;
        default:
            return false;
    }
    const bool negative = byte_at(bytes, 0) == static_cast<uint8_t>(NumericClass::kNegative);
    const int exponent_bits =
        (byte_at(bytes, 1) << 8 | byte_at(bytes, 2)) ^ (negative ? 0xffff : 0);
    uint128 digits = 0;
    int count = 0;
    if (!read_digits(bytes.substr(3, bytes.size() - 4), negative, digits, count)) return false;
    const int scale = count - (exponent_bits - keys::kExponentBias);
    if (scale > decimal::kScaleMax || count - scale > Numeric::kDigitsMax) return false;
    // The scale of the declared type comes back; without one, as few decimals as the value needs.
    const int shown = std::max(scale, std::min(scale_wanted, scale + Numeric::kDigitsMax - count));
    const int scale_kept = std::max(shown, 0);
    value.unscaled = decimal::with_sign(digits * decimal::pow10(scale_kept - scale), negative);
    value.scale = static_cast<int16_t>(scale_kept);
    return true;
}

/// Days and time of the span. What the days cannot hold goes to the months, and what those cannot
/// hold back to the time: so every span that an interval has is an interval again.
Interval64 interval_of(int128 span) {
    constexpr int64_t kDayUs = 86'400'000'000;
    constexpr int kDaysPerMonth = 30;
    Interval64 value;
    auto days = static_cast<int64_t>(span / kDayUs);
    if (days < INT32_MIN || days > INT32_MAX) {
        value.months =
            static_cast<int32_t>(std::clamp<int64_t>(days / kDaysPerMonth, INT32_MIN, INT32_MAX));
        days -= int64_t{value.months} * kDaysPerMonth;
    }
    value.days = static_cast<int32_t>(std::clamp<int64_t>(days, INT32_MIN, INT32_MAX));
    value.us = static_cast<int64_t>(span - keys::span_us(value));
    return value;
}

bool decode_interval(std::string_view bytes, Interval64& value) {
    uint128 biased = 0;
    for (size_t i = 0; i < keys::kIntervalBytes; i++) biased = biased << 8 | byte_at(bytes, 1 + i);
    const auto span = static_cast<int128>(biased) - (int128{1} << (keys::kIntervalBytes * 8 - 1));
    value = interval_of(span);
    return keys::span_us(value) == span;
}

/// Appends a value that is not NULL; `bytes` is exactly its length. False if they are no such
/// value.
bool decode(std::string_view bytes, const Type& type, ColumnBuilder& out) {
    switch (type.kind) {
        case TypeKind::kUnknown:
        case TypeKind::kText:
            out.append_text(bytes.substr(0, bytes.size() - 1));
            return true;
        case TypeKind::kNumeric: {
            Numeric value;
            if (!decode_numeric(bytes, type, value)) return false;
            out.append_numeric(value);
            return true;
        }
        case TypeKind::kBool:
            if (byte_at(bytes, 0) > 1) return false;
            out.append_bool(byte_at(bytes, 0) == 1);
            return true;
        default:
            break;
    }
    if (byte_at(bytes, 0) != keys::kValue) return false;
    const char* at = bytes.data() + 1;
    switch (type.kind) {
        case TypeKind::kInt4:
        case TypeKind::kDate:
            out.append_int4(
                static_cast<int32_t>(keys::get_big_endian<uint32_t>(at) ^ (uint32_t{1} << 31)));
            return true;
        case TypeKind::kFloat8:
            out.append_float8(keys::from_ordered_bits(keys::get_big_endian<uint64_t>(at)));
            return true;
        case TypeKind::kInterval: {
            Interval64 value;
            if (!decode_interval(bytes, value)) return false;
            out.append_interval(value);
            return true;
        }
        default:
            out.append_int8(
                static_cast<int64_t>(keys::get_big_endian<uint64_t>(at) ^ (uint64_t{1} << 63)));
            return true;
    }
}

}  // namespace

Result<size_t> key_value_size(std::string_view bytes, const Type& type) {
    const size_t length = value_length(bytes, type.kind);
    if (length == 0) return bad_key(type);
    return length;
}

Result<void> decode_key_value(std::string_view& bytes, const Type& type, ColumnBuilder& out) {
    const size_t length = value_length(bytes, type.kind);
    if (length == 0) return bad_key(type);
    if (byte_at(bytes, 0) == keys::kNull) {
        out.append_null();
    } else if (!decode(bytes.substr(0, length), type, out)) {
        return bad_key(type);
    }
    bytes.remove_prefix(length);
    return {};
}

}  // namespace braid
