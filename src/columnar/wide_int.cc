// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "base/check.h"
#include "columnar/decimal_internal.h"
#include "columnar/numeric.h"

namespace braid {
namespace {

bool is_negative(const WideInt& value) { return (value.limbs[3] >> 63) != 0; }

void negate(WideInt& value) {
    uint128 carry = 1;
    for (uint64_t& limb : value.limbs) {
        carry += ~limb;
        limb = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
}

/// False if the product of a magnitude needs more than 256 bits.
bool multiply_magnitude(WideInt& value, uint64_t factor) {
    uint128 carry = 0;
    for (uint64_t& limb : value.limbs) {
        carry += uint128{limb} * factor;
        limb = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
    return carry == 0;
}

}  // namespace

void WideInt::add(int128 value) {
    WideInt other;
    other.limbs[0] = static_cast<uint64_t>(value);
    other.limbs[1] = static_cast<uint64_t>(value >> 64);
    other.limbs[2] = other.limbs[3] = value < 0 ? ~uint64_t{0} : 0;
    add(other);
}

void WideInt::add(const WideInt& other) {
    uint128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += uint128{limbs[i]} + other.limbs[i];
        limbs[i] = static_cast<uint64_t>(carry);
        carry >>= 64;
    }
}

bool WideInt::multiply_pow10(int exponent) {
    constexpr int kChunk = 19;  // 10^19 is the largest power in a limb
    CHECK_GE(exponent, 0);
    if (*this == WideInt{}) return true;
    WideInt product = *this;
    const bool negative = is_negative(product);
    if (negative) negate(product);
    for (; exponent > 0; exponent -= kChunk) {
        const int step = exponent < kChunk ? exponent : kChunk;
        if (!multiply_magnitude(product, static_cast<uint64_t>(decimal::pow10(step)))) return false;
    }
    // The magnitude of the lowest number, 2^255, is given up: it would be the only one with that
    // bit.
    if (is_negative(product)) return false;
    if (negative) negate(product);
    *this = product;
    return true;
}

bool WideInt::fits_int128() const {
    const uint64_t sign = (limbs[1] >> 63) != 0 ? ~uint64_t{0} : 0;
    return limbs[2] == sign && limbs[3] == sign;
}

int128 WideInt::to_int128() const {
    CHECK(fits_int128());
    return static_cast<int128>((uint128{limbs[1]} << 64) | limbs[0]);
}

}  // namespace braid
