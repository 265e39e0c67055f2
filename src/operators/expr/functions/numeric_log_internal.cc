// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/functions/numeric_log_internal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/check.h"
#include "operators/expr/functions/value_errors_internal.h"
#include "operators/expr/functions/wide_decimal_internal.h"

namespace braid::operators {

namespace {

using Value = Result<Numeric>;

// What numeric.c of PostgreSQL promises of results that have no natural scale.
constexpr int kSignificantDigitsMin = 16;
constexpr int kScaleMax = 1000;
constexpr int kDigitsPerGroup = 4;  // PostgreSQL's digits are base 10000
/// exp() of more than this, or less than its negative, it does not compute.
constexpr double kExponentMax = 6000;
/// Digits that a double is right in, where Newton's method starts.
constexpr int kDigitsOfStart = 12;
/// Decimals computed beyond those that are shown.
constexpr int kGuardDigits = 48;

Error overflows() { return argument_error("22003", "value overflows numeric format"); }
Error no_logarithm(bool of_zero) {
    return argument_error("2201E", of_zero ? "cannot take logarithm of zero"
                                           : "cannot take logarithm of a negative number");
}

bool is_zero(const Numeric& value) { return value.is_finite() && value.unscaled == 0; }
bool is_negative(const Numeric& value) {
    return value.kind == Numeric::Kind::kNegativeInfinity ||
           (value.is_finite() && value.unscaled < 0);
}

/// A number as an integer in base 10^9, the last `places` limbs of which are its fraction. All
/// numbers of one computation have the same places.
class Fixed {
  public:
    static constexpr uint64_t kBase = 1'000'000'000;
    static constexpr int kBaseDigits = 9;

    explicit Fixed(size_t places) : places_(places) {}
    static Fixed of_int(uint64_t value, size_t places) {
        Fixed out(places);
        out.limbs_.assign(places, 0);
        for (; value > 0; value /= kBase) {
            out.limbs_.push_back(static_cast<uint32_t>(value % kBase));
        }
        out.trim();
        return out;
    }
    static Fixed of(const Numeric& value, size_t places) {
        Fixed out(places);
        const bool negative = value.unscaled < 0;
        uint128 left =
            negative ? -static_cast<uint128>(value.unscaled) : static_cast<uint128>(value.unscaled);
        // unscaled × 10^(9 × places - scale)
        int shift = static_cast<int>(places) * kBaseDigits - value.scale;
        for (; shift < 0; ++shift) left /= 10;
        out.limbs_.assign(static_cast<size_t>(shift / kBaseDigits), 0);
        for (; left > 0; left /= kBase) out.limbs_.push_back(static_cast<uint32_t>(left % kBase));
        for (int i = 0; i < shift % kBaseDigits; ++i) out.multiply_small(10);
        out.is_negative_ = negative;
        out.trim();
        return out;
    }
    /// A finite double, as far as its digits go.
    static Fixed of_double(double value, size_t places) {
        const double size = std::fabs(value);
        const double whole = std::floor(size);
        constexpr auto kLimb = static_cast<double>(kBase);
        Fixed out(places);
        out.limbs_.assign(places, 0);
        for (double left = whole; left > 0; left = std::floor(left / kLimb)) {
            out.limbs_.push_back(static_cast<uint32_t>(std::fmod(left, kLimb)));
        }
        double rest = size - whole;
        for (size_t i = places; i-- > 0 && rest > 0;) {
            rest *= kLimb;
            const double limb = std::floor(rest);
            out.limbs_[i] = static_cast<uint32_t>(limb);
            rest -= limb;
        }
        out.is_negative_ = value < 0;
        out.trim();
        return out;
    }

    bool is_zero() const { return limbs_.empty(); }
    bool is_negative() const { return is_negative_; }
    double to_double() const {
        double out = 0;
        for (size_t i = limbs_.size(); i-- > 0;) {
            out += limbs_[i] * std::pow(static_cast<double>(kBase),
                                        static_cast<double>(i) - static_cast<double>(places_));
        }
        return is_negative_ ? -out : out;
    }

    friend Fixed operator-(Fixed a) {
        a.is_negative_ = !a.is_negative_ && !a.is_zero();
        return a;
    }
    friend Fixed operator+(const Fixed& a, const Fixed& b) {
        if (a.is_negative_ == b.is_negative_) {
            Fixed out = add_sizes(a, b);
            out.is_negative_ = a.is_negative_ && !out.is_zero();
            return out;
        }
        const int order = order_of_sizes(a, b);
        Fixed out = order >= 0 ? subtract_sizes(a, b) : subtract_sizes(b, a);
        out.is_negative_ = (order >= 0 ? a : b).is_negative_ && !out.is_zero();
        return out;
    }
    friend Fixed operator-(const Fixed& a, const Fixed& b) { return a + -b; }
    friend Fixed operator*(const Fixed& a, const Fixed& b) {
        Fixed out(a.places_);
        if (a.is_zero() || b.is_zero()) return out;
        std::vector<uint32_t> product(a.limbs_.size() + b.limbs_.size() + 1, 0);
        for (size_t i = 0; i < a.limbs_.size(); ++i) {
            uint64_t carry = 0;
            for (size_t k = 0; k < b.limbs_.size() || carry > 0; ++k) {
                const uint64_t other = k < b.limbs_.size() ? b.limbs_[k] : 0;
                const uint64_t sum = product[i + k] + uint64_t{a.limbs_[i]} * other + carry;
                product[i + k] = static_cast<uint32_t>(sum % kBase);
                carry = sum / kBase;
            }
        }
        if (product.size() > a.places_) {
            out.limbs_.assign(product.begin() + static_cast<ptrdiff_t>(a.places_), product.end());
        }
        out.trim();
        out.is_negative_ = a.is_negative_ != b.is_negative_ && !out.is_zero();
        return out;
    }
    friend Fixed operator/(Fixed a, uint32_t divisor) {
        uint64_t rest = 0;
        for (size_t i = a.limbs_.size(); i-- > 0;) {
            rest = rest * kBase + a.limbs_[i];
            a.limbs_[i] = static_cast<uint32_t>(rest / divisor);
            rest %= divisor;
        }
        a.trim();
        return a;
    }
    void multiply_small(uint32_t factor) {
        uint64_t carry = 0;
        for (uint32_t& limb : limbs_) {
            carry += uint64_t{limb} * factor;
            limb = static_cast<uint32_t>(carry % kBase);
            carry /= kBase;
        }
        if (carry > 0) limbs_.push_back(static_cast<uint32_t>(carry));
    }

    /// Rounded half away from zero; an error beyond 38 digits.
    Value rounded(int scale) const {
        const int dropped = static_cast<int>(places_) * kBaseDigits - scale;
        CHECK(dropped > kBaseDigits);
        Fixed kept(0);
        const auto whole = static_cast<size_t>(dropped / kBaseDigits);
        if (whole - 1 < limbs_.size()) {
            kept.limbs_.assign(limbs_.begin() + static_cast<ptrdiff_t>(whole) - 1, limbs_.end());
        }
        // One limb more than is kept: the first digit that is cut decides.
        uint32_t divisor = static_cast<uint32_t>(kBase / 10);
        kept = kept / divisor;
        for (int i = 0; i < dropped % kBaseDigits; ++i) kept = kept / 10;
        const bool rounds_up = !kept.is_zero() && kept.limbs_[0] % 10 >= 5;
        kept = kept / 10;
        uint128 size = 0;
        constexpr int kLimbsMax = 5;
        if (kept.limbs_.size() > kLimbsMax) return overflows();
        for (size_t i = kept.limbs_.size(); i-- > 0;) {
            if (size > ~uint128{0} / kBase - 1) return overflows();
            size = size * kBase + kept.limbs_[i];
        }
        size += rounds_up ? 1 : 0;
        const auto value = static_cast<int128>(size);
        if (value < 0 || decimal_digits(value) > Numeric::kDigitsMax) return overflows();
        return Numeric{is_negative_ ? -value : value, static_cast<int16_t>(scale),
                       Numeric::Kind::kFinite};
    }

  private:
    void trim() {
        while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
    }
    static int order_of_sizes(const Fixed& a, const Fixed& b) {
        if (a.limbs_.size() != b.limbs_.size()) return a.limbs_.size() < b.limbs_.size() ? -1 : 1;
        for (size_t i = a.limbs_.size(); i-- > 0;) {
            if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i] ? -1 : 1;
        }
        return 0;
    }
    static Fixed add_sizes(const Fixed& a, const Fixed& b) {
        Fixed out(a.places_);
        uint64_t carry = 0;
        for (size_t i = 0; i < a.limbs_.size() || i < b.limbs_.size() || carry > 0; ++i) {
            carry += i < a.limbs_.size() ? a.limbs_[i] : 0;
            carry += i < b.limbs_.size() ? b.limbs_[i] : 0;
            out.limbs_.push_back(static_cast<uint32_t>(carry % kBase));
            carry /= kBase;
        }
        return out;
    }
    /// a must not be smaller.
    static Fixed subtract_sizes(const Fixed& a, const Fixed& b) {
        Fixed out(a.places_);
        int64_t borrowed = 0;
        for (size_t i = 0; i < a.limbs_.size(); ++i) {
            int64_t limb = int64_t{a.limbs_[i]} - borrowed;
            if (i < b.limbs_.size()) limb -= b.limbs_[i];
            borrowed = limb < 0 ? 1 : 0;
            if (limb < 0) limb += static_cast<int64_t>(kBase);
            out.limbs_.push_back(static_cast<uint32_t>(limb));
        }
        out.trim();
        return out;
    }

    size_t places_;
    bool is_negative_ = false;
    std::vector<uint32_t> limbs_;  // little endian, no leading zeros
};

size_t places_for(int digits) {
    return static_cast<size_t>((digits + kGuardDigits) / Fixed::kBaseDigits + 1);
}

/// e^x by its series, for |x| below 1.
Fixed exp_of_small(const Fixed& x, size_t places) {
    // Halved, the series is short; squared as often, the result is that of x.
    constexpr int kHalvings = 12;
    Fixed part = x;
    for (int i = 0; i < kHalvings; ++i) part = part / 2;
    Fixed sum = Fixed::of_int(1, places);
    Fixed term = sum;
    for (uint32_t n = 1; !term.is_zero(); ++n) {
        term = term * part / n;
        sum = sum + term;
    }
    for (int i = 0; i < kHalvings; ++i) sum = sum * sum;
    return sum;
}

/// e^x for |x| up to some thousands.
Fixed exp_of(const Fixed& x, size_t places) {
    const double size = std::fabs(x.to_double());
    Fixed part = x;
    int squares = 0;
    for (double left = size; left >= 1; left /= 2) {
        part = part / 2;
        ++squares;
    }
    Fixed out = exp_of_small(part, places);
    for (int i = 0; i < squares; ++i) out = out * out;
    return out;
}

/// log of the value as a double, also where the value itself is none.
double approximate_ln(const Numeric& value) {
    return std::log(static_cast<double>(value.unscaled)) - value.scale * std::log(10.0);
}

/// ln(value) for a value above 0, by Newton's method from what doubles know.
Fixed ln_of(const Numeric& value, size_t places) {
    const auto solve = [&](const Fixed& wanted, double start) {
        Fixed y = Fixed::of_double(start, places);
        const Fixed one = Fixed::of_int(1, places);
        // Each round doubles the digits that are right.
        const int wanted_digits = static_cast<int>(places) * Fixed::kBaseDigits;
        for (int right = kDigitsOfStart; right < 2 * wanted_digits; right *= 2) {
            // y - 1 + wanted / e^y
            y = y - one + wanted * exp_of(-y, places);
        }
        return y;
    };
    // value = fraction × 10^exponent with a fraction in [0.1, 1), so that all numbers are moderate.
    const int digits = decimal_digits(value.unscaled);
    const Numeric fraction{value.unscaled, static_cast<int16_t>(digits), Numeric::Kind::kFinite};
    const Fixed mantissa = Fixed::of(fraction, places);
    Fixed out = solve(mantissa, std::log(mantissa.to_double()));
    const int exponent = digits - value.scale;
    if (exponent != 0) {
        Fixed tens = solve(Fixed::of_int(10, places), std::log(10.0));
        tens.multiply_small(static_cast<uint32_t>(std::abs(exponent)));
        out = out + (exponent < 0 ? -tens : tens);
    }
    return out;
}

/// a / b by Newton's reciprocal.
Fixed quotient(const Fixed& a, const Fixed& b, size_t places) {
    const double start = 1 / b.to_double();
    Fixed reciprocal = Fixed::of_double(start, places);
    const Fixed two = Fixed::of_int(2, places);
    const int wanted_digits = static_cast<int>(places) * Fixed::kBaseDigits;
    for (int right = kDigitsOfStart; right < 2 * wanted_digits; right *= 2) {
        reciprocal = reciprocal * (two - b * reciprocal);
    }
    return a * reciprocal;
}

// How PostgreSQL chooses decimals: by the decimal weight that it estimates for the result.

/// The base-10000 digits from the first one that is not 0, and the weight of that.
struct Groups {
    int weight = 0;
    std::vector<int> digits;
};

Groups groups_of(const Numeric& value) {
    Groups out;
    uint128 left = value.unscaled < 0 ? -static_cast<uint128>(value.unscaled)
                                      : static_cast<uint128>(value.unscaled);
    std::string text;
    for (; left > 0; left /= 10) text.insert(text.begin(), static_cast<char>('0' + left % 10));
    if (text.empty()) return out;
    // So that groups end at the decimal point.
    const int exponent = static_cast<int>(text.size()) - value.scale;  // digits before the point
    const int before = ((exponent % kDigitsPerGroup) + kDigitsPerGroup) % kDigitsPerGroup;
    if (before != 0) text.insert(0, static_cast<size_t>(kDigitsPerGroup - before), '0');
    while (text.size() % kDigitsPerGroup != 0) text += '0';
    const int padded = exponent + (before == 0 ? 0 : kDigitsPerGroup - before);
    out.weight = padded / kDigitsPerGroup - 1;
    for (size_t i = 0; i < text.size(); ++i) {
        if (i % kDigitsPerGroup == 0) out.digits.push_back(0);
        out.digits.back() = out.digits.back() * 10 + (text[i] - '0');
    }
    while (!out.digits.empty() && out.digits.back() == 0) out.digits.pop_back();
    return out;
}

Numeric decimal(int unscaled, int scale) {
    return {unscaled, static_cast<int16_t>(scale), Numeric::Kind::kFinite};
}

/// The decimal weight of ln(value), roughly.
Result<int> ln_weight(const Numeric& value) {
    if (value.unscaled <= 0) return 0;
    if (compare(value, decimal(9, 1)) >= 0 && compare(value, decimal(11, 1)) <= 0) {
        const Groups groups = groups_of(TRY(subtract(value, decimal(1, 0))));
        if (groups.digits.empty()) return 0;
        return groups.weight * kDigitsPerGroup + static_cast<int>(std::log10(groups.digits[0]));
    }
    const Groups groups = groups_of(value);
    constexpr int kGroup = 10'000;
    int digits = groups.digits[0];
    int weight = groups.weight * kDigitsPerGroup;
    if (groups.digits.size() > 1) {
        digits = digits * kGroup + groups.digits[1];
        weight -= kDigitsPerGroup;
    }
    const double ln = std::log(static_cast<double>(digits)) + weight * 2.302585092994046;
    return static_cast<int>(std::log10(std::fabs(ln)));
}

int display_scale(int weight, int least) {
    return std::min(std::max({kSignificantDigitsMin - weight, least, 0}), kScaleMax);
}

/// 10^x has so many digits before its last one.
int exp_weight(double x) { return static_cast<int>(x * 0.434294481903252); }

Value zero_with(int scale) {
    return Numeric{0, static_cast<int16_t>(scale), Numeric::Kind::kFinite};
}

/// Decimals that e^x needs so that it has `scale` right ones.
size_t exp_places(double x, int scale) {
    return places_for(scale + std::abs(exp_weight(x)) + std::max(exp_weight(x), 0));
}

}  // namespace

Result<Numeric> numeric_exp(const Numeric& value) {
    if (value.kind == Numeric::Kind::kNegativeInfinity) return Numeric::from_int(0);
    if (!value.is_finite()) return value;
    const double x = braid::to_double(value);
    const int weight = exp_weight(std::clamp(x, -2.0 * kScaleMax * 2.31, 2.0 * kScaleMax * 2.31));
    const int scale = display_scale(std::clamp(weight, -2 * kScaleMax, 2 * kScaleMax), value.scale);
    if (std::fabs(x) >= kExponentMax) {
        if (x > 0) return overflows();
        return zero_with(scale);
    }
    if (weight > Numeric::kDigitsMax) return overflows();
    const size_t places = exp_places(x, scale);
    return exp_of(Fixed::of(value, places), places).rounded(scale);
}

Result<Numeric> numeric_ln(const Numeric& value) {
    if (value.kind == Numeric::Kind::kNaN) return value;
    if (is_zero(value) || is_negative(value)) return no_logarithm(is_zero(value));
    if (!value.is_finite()) return value;
    const int scale = display_scale(TRY(ln_weight(value)), value.scale);
    return ln_of(value, places_for(scale)).rounded(scale);
}

Result<Numeric> numeric_log(const Numeric& base, const Numeric& value) {
    const bool has_nan = base.kind == Numeric::Kind::kNaN || value.kind == Numeric::Kind::kNaN;
    if (has_nan) return Numeric::nan();
    for (const Numeric* each : {&base, &value}) {
        if (is_negative(*each)) return no_logarithm(false);
    }
    for (const Numeric* each : {&base, &value}) {
        if (is_zero(*each)) return no_logarithm(true);
    }
    if (!base.is_finite()) return value.is_finite() ? Numeric::from_int(0) : Numeric::nan();
    if (!value.is_finite()) return value;
    if (compare(base, Numeric::from_int(1)) == 0) return division_by_zero();
    const int base_weight = TRY(ln_weight(base));
    const int weight = TRY(ln_weight(value)) - base_weight;
    const int scale = display_scale(weight, std::max<int>(base.scale, value.scale));
    const size_t places = places_for(scale + 2 * std::abs(base_weight) + std::abs(weight));
    return quotient(ln_of(value, places), ln_of(base, places), places).rounded(scale);
}

Result<Numeric> numeric_fractional_power(const Numeric& base, const Numeric& exponent) {
    CHECK(base.is_finite() && base.unscaled > 0 && exponent.is_finite());
    const double x = approximate_ln(base) * braid::to_double(exponent);
    if (std::fabs(x) > kExponentMax * 1.003) {
        if (x > 0) return overflows();
        return zero_with(kScaleMax);
    }
    const int weight = exp_weight(x);
    const int scale = display_scale(weight, std::max<int>(base.scale, exponent.scale));
    if (std::fabs(x) >= kExponentMax) {
        if (x > 0) return overflows();
        return zero_with(scale);
    }
    if (weight > Numeric::kDigitsMax) return overflows();
    const size_t places = exp_places(x, scale);
    return exp_of(ln_of(base, places) * Fixed::of(exponent, places), places).rounded(scale);
}

}  // namespace braid::operators
