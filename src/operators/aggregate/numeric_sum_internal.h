// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "columnar/numeric.h"
#include "operators/aggregate/side_store_internal.h"

namespace braid::operators {

/// Sums at scales beyond the first, ascending by scale.
using ScaledSums = std::vector<std::pair<int16_t, WideInt>>;

using ScaledSumsStore = SideStore<ScaledSums, 2 * sizeof(ScaledSums::value_type)>;

/// The exact sum of numerics, kept apart by scale: 256 bits hold 2^63 values of 38 digits of one
/// scale, and no value is ever rescaled before the sum is read. So it cannot overflow, it does not
/// depend on the order, and it knows the greatest scale seen, which PostgreSQL shows. A column has
/// one scale or few.
///
/// All zero bytes is the empty sum.
class NumericSum {
  public:
    void add(const Numeric& value, ScaledSumsStore& side);
    void add(const NumericSum& other, ScaledSumsStore& side);

    int64_t count() const { return count_; }
    /// 22003 when it has more than 38 digits.
    Result<Numeric> total() const;
    /// The same of the average alone: a sum beyond 38 digits may have one. There is a row.
    Result<Numeric> average() const;

    void encode(ByteWriter& out) const;
    Result<void> merge_encoded(ByteReader& in, ScaledSumsStore& side);
    /// Gives the side memory back; the sum means nothing from then on.
    void drop(ScaledSumsStore& side) {
        if (more_ != nullptr) side.give_back(more_);
    }

  private:
    enum Flag : uint8_t { kHasNaN = 1, kHasInfinity = 2, kHasNegativeInfinity = 4, kHasScale = 8 };

    WideInt& sum_at(int16_t scale, ScaledSumsStore& side);
    size_t scale_count() const;
    /// Calls with each (scale, sum), ascending by scale, while it says true.
    template <typename Visit>
    void for_each_scale(Visit visit) const;
    /// The value that is no number, if that is the sum: it is the average too.
    std::optional<Numeric> special() const;
    /// The sum at the greatest scale; 22003 when it has more than 76 digits.
    Result<std::pair<int16_t, WideInt>> wide_total() const;

    int64_t count_;
    WideInt sum_;       // at scale_, if flags_ has kHasScale
    ScaledSums* more_;  // null: there is one scale
    int16_t scale_;
    uint8_t flags_;
};
static_assert(std::is_trivially_copyable_v<NumericSum>);

}  // namespace braid::operators
