// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "columnar/numeric.h"
#include "columnar/type.h"

/// The key form of one value (docs/formats/keys.md): what it takes and how it is written. `put`
/// writes exactly `size` bytes and returns their end.
namespace braid::keys {

/// NULL is this one byte in every type; nothing else begins with it, and nothing sorts above it.
inline constexpr uint8_t kNull = 0xff;
/// Begins every value of a fixed width above one byte.
inline constexpr uint8_t kValue = 0x00;
inline constexpr uint8_t kTextEnd = 0x00;
inline constexpr size_t kIntervalBytes = 10;
/// Class, exponent, 19 pairs of digits, end.
inline constexpr size_t kNumericBytesMax = 1 + 2 + Numeric::kDigitsMax / 2 + 1;

enum class NumericClass : uint8_t {
    kNegativeInfinity = 0x10,
    kNegative = 0x20,
    kZero = 0x30,
    kPositive = 0x40,
    kInfinity = 0x50,
    kNaN = 0x60,
};
inline constexpr int kExponentBias = 0x8000;

template <typename T>
char* put_big_endian(T value, char* to) {
    if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
    std::memcpy(to, &value, sizeof value);
    return to + sizeof value;
}
template <typename T>
T get_big_endian(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
    return value;
}

/// Bits that order as unsigned integers like the doubles, with one NaN above all and one zero.
inline uint64_t ordered_bits(double value) {
    if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
    if (value == 0) value = 0;
    const auto bits = std::bit_cast<uint64_t>(value);
    return (bits >> 63) != 0 ? ~bits : bits | (uint64_t{1} << 63);
}
inline double from_ordered_bits(uint64_t bits) {
    return std::bit_cast<double>((bits >> 63) != 0 ? bits & ~(uint64_t{1} << 63) : ~bits);
}

/// What PostgreSQL compares intervals by: a month counts 30 days, a day 24 hours.
inline int128 span_us(const Interval64& value) {
    constexpr int64_t kDayUs = 86'400'000'000;
    return (int128{value.months} * 30 + value.days) * kDayUs + value.us;
}

inline size_t size(uint8_t) { return 1; }
inline size_t size(int32_t) { return 1 + sizeof(int32_t); }
inline size_t size(int64_t) { return 1 + sizeof(int64_t); }
inline size_t size(double) { return 1 + sizeof(double); }
inline size_t size(const Interval64&) { return 1 + kIntervalBytes; }
inline size_t size(std::string_view text) { return text.size() + 1; }

inline char* put(uint8_t value, char* to) {
    *to = static_cast<char>(value != 0 ? 1 : 0);
    return to + 1;
}
inline char* put(int32_t value, char* to) {
    *to = static_cast<char>(kValue);
    return put_big_endian(static_cast<uint32_t>(value) ^ (uint32_t{1} << 31), to + 1);
}
inline char* put(int64_t value, char* to) {
    *to = static_cast<char>(kValue);
    return put_big_endian(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63), to + 1);
}
inline char* put(double value, char* to) {
    *to = static_cast<char>(kValue);
    return put_big_endian(ordered_bits(value), to + 1);
}
char* put(const Interval64& value, char* to);

/// Copies without a call for the short texts that keys are made of.
inline void copy_bytes(const char* from, size_t length, char* to) {
    const auto copy_ends = [&]<typename Word>(Word) {
        Word head;
        Word tail;
        std::memcpy(&head, from, sizeof head);
        std::memcpy(&tail, from + length - sizeof tail, sizeof tail);
        std::memcpy(to, &head, sizeof head);
        std::memcpy(to + length - sizeof tail, &tail, sizeof tail);
    };
    if (length > 32) {
        std::memcpy(to, from, length);
    } else if (length >= 16) {
        copy_ends(uint128{});
    } else if (length >= 8) {
        copy_ends(uint64_t{});
    } else if (length >= 4) {
        copy_ends(uint32_t{});
    } else if (length > 0) {
        to[0] = from[0];
        to[length / 2] = from[length / 2];
        to[length - 1] = from[length - 1];
    }
}
inline char* put(std::string_view text, char* to) {
    copy_bytes(text.data(), text.size(), to);
    to[text.size()] = static_cast<char>(kTextEnd);
    return to + text.size() + 1;
}

/// `to` has room for kNumericBytesMax.
char* put_numeric(const Numeric& value, char* to);

}  // namespace braid::keys
