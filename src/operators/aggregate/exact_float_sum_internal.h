// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "operators/aggregate/side_store_internal.h"

namespace braid::operators {

/// The exact sum of any doubles: a two's-complement integer counting units of 2^-1074, wide enough
/// for 2^63 of the largest. So the order of adding never shows, and rounding happens once, when it
/// is read.
///
/// Almost always only a few neighbouring 64-bit limbs matter. They lie in the state itself (a
/// window of five limbs); a sum that spreads further moves to a full accumulator on the side, made
/// by the owner.
struct FullFloatSum {
    static constexpr size_t kLimbs = 34;  // 2,098 bits of doubles + 63 bits of count + sign
    std::array<uint64_t, kLimbs> limbs{};

    void clear() { limbs = {}; }
};

using FullFloatSums = SideStore<FullFloatSum>;

/// All zero bytes is the empty sum.
class ExactFloatSum {
  public:
    void add(double value, FullFloatSums& side);
    void add(const ExactFloatSum& other, FullFloatSums& side);

    int64_t count() const { return count_; }
    /// Rounded to nearest, ties to even; ±Infinity if it is out of range though no value was
    /// infinite: then overflowed is set.
    double sum(bool& overflowed) const;
    double average() const;

    void encode(ByteWriter& out) const;
    Result<void> merge_encoded(ByteReader& in, FullFloatSums& side);
    /// Gives the side memory back; the sum means nothing from then on.
    void drop(FullFloatSums& side) {
        if (is_full_ != 0) side.give_back(full_);
    }

  private:
    static constexpr size_t kWindowLimbs = 5;
    enum Flag : uint8_t {
        kHasNaN = 1,
        kHasInfinity = 2,
        kHasNegativeInfinity = 4,
        kHasOtherThanNegativeZero = 8,  // -0.0 is the sum of nothing but -0.0
    };

    std::span<uint64_t> limbs();
    std::span<const uint64_t> limbs() const;
    void open_window(size_t limb);
    void spill(FullFloatSums& side);
    bool has_special(double& value) const;
    /// Adds or subtracts magnitude × 2^(64 × limb) units.
    void add_magnitude(std::span<const uint64_t> magnitude, size_t limb, bool is_negative,
                       FullFloatSums& side);

    int64_t count_;
    uint8_t flags_;
    uint8_t is_open_;  // the window has a place
    uint8_t base_;     // limb number of window_[0]
    uint8_t is_full_;  // full_ is used, not window_
    uint32_t unused_;
    union {
        uint64_t window_[kWindowLimbs];
        FullFloatSum* full_;
    };
};
static_assert(std::is_trivially_copyable_v<ExactFloatSum>);

}  // namespace braid::operators
