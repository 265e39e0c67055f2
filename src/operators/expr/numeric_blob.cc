// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/numeric_blob.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace braid::operators {

namespace {

/// First byte; ascending as the values are.
enum class NumericClass : uint8_t {
    kNegativeInfinity,
    kNegative,
    kZero,
    kPositive,
    kInfinity,
    kNaN,
};

constexpr int kDigits = Numeric::kDigitsMax;
constexpr int kExponentBias = 0x8000;
constexpr uint64_t kPow10Of19 = 10'000'000'000'000'000'000U;

constexpr std::array<uint128, kDigits + 1> kPow10 = [] {
    std::array<uint128, kDigits + 1> powers{};
    powers[0] = 1;
    for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
}();

uint128 pow10(int exponent) { return kPow10[static_cast<size_t>(exponent)]; }

/// Decimal digits of a value that is not 0.
int digit_count(uint128 value) {
    const auto high = static_cast<uint64_t>(value >> 64);
    const int bits = high != 0 ? 128 - std::countl_zero(high)
                               : 64 - std::countl_zero(static_cast<uint64_t>(value));
    // 1233 / 4096 is just above log10(2): an estimate that is right or one too small.
    const int digits = (bits * 1233) >> 12;
    return value >= pow10(digits) ? digits + 1 : digits;
}

/// value / 10^shift. Divisors of 64 bits are an order of magnitude cheaper than those of 128.
uint128 shifted_right(uint128 value, int shift) {
    if (shift >= 19) {
        value /= kPow10Of19;
        shift -= 19;
    }
    return value / static_cast<uint64_t>(pow10(shift));
}

/// Decimal zeros at the end of a value that is not 0.
int trailing_zeros(uint128 value) {
    int zeros = 0;
    for (const int step : {32, 16, 8, 4, 2, 1}) {
        if (value % pow10(step) == 0) {
            value /= pow10(step);
            zeros += step;
        }
    }
    return zeros;
}

void store_big_endian(uint128 value, size_t bytes, char* to) {
    for (size_t i = bytes; i-- > 0; value >>= 8) to[i] = static_cast<char>(value);
}

uint128 load_big_endian(const char* from, size_t bytes) {
    uint128 value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
    return value;
}

int128 span_us(const Interval64& value) {
    constexpr int64_t kDayUs = 86'400'000'000;
    return (int128{value.months} * 30 + value.days) * kDayUs + value.us;
}

void complement(char* from, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) from[i] = static_cast<char>(~from[i]);
}

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

/// The finite value other than 0 with these 38 digits, `exponent` of them before the point, at
/// `scale`.
bool assemble(uint128 digits, int exponent, int scale, bool is_negative, Numeric& value) {
    const int shift = kDigits - exponent - scale;
    if (shift < 0 || shift >= kDigits) return false;
    const auto unscaled = static_cast<int128>(shifted_right(digits, shift));
    value = {is_negative ? -unscaled : unscaled, static_cast<int16_t>(scale),
             Numeric::Kind::kFinite};
    return true;
}

}  // namespace

NumericBlob encode_numeric_blob(const Numeric& value) {
    NumericBlob blob{};
    const NumericClass numeric_class = class_of(value);
    blob[0] = static_cast<char>(numeric_class);
    if (value.is_finite()) {
        store_big_endian(static_cast<uint16_t>(value.scale), 2, blob.data() + kNumericValueBytes);
    }
    const bool is_negative = numeric_class == NumericClass::kNegative;
    if (!is_negative && numeric_class != NumericClass::kPositive) return blob;
    const auto unscaled = static_cast<uint128>(is_negative ? -value.unscaled : value.unscaled);
    const int digits = digit_count(unscaled);
    store_big_endian(static_cast<uint128>(digits - value.scale + kExponentBias), 2,
                     blob.data() + 1);
    store_big_endian(unscaled * pow10(kDigits - digits), 16, blob.data() + 3);
    if (is_negative) complement(blob.data() + 1, kNumericValueBytes - 1);
    return blob;
}

bool decode_numeric_blob(std::string_view blob, Numeric& value) {
    if (blob.size() != kNumericBlobBytes && blob.size() != kNumericValueBytes) return false;
    const bool has_scale = blob.size() == kNumericBlobBytes;
    const auto numeric_class = static_cast<NumericClass>(blob[0]);
    int scale = 0;
    if (has_scale) {
        scale = static_cast<int>(load_big_endian(blob.data() + kNumericValueBytes, 2));
        if (scale > INT16_MAX) return false;
    }
    switch (numeric_class) {
        case NumericClass::kNegativeInfinity:
            value = {0, 0, Numeric::Kind::kNegativeInfinity};
            return true;
        case NumericClass::kInfinity:
            value = {0, 0, Numeric::Kind::kInfinity};
            return true;
        case NumericClass::kNaN:
            value = Numeric::nan();
            return true;
        case NumericClass::kZero:
            value = {0, static_cast<int16_t>(scale), Numeric::Kind::kFinite};
            return true;
        case NumericClass::kNegative:
        case NumericClass::kPositive:
            break;
        default:
            return false;
    }
    const bool is_negative = numeric_class == NumericClass::kNegative;
    std::array<char, kNumericValueBytes - 1> bytes;
    std::memcpy(bytes.data(), blob.data() + 1, bytes.size());
    if (is_negative) complement(bytes.data(), bytes.size());
    const int exponent = static_cast<int>(load_big_endian(bytes.data(), 2)) - kExponentBias;
    const uint128 digits = load_big_endian(bytes.data() + 2, 16);
    if (digits < pow10(kDigits - 1) || digits >= pow10(kDigits)) return false;
    if (!has_scale) scale = std::max(0, kDigits - exponent - trailing_zeros(digits));
    return assemble(digits, exponent, scale, is_negative, value);
}

IntervalBlob encode_interval_blob(const Interval64& value) {
    IntervalBlob blob;
    const uint128 biased = static_cast<uint128>(span_us(value)) + (uint128{1} << 127);
    store_big_endian(biased, kIntervalValueBytes, blob.data());
    store_big_endian(static_cast<uint64_t>(value.us), 8, blob.data() + 16);
    store_big_endian(static_cast<uint32_t>(value.days), 4, blob.data() + 24);
    store_big_endian(static_cast<uint32_t>(value.months), 4, blob.data() + 28);
    return blob;
}

bool decode_interval_blob(std::string_view blob, Interval64& value) {
    if (blob.size() != kIntervalBlobBytes) return false;
    value.us = static_cast<int64_t>(load_big_endian(blob.data() + 16, 8));
    value.days = static_cast<int32_t>(load_big_endian(blob.data() + 24, 4));
    value.months = static_cast<int32_t>(load_big_endian(blob.data() + 28, 4));
    return true;
}

}  // namespace braid::operators
