// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/wide_decimal_internal.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace braid::operators {

namespace {

/// An unsigned integer of any size: base 10^9, little endian, no leading zeros. Simple and slow.
class BigInt {
  public:
    static constexpr uint32_t kBase = 1'000'000'000;
    static constexpr int kBaseDigits = 9;

    BigInt() = default;
    explicit BigInt(uint128 value) {
        for (; value > 0; value /= kBase) limbs_.push_back(static_cast<uint32_t>(value % kBase));
    }
    static BigInt power_of_ten(int exponent) {
        BigInt value;
        value.limbs_.assign(static_cast<size_t>(exponent / kBaseDigits), 0);
        uint32_t top = 1;
        for (int i = 0; i < exponent % kBaseDigits; ++i) top *= 10;
        value.limbs_.push_back(top);
        return value;
    }

    bool is_zero() const { return limbs_.empty(); }
    int digits() const {
        if (is_zero()) return 1;
        int count = static_cast<int>(limbs_.size() - 1) * kBaseDigits;
        for (uint32_t top = limbs_.back(); top > 0; top /= 10) ++count;
        return count;
    }
    friend int order(const BigInt& a, const BigInt& b) {
        if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() < b.limbs_.size() ? -1 : 1;
        for (size_t i = a.limbs_.size(); i-- > 0;) {
            if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i] ? -1 : 1;
        }
        return 0;
    }
    friend BigInt operator*(const BigInt& a, const BigInt& b) {
        BigInt out;
        out.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
        for (size_t i = 0; i < a.limbs_.size(); ++i) {
            uint64_t carry = 0;
            for (size_t k = 0; k < b.limbs_.size() || carry > 0; ++k) {
                const uint64_t other = k < b.limbs_.size() ? b.limbs_[k] : 0;
                const uint64_t sum = out.limbs_[i + k] + uint64_t{a.limbs_[i]} * other + carry;
                out.limbs_[i + k] = static_cast<uint32_t>(sum % kBase);
                carry = sum / kBase;
            }
        }
        out.trim();
        return out;
    }
    /// Nothing if it has more than 38 digits.
    std::optional<int128> to_int128() const {
        if (digits() > Numeric::kDigitsMax) return std::nullopt;
        int128 value = 0;
        for (size_t i = limbs_.size(); i-- > 0;) value = value * kBase + limbs_[i];
        return value;
    }

  private:
    void trim() {
        while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
    }
    std::vector<uint32_t> limbs_;
};

/// The largest value with 38 digits at most for which `fits` holds; fits(0) must, and it must be
/// monotonic.
template <typename F>
std::optional<int128> largest(F fits) {
    int128 value = 0;
    int128 step = 1;
    for (int i = 0; i < Numeric::kDigitsMax; ++i) step *= 10;
    if (fits(step)) return std::nullopt;
    for (; step > 0; step /= 10) {
        while (fits(value + step)) value += step;
    }
    return value;
}

}  // namespace

int decimal_digits(int128 value) {
    uint128 left = value < 0 ? -static_cast<uint128>(value) : static_cast<uint128>(value);
    int count = 1;
    for (; left >= 10; left /= 10) ++count;
    return count;
}

std::optional<int128> rounded_square_root(int128 value, int exponent) {
    CHECK(value >= 0 && exponent >= 0);
    // round(sqrt(n)) is the largest r with (2r - 1)^2 <= 4n.
    const BigInt four_n =
        BigInt(static_cast<uint128>(value)) * BigInt(4) * BigInt::power_of_ten(exponent);
    return largest([&](int128 root) {
        if (root == 0) return true;
        const BigInt odd(2 * static_cast<uint128>(root) - 1);
        return order(odd * odd, four_n) <= 0;
    });
}

std::optional<int128> rounded_power(int128 unscaled, int scale, int32_t exponent,
                                    int result_scale) {
    const bool is_negative = unscaled < 0 && exponent % 2 != 0;
    const uint128 size =
        unscaled < 0 ? -static_cast<uint128>(unscaled) : static_cast<uint128>(unscaled);
    const auto with_sign = [&](std::optional<int128> value) {
        if (value.has_value() && is_negative) *value = -*value;
        return value;
    };
    if (exponent == 0 || size == 0) {
        return (BigInt(exponent == 0 ? 1 : 0) * BigInt::power_of_ten(result_scale)).to_int128();
    }
    // size^|e| has at least this many digits more than 1 has, at most twice as many: leave early
    // where the result is surely too large, or surely zero.
    const int64_t count = exponent < 0 ? -int64_t{exponent} : int64_t{exponent};
    const int64_t digits_below = (decimal_digits(static_cast<int128>(size)) - 1) * count;
    const int64_t digits_above = decimal_digits(static_cast<int128>(size)) * count;
    const int64_t whole_low = digits_below - int64_t{scale} * count;
    const int64_t whole_high = digits_above - int64_t{scale} * count;
    if (exponent > 0 && whole_low > Numeric::kDigitsMax) return std::nullopt;
    if (exponent > 0 && whole_high < -result_scale - 1) return 0;
    if (exponent < 0 && -whole_low < -result_scale - 1) return 0;
    if (exponent < 0 && -whole_high > Numeric::kDigitsMax) return std::nullopt;
    constexpr int64_t kDigitsComputedMax = 20'000;
    if (digits_above + int64_t{scale} * count > kDigitsComputedMax) return std::nullopt;

    BigInt power(1);
    BigInt square(size);
    for (int64_t left = count; left > 0; left >>= 1) {
        if ((left & 1) != 0) power = power * square;
        if (left > 1) square = square * square;
    }
    // Rounded quotient: the largest q with (2q - 1) * below <= 2 * above.
    BigInt above(1);
    BigInt below(1);
    const int scale_power = static_cast<int>(scale * count);
    if (exponent > 0) {
        above = power * BigInt::power_of_ten(result_scale);
        below = BigInt::power_of_ten(scale_power);
    } else {
        above = BigInt::power_of_ten(scale_power + result_scale);
        below = power;
    }
    const BigInt twice_above = above * BigInt(2);
    return with_sign(largest([&](int128 quotient) {
        if (quotient == 0) return true;
        return order(BigInt(2 * static_cast<uint128>(quotient) - 1) * below, twice_above) <= 0;
    }));
}

}  // namespace braid::operators
