// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "operators/aggregate/exact_float_sum_internal.h"
#include "operators/aggregate/row_count_internal.h"

namespace braid::operators {
namespace {

constexpr int kUnitExponent = -1074;  // 2^-1074, the smallest double
constexpr int kLimbBits = 64;
constexpr int kMantissaBits = 53;
constexpr uint8_t kNegative = 16;  // of the encoded flags
/// Longest magnitude accepted when decoding: never the sign bit of a full sum.
constexpr size_t kMagnitudeBytesMax = FullFloatSum::kLimbs * sizeof(uint64_t) - 1;

/// An unsigned integer × 2^exponent without leading and trailing zero limbs.
struct Magnitude {
    std::array<uint64_t, FullFloatSum::kLimbs> limbs{};
    size_t size = 0;
    size_t first = 0;  // limb number of limbs[0] in the sum
    bool is_negative = false;

    std::span<const uint64_t> used() const { return {limbs.data(), size}; }
};

Magnitude magnitude_of(std::span<const uint64_t> sum, size_t base) {
    Magnitude out;
    out.is_negative = (sum.back() >> 63) != 0;
    uint64_t carry = 1;
    for (size_t i = 0; i < sum.size(); ++i) {
        if (out.is_negative) {
            out.limbs[i] = ~sum[i] + carry;
            carry = carry != 0 && out.limbs[i] == 0 ? 1 : 0;
        } else {
            out.limbs[i] = sum[i];
        }
    }
    size_t low = 0;
    size_t high = sum.size();
    while (low < high && out.limbs[low] == 0) ++low;
    while (high > low && out.limbs[high - 1] == 0) --high;
    std::copy(out.limbs.begin() + low, out.limbs.begin() + high, out.limbs.begin());
    out.size = high - low;
    out.first = base + low;
    return out;
}

/// Adds (or subtracts) with carry through to the end of `sum`.
void add_limbs(std::span<uint64_t> sum, std::span<const uint64_t> value, bool is_negative) {
    uint64_t carry = 0;
    for (size_t i = 0; i < sum.size() && (i < value.size() || carry != 0); ++i) {
        const uint64_t operand = i < value.size() ? value[i] : 0;
        const uint64_t old = sum[i];
        if (is_negative) {
            const uint64_t step = old - operand;
            sum[i] = step - carry;
            carry = (old < operand ? 1 : 0) | (step < carry ? 1 : 0);
        } else {
            const uint64_t step = old + operand;
            sum[i] = step + carry;
            carry = (step < old ? 1 : 0) | (sum[i] < step ? 1 : 0);
        }
    }
}

bool bit_of(std::span<const uint64_t> limbs, int64_t bit) {
    if (bit < 0 || bit >= static_cast<int64_t>(limbs.size()) * kLimbBits) return false;
    return ((limbs[bit / kLimbBits] >> (bit % kLimbBits)) & 1) != 0;
}

bool any_bit_below(std::span<const uint64_t> limbs, int64_t bit) {
    for (int64_t i = 0; i < static_cast<int64_t>(limbs.size()) && i * kLimbBits < bit; ++i) {
        const int64_t here = bit - i * kLimbBits;
        const uint64_t mask = here >= kLimbBits ? ~uint64_t{0} : (uint64_t{1} << here) - 1;
        if ((limbs[i] & mask) != 0) return true;
    }
    return false;
}

/// limbs × 2^exponent, plus something smaller than its last bit if `sticky`, to the nearest double.
double rounded(std::span<const uint64_t> limbs, int exponent, bool sticky) {
    while (!limbs.empty() && limbs.back() == 0) limbs = limbs.first(limbs.size() - 1);
    if (limbs.empty()) return 0.0;
    const int bits = static_cast<int>(limbs.size()) * kLimbBits - std::countl_zero(limbs.back());
    const int lowest = std::max(exponent + bits - kMantissaBits, kUnitExponent);
    const int64_t dropped = lowest - exponent;  // may be negative: nothing is dropped then
    uint64_t mantissa = 0;
    for (int i = 0; i < kMantissaBits; ++i) {
        if (bit_of(limbs, dropped + i)) mantissa |= uint64_t{1} << i;
    }
    const bool half = bit_of(limbs, dropped - 1);
    const bool more = sticky || any_bit_below(limbs, dropped - 1);
    if (half && (more || (mantissa & 1) != 0)) ++mantissa;
    return std::ldexp(static_cast<double>(mantissa), lowest);
}

}  // namespace

std::span<uint64_t> ExactFloatSum::limbs() {
    if (is_full_ != 0) return full_->limbs;
    return window_;
}

std::span<const uint64_t> ExactFloatSum::limbs() const {
    if (is_full_ != 0) return full_->limbs;
    return window_;
}

void ExactFloatSum::add(double value, FullFloatSums& side) {
    constexpr int kFractionBits = kMantissaBits - 1;
    const auto bits = std::bit_cast<uint64_t>(value);
    const bool is_negative = (bits >> 63) != 0;
    const auto exponent = static_cast<int>((bits >> kFractionBits) & 0x7FF);
    uint64_t mantissa = bits & ((uint64_t{1} << kFractionBits) - 1);
    ++count_;
    if (exponent == 0x7FF) [[unlikely]] {
        flags_ |= mantissa != 0 ? kHasNaN : is_negative ? kHasNegativeInfinity : kHasInfinity;
        flags_ |= kHasOtherThanNegativeZero;
        return;
    }
    if (exponent != 0) mantissa |= uint64_t{1} << kFractionBits;
    if (mantissa == 0) {
        if (!is_negative) flags_ |= kHasOtherThanNegativeZero;
        return;
    }
    flags_ |= kHasOtherThanNegativeZero;
    const int shift = exponent == 0 ? 0 : exponent - 1;
    const int within = shift % kLimbBits;
    const uint64_t pair[2] = {mantissa << within,
                              within == 0 ? 0 : mantissa >> (kLimbBits - within)};
    add_magnitude(pair, static_cast<size_t>(shift / kLimbBits), is_negative, side);
}

/// The window takes values that leave its last limb free. Fewer than 2^63 such values sum to less
/// than 2^63 of that limb, so the window never overflows.
void ExactFloatSum::add_magnitude(std::span<const uint64_t> magnitude, size_t limb,
                                  bool is_negative, FullFloatSums& side) {
    if (is_open_ == 0) open_window(limb);
    const bool fits = limb >= base_ && limb + magnitude.size() < base_ + kWindowLimbs;
    if (is_full_ == 0 && !fits) spill(side);
    const size_t base = is_full_ != 0 ? 0 : base_;
    add_limbs(limbs().subspan(limb - base), magnitude, is_negative);
}

void ExactFloatSum::open_window(size_t limb) {
    // One limb below the first value, one and a half above.
    const size_t base = limb == 0 ? 0 : limb - 1;
    base_ = static_cast<uint8_t>(std::min(base, FullFloatSum::kLimbs - kWindowLimbs));
    is_open_ = 1;
}

void ExactFloatSum::spill(FullFloatSums& side) {
    FullFloatSum* full = side.add();
    const uint64_t extension = (window_[kWindowLimbs - 1] >> 63) != 0 ? ~uint64_t{0} : 0;
    std::copy_n(window_, kWindowLimbs, full->limbs.begin() + base_);
    std::fill(full->limbs.begin() + base_ + kWindowLimbs, full->limbs.end(), extension);
    full_ = full;
    is_full_ = 1;
}

void ExactFloatSum::add(const ExactFloatSum& other, FullFloatSums& side) {
    count_ = add_counts(count_, other.count_);
    flags_ |= other.flags_;
    if (other.is_open_ == 0) return;
    const Magnitude value = magnitude_of(other.limbs(), other.is_full_ != 0 ? 0 : other.base_);
    if (value.size != 0) add_magnitude(value.used(), value.first, value.is_negative, side);
}

bool ExactFloatSum::has_special(double& value) const {
    const bool has_both = (flags_ & kHasInfinity) != 0 && (flags_ & kHasNegativeInfinity) != 0;
    if ((flags_ & kHasNaN) != 0 || has_both) {
        value = std::numeric_limits<double>::quiet_NaN();
    } else if ((flags_ & kHasInfinity) != 0) {
        value = std::numeric_limits<double>::infinity();
    } else if ((flags_ & kHasNegativeInfinity) != 0) {
        value = -std::numeric_limits<double>::infinity();
    } else {
        return false;
    }
    return true;
}

double ExactFloatSum::sum(bool& overflowed) const {
    overflowed = false;
    double value = 0;
    if (has_special(value)) return value;
    if (is_open_ == 0) return (flags_ & kHasOtherThanNegativeZero) != 0 ? 0.0 : -0.0;
    const Magnitude exact = magnitude_of(limbs(), is_full_ != 0 ? 0 : base_);
    value = rounded(exact.used(), kUnitExponent + static_cast<int>(exact.first) * kLimbBits, false);
    overflowed = std::isinf(value);
    return exact.is_negative ? -value : value;
}

double ExactFloatSum::average() const {
    CHECK_GT(count_, 0);
    double value = 0;
    if (has_special(value)) return value;
    if (is_open_ == 0) return 0.0;
    const Magnitude exact = magnitude_of(limbs(), is_full_ != 0 ? 0 : base_);
    if (exact.size == 0) return 0.0;
    // Two more limbs below the point leave at least 65 bits of quotient; the remainder only breaks
    // ties.
    constexpr int kMoreLimbs = 2;
    std::array<uint64_t, FullFloatSum::kLimbs + kMoreLimbs> quotient{};
    const auto divisor = static_cast<uint64_t>(count_);
    uint64_t remainder = 0;
    for (size_t i = exact.size + kMoreLimbs; i-- > 0;) {
        const uint64_t limb = i >= kMoreLimbs ? exact.limbs[i - kMoreLimbs] : 0;
        const auto dividend = (static_cast<unsigned __int128>(remainder) << kLimbBits) | limb;
        quotient[i] = static_cast<uint64_t>(dividend / divisor);
        remainder = static_cast<uint64_t>(dividend % divisor);
    }
    const int exponent = kUnitExponent + (static_cast<int>(exact.first) - kMoreLimbs) * kLimbBits;
    value = rounded({quotient.data(), exact.size + kMoreLimbs}, exponent, remainder != 0);
    return exact.is_negative ? -value : value;
}

void ExactFloatSum::encode(ByteWriter& out) const {
    out.varint(static_cast<uint64_t>(count_));
    if (count_ == 0) return;
    Magnitude value;
    if (is_open_ != 0) value = magnitude_of(limbs(), is_full_ != 0 ? 0 : base_);
    const bool is_negative = value.size != 0 && value.is_negative;
    out.fixed(static_cast<uint8_t>(flags_ | (is_negative ? kNegative : 0)));
    const std::string_view bytes(reinterpret_cast<const char*>(value.limbs.data()),
                                 value.size * sizeof(uint64_t));
    const size_t low = std::min(bytes.find_first_not_of('\0'), bytes.size());
    const size_t high = value.size == 0 ? 0 : bytes.find_last_not_of('\0') + 1;
    out.varint(value.size == 0 ? 0 : value.first * sizeof(uint64_t) + low);
    out.text(bytes.substr(low, high - low));
}

Result<void> ExactFloatSum::merge_encoded(ByteReader& in, FullFloatSums& side) {
    const uint64_t count = TRY(in.varint());
    if (count == 0) return {};
    const auto flags = TRY(in.fixed<uint8_t>());
    const uint64_t offset = TRY(in.varint());
    const std::string_view bytes = TRY(in.text());
    if (count > INT64_MAX || flags >= 2 * kNegative || offset > kMagnitudeBytesMax ||
        bytes.size() > kMagnitudeBytesMax - offset) {
        return Error(ErrorCode::kCorrupt, "state of a double sum is out of range");
    }
    count_ = add_counts(count_, static_cast<int64_t>(count));
    flags_ |= flags & (kNegative - 1);
    if (bytes.empty()) return {};
    std::array<uint64_t, FullFloatSum::kLimbs> magnitude{};
    std::memcpy(reinterpret_cast<char*>(magnitude.data()) + offset % sizeof(uint64_t), bytes.data(),
                bytes.size());
    const size_t size = (offset % sizeof(uint64_t) + bytes.size() + 7) / sizeof(uint64_t);
    add_magnitude({magnitude.data(), size}, offset / sizeof(uint64_t), (flags & kNegative) != 0,
                  side);
    return {};
}

}  // namespace braid::operators
