// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/error_makers.h"
#include "operators/aggregate/numeric_sum_internal.h"
#include "operators/aggregate/row_count_internal.h"

namespace braid::operators {
namespace {

constexpr uint8_t kSpecialFlags = 7;  // NaN, Infinity, -Infinity
constexpr int16_t kScaleMax = 16'383;

bool is_zero(const WideInt& value) { return value == WideInt{}; }

/// The fewest bytes of two's complement that keep the sign; none for 0.
std::string_view shortest_form(const WideInt& value) {
    const auto* bytes = reinterpret_cast<const char*>(value.limbs);
    size_t size = sizeof value.limbs;
    if (is_zero(value)) return {};
    const auto sign_of = [&](size_t at) { return (static_cast<uint8_t>(bytes[at]) & 0x80) != 0; };
    while (size > 1) {
        const auto top = static_cast<uint8_t>(bytes[size - 1]);
        const uint8_t extension = sign_of(size - 2) ? 0xFF : 0;
        if (top != extension) break;
        --size;
    }
    return {bytes, size};
}

WideInt from_shortest_form(std::string_view bytes) {
    WideInt value;
    if (bytes.empty()) return value;
    const bool is_negative = (static_cast<uint8_t>(bytes.back()) & 0x80) != 0;
    std::memset(value.limbs, is_negative ? 0xFF : 0, sizeof value.limbs);
    std::memcpy(value.limbs, bytes.data(), bytes.size());
    return value;
}

WideInt negated(const WideInt& value) {
    WideInt out;
    uint128 carry = 1;
    for (size_t i = 0; i < std::size(out.limbs); ++i) {
        carry += ~value.limbs[i];
        out.limbs[i] = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
    return out;
}

/// Half away from zero. The divisor is below 2^63.
WideInt divide_rounded(const WideInt& value, uint64_t divisor) {
    const bool is_negative = (value.limbs[3] >> 63) != 0;
    WideInt quotient = is_negative ? negated(value) : value;
    uint128 remainder = 0;
    for (size_t i = std::size(quotient.limbs); i-- > 0;) {
        remainder = remainder << 64 | quotient.limbs[i];
        quotient.limbs[i] = static_cast<uint64_t>(remainder / divisor);
        remainder %= divisor;
    }
    if (2 * remainder >= divisor) quotient.add(int128{1});
    return is_negative ? negated(quotient) : quotient;
}

Error overflow() { return invalid_input("value overflows numeric format").with_sqlstate("22003"); }

/// The sum of nothing has 38 digits; 10^38 itself has 39.
Result<Numeric> within_digits(const WideInt& unscaled, int16_t scale) {
    static constexpr int128 kLimit = [] {
        int128 power = 1;
        for (int i = 0; i < Numeric::kDigitsMax; ++i) power *= 10;
        return power;
    }();
    if (!unscaled.fits_int128()) return overflow();
    const int128 digits = unscaled.to_int128();
    if (digits >= kLimit || digits <= -kLimit) return overflow();
    return Numeric{digits, scale};
}

}  // namespace

void NumericSum::add(const Numeric& value, ScaledSumsStore& side) {
    ++count_;
    switch (value.kind) {
        case Numeric::Kind::kFinite:
            break;
        case Numeric::Kind::kNaN:
            flags_ |= kHasNaN;
            return;
        case Numeric::Kind::kInfinity:
            flags_ |= kHasInfinity;
            return;
        case Numeric::Kind::kNegativeInfinity:
            flags_ |= kHasNegativeInfinity;
            return;
    }
    sum_at(value.scale, side).add(value.unscaled);
}

void NumericSum::add(const NumericSum& other, ScaledSumsStore& side) {
    count_ = add_counts(count_, other.count_);
    flags_ |= other.flags_ & kSpecialFlags;
    if ((other.flags_ & kHasScale) == 0) return;
    sum_at(other.scale_, side).add(other.sum_);
    if (other.more_ == nullptr) return;
    for (const auto& [scale, sum] : *other.more_) sum_at(scale, side).add(sum);
}

WideInt& NumericSum::sum_at(int16_t scale, ScaledSumsStore& side) {
    if ((flags_ & kHasScale) == 0) {
        flags_ |= kHasScale;
        scale_ = scale;
    }
    if (scale == scale_) [[likely]]
        return sum_;
    if (more_ == nullptr) more_ = side.add();
    const auto at =
        std::lower_bound(more_->begin(), more_->end(), scale,
                         [](const auto& entry, int16_t wanted) { return entry.first < wanted; });
    if (at != more_->end() && at->first == scale) return at->second;
    return more_->insert(at, {scale, WideInt{}})->second;
}

size_t NumericSum::scale_count() const {
    if ((flags_ & kHasScale) == 0) return 0;
    return 1 + (more_ == nullptr ? 0 : more_->size());
}

template <typename Visit>
void NumericSum::for_each_scale(Visit visit) const {
    if ((flags_ & kHasScale) == 0) return;
    bool is_given = false;  // the sum in the state itself
    if (more_ != nullptr) {
        for (const auto& [scale, sum] : *more_) {
            if (!is_given && scale_ < scale) {
                is_given = true;
                if (!visit(scale_, sum_)) return;
            }
            if (!visit(scale, sum)) return;
        }
    }
    if (!is_given) visit(scale_, sum_);
}

/// Horner's rule from the coarsest scale to the finest. A sum of one scale is below 2^63 × 10^38,
/// so once the total has left 256 bits no finer sum can bring it back below 10^38: overflowing here
/// is overflowing.
Result<std::pair<int16_t, WideInt>> NumericSum::wide_total() const {
    std::pair<int16_t, WideInt> total;
    bool fits = true;
    for_each_scale([&](int16_t scale, const WideInt& sum) {
        fits = is_zero(total.second) || total.second.multiply_pow10(scale - total.first);
        total.second.add(sum);
        total.first = scale;
        return fits;
    });
    if (!fits) return overflow();
    return total;
}

std::optional<Numeric> NumericSum::special() const {
    const bool has_both = (flags_ & kHasInfinity) != 0 && (flags_ & kHasNegativeInfinity) != 0;
    if ((flags_ & kHasNaN) != 0 || has_both) return Numeric::nan();
    if ((flags_ & kHasInfinity) != 0) return Numeric{0, 0, Numeric::Kind::kInfinity};
    if ((flags_ & kHasNegativeInfinity) != 0)
        return Numeric{0, 0, Numeric::Kind::kNegativeInfinity};
    return std::nullopt;
}

Result<Numeric> NumericSum::total() const {
    if (const std::optional<Numeric> value = special()) return *value;
    const auto [scale, total] = TRY(wide_total());
    return within_digits(total, scale);
}

/// A sum of more than 38 digits has an average whose scale is its own: PostgreSQL adds decimals
/// only to quotients of fewer than 16 digits.
Result<Numeric> NumericSum::average() const {
    if (const std::optional<Numeric> value = special()) return *value;
    const auto [scale, total] = TRY(wide_total());
    const Result<Numeric> narrow = within_digits(total, scale);
    if (narrow) return divide(*narrow, Numeric::from_int(count_));
    return within_digits(divide_rounded(total, static_cast<uint64_t>(count_)), scale);
}

void NumericSum::encode(ByteWriter& out) const {
    out.varint(static_cast<uint64_t>(count_));
    if (count_ == 0) return;
    out.fixed(static_cast<uint8_t>(flags_ & kSpecialFlags));
    out.varint(scale_count());
    for_each_scale([&out](int16_t scale, const WideInt& sum) {
        out.fixed(scale);
        out.text(shortest_form(sum));
        return true;
    });
}

Result<void> NumericSum::merge_encoded(ByteReader& in, ScaledSumsStore& side) {
    const uint64_t count = TRY(in.varint());
    if (count == 0) return {};
    const auto flags = TRY(in.fixed<uint8_t>());
    const uint64_t scales = TRY(in.varint());
    if (count > INT64_MAX || flags > kSpecialFlags || scales > UINT16_MAX) {
        return corrupt("state of a numeric sum is out of range");
    }
    count_ = add_counts(count_, static_cast<int64_t>(count));
    flags_ |= flags;
    for (uint64_t i = 0; i < scales; ++i) {
        const auto scale = TRY(in.fixed<int16_t>());
        const std::string_view bytes = TRY(in.text());
        if (bytes.size() > sizeof(WideInt) || scale < 0 || scale > kScaleMax) {
            return corrupt("state of a numeric sum is out of range");
        }
        sum_at(scale, side).add(from_shortest_form(bytes));
    }
    return {};
}

}  // namespace braid::operators
